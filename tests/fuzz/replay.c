/* Gives files to a target without a fuzzer: every file named, and every file of every folder named. The name of the file at hand is
 * printed first, so that the last line says which one a crash is about.
 *
 *     fuzz-yaml tests/fuzz/corpus/yaml */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

static int replayed;

static bool give_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        fprintf(stderr, "cannot read %s\n", path);
        return false;
    }
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size + 1);
    must(data != NULL);
    bool whole = fread(data, 1, size, file) == size;
    fclose(file);
    uint8_t *exact = malloc(size > 0 ? size : 1);
    must(whole && exact != NULL);
    memcpy(exact, data, size);
    free(data);
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    replayed++;
    return true;
}

static bool give(const char *path);

static bool give_folder(const char *path, DIR *folder)
{
    bool fine = true;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char inner[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        fine = give(inner) && fine;
    }
    closedir(folder);
    return fine;
}

static bool give(const char *path)
{
    DIR *folder = opendir(path);
    return folder != NULL ? give_folder(path, folder) : give_file(path);
}

int main(int argc, char **argv)
{
    bool fine = true;
    for (int i = 1; i < argc; i++)
        fine = give(argv[i]) && fine;
    printf("%d inputs\n", replayed);
    return fine && replayed > 0 ? 0 : 1;
}
