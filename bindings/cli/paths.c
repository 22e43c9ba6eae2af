/* Where things are kept, and who is asking. */
#include "cli.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *home(void)
{
    const char *named = getenv("HOME");
    if (named != NULL && named[0] == '/')
        return named;
    const struct passwd *user = getpwuid(geteuid());
    return user != NULL ? user->pw_dir : "/";
}

char *paths_store_url(const cli_options *given)
{
    if (given->store != NULL) {
        bool is_url = strncmp(given->store, "sqlite:", 7) == 0 || strncmp(given->store, "memory:", 7) == 0;
        return is_url ? copy_text(given->store) : format_text("sqlite:%s", given->store);
    }
    const char *state = getenv("XDG_STATE_HOME");
    if (state != NULL && state[0] == '/') /* the specification: a relative one counts as not set */
        return format_text("sqlite:%s/nipops/nipops.db", state);
    return format_text("sqlite:%s/.local/state/nipops/nipops.db", home());
}

static const char *path_of(const char *store_url)
{
    return strncmp(store_url, "sqlite:", 7) == 0 ? store_url + 7 : NULL;
}

char *paths_state_folder(const char *store_url)
{
    const char *path = path_of(store_url);
    return path == NULL ? NULL : format_text("%s.d", path);
}

bool paths_store_exists(const char *store_url, int *status)
{
    const char *path = path_of(store_url);
    if (path == NULL)
        return false;
    if (access(path, F_OK) == 0)
        return true;
    if (errno != ENOENT) { /* it may well exist: nobody shall believe that nothing was run */
        complain("%s cannot be looked at: %s", store_url, strerror(errno));
        *status = EXIT_RETURNED;
    }
    return false;
}

int paths_make_folders(const char *path)
{
    char *folder = copy_text(path);
    int status = 0;
    for (char *slash = strchr(folder + 1, '/'); slash != NULL && status == 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
            complain("%s: this folder is wanted for %s: %s", folder, path, strerror(errno));
            status = EXIT_RETURNED;
        }
        *slash = '/';
    }
    free(folder);
    return status;
}

const char *paths_person(const cli_options *given)
{
    static char number[32];
    if (given->by != NULL)
        return given->by;
    const char *before_sudo = getenv("SUDO_USER");
    if (geteuid() == 0 && before_sudo != NULL && before_sudo[0] != '\0')
        return before_sudo;
    const struct passwd *user = getpwuid(geteuid());
    if (user != NULL)
        return user->pw_name;
    snprintf(number, sizeof number, "uid-%lu", (unsigned long)geteuid());
    return number;
}
