/* Texts that are set aside: what somebody wrote by hand, for good; and what stood in the file before a write, until the
 * write is proven. The text that is written names the latter by its mark: whoever finds it there, not in force, and what
 * it names still set aside, knows that its writer died, and what to go back to.
 *
 * nginx.conf may include whatever is in the file's folder, so they are kept in the context's state folder; without one
 * beside the file, under a name with a leading dot, which no include pattern matches. The name bears a mark of file and
 * text: the same text again is the same file, another one never takes its place. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/ctx.h"
#include "base/error.h"
#include "base/file.h"
#include "driver/nginx_work.h"

/* What the name follows: "/var/lib/nipops/nginx/" or "/etc/nginx/conf.d/.". */
static int place(nip__nginx_work *work, const char **where, nip_error **err)
{
    nip__arena *arena = work->base.arena;
    const char *state = nip__ctx_state_dir(work->driver->ctx), *file = work->driver->settings.file;
    char whole[PATH_MAX];
    if (state == NULL) {
        *where = nip__arena_printf(arena, "%.*s.", (int)(strrchr(file, '/') + 1 - file), file);
        return *where == NULL ? nip__nomem(err) : 0;
    }
    const char *folder = nip__arena_printf(arena, "%s/nginx", state);
    if (folder == NULL)
        return nip__nomem(err);
    if (nip__file_make_folder(folder, err) < 0)
        return nip__wrap(err, "the nginx driver's state folder");
    if (realpath(folder, whole) == NULL)
        return nip__fail_errno(err, NIP_E_IO, errno, "state folder %s cannot be resolved", folder);
    *where = nip__arena_printf(arena, "%s/", whole);
    return *where == NULL ? nip__nomem(err) : 0;
}

static const char *kept_path(nip__nginx_work *work, const char *mark, const char *kind, nip_error **err)
{
    const char *where = NULL, *name = strrchr(work->driver->settings.file, '/') + 1;
    if (place(work, &where, err) < 0)
        return NULL;
    const char *path = nip__arena_printf(work->base.arena, "%s%s.%s.%s", where, name, mark, kind);
    if (path == NULL)
        nip__nomem(err);
    return path;
}

static const char *keep(nip__nginx_work *work, const char *mark, const char *kind, const char *text, size_t length,
                        nip_error **err)
{
    const char *path = kept_path(work, mark, kind, err);
    return path == NULL || nip__file_write(path, text, length, err) < 0 ? NULL : path;
}

bool nip__nginx_keep_edited(nip__nginx_work *work, nip_error **err)
{
    char mark[NIP__NGINX_MARK_MAX];
    if (work->file.found != NIP__NGINX_EDITED)
        return true;
    nip__nginx_mark(&work->driver->settings, nip__buffer_string(&work->old), work->old.length, mark);
    work->kept = keep(work, mark, "edited", nip__buffer_string(&work->old), work->old.length, err);
    return work->kept != NULL;
}

/* ---- what stood before ---- */

static const char no_file[] = "absent"; /* stands for none at all: nobody's configuration says just that */

/* Reads what `mark` names. 0: it is not there, or not what was set aside. */
static int read_before(nip__nginx_work *work, const char *mark, nip__buffer *text, nip_error **err)
{
    const char *path = kept_path(work, mark, "before", err);
    char found[NIP__NGINX_MARK_MAX];
    nip_error *error = NULL;
    if (path == NULL)
        return -1;
    int rc = nip__file_read(path, NIP__NGINX_FILE_MAX - 1, text, &error);
    bool missing = rc < 0 && nip_error_os_errno(error) == ENOENT;
    if (rc < 0 && !missing) {
        nip__pass(err, error);
        return -1;
    }
    nip_error_free(error);
    nip__nginx_mark(&work->driver->settings, nip__buffer_string(text), text->length, found);
    return rc == 0 && strcmp(found, mark) == 0;
}

/* 1: work->old is what stood before a text that was never proven. */
static int recover_before(nip__nginx_work *work, nip_error **err)
{
    nip__buffer text = NIP__BUFFER(NIP__NGINX_FILE_MAX);
    if (work->file.before[0] == '\0' || nip__nginx_in_force(work))
        return 0;
    int rc = read_before(work, work->file.before, &text, err);
    if (rc <= 0) {
        nip__buffer_clear(&text);
        return rc;
    }
    nip__buffer_clear(&work->old);
    work->old = text;
    work->absent = strcmp(nip__buffer_string(&work->old), no_file) == 0;
    work->reloaded = true; /* whoever died may have asked nginx to read what it wrote */
    return 1;
}

bool nip__nginx_keep_before(nip__nginx_work *work, nip_error **err)
{
    int recovered = recover_before(work, err);
    if (recovered < 0)
        return false;
    const char *text = work->absent ? no_file : nip__buffer_string(&work->old);
    size_t length = work->absent ? sizeof no_file - 1 : work->old.length;
    nip__nginx_mark(&work->driver->settings, text, length, work->mark);
    return recovered > 0 || keep(work, work->mark, "before", text, length, err) != NULL;
}

void nip__nginx_forget_before(nip__nginx_work *work, const char *mark)
{
    nip_error *ignored = NULL; /* a copy too many misleads nobody while its text is in force or gone */
    const char *path = mark[0] == '\0' ? NULL : kept_path(work, mark, "before", &ignored);
    if (path != NULL)
        unlink(path);
    nip_error_free(ignored);
}
