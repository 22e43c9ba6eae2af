/* Loaded, used and unloaded twice: the library goes whole, and leaves no memory behind. Usage: reload MODULE */
#include <dlfcn.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>

#include "guest_jobs.h"

/* What glibc's newlocale keeps of LOCPATH when a library that libcurl brings along (p11-kit) asks it for a locale. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:__argz_add_sep\n";
}

static void *symbol(void *module, const char *name)
{
    void *found = dlsym(module, name);
    if (found == NULL)
        fprintf(stderr, "%s\n", dlerror());
    return found;
}

static int use(void *module)
{
    static char text[65536];
    union {
        void *symbol;
        int (*call)(const char *, const char *, guest_look *, void *, char *, size_t);
    } rollout = {.symbol = symbol(module, "guest_rollout")};
    union {
        void *symbol;
        int (*call)(guest_look *, void *, char *, size_t);
    } health = {.symbol = symbol(module, "guest_health")};
    if (rollout.symbol == NULL || health.symbol == NULL)
        return -1;
    int rc = rollout.call("memory:", "shop", NULL, NULL, text, sizeof text);
    if (rc == 0)
        rc = health.call(NULL, NULL, text, sizeof text);
    if (rc != 0)
        fprintf(stderr, "%s\n", text);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    for (int time = 1; time <= 2; time++) {
        void *module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        if (module == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        if (use(module) != 0)
            return 1;
        dlclose(module);
        if (dlopen("libnipops.so.0", RTLD_NOW | RTLD_NOLOAD) != NULL) {
            fprintf(stderr, "still loaded after dlclose\n");
            return 1;
        }
    }
    if (__lsan_do_recoverable_leak_check() != 0)
        return 1;
    printf("1 passed, 0 failed\n");
    return 0;
}
