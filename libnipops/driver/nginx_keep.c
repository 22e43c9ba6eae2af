/* Texts that are set aside: what somebody wrote by hand is never thrown away.
 *
 * nginx.conf may include whatever is in the file's folder, so they are kept in the context's state folder; without one
 * beside the file, under a name with a leading dot, which no include pattern matches. The name bears a mark of file and
 * text: the same text again is the same file, another one never takes its place. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
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

const char *nip__nginx_kept_path(nip__nginx_work *work, const char *mark, const char *kind, nip_error **err)
{
    const char *where = NULL, *name = strrchr(work->driver->settings.file, '/') + 1;
    if (place(work, &where, err) < 0)
        return NULL;
    const char *path = nip__arena_printf(work->base.arena, "%s%s.%s.%s", where, name, mark, kind);
    if (path == NULL)
        nip__nomem(err);
    return path;
}

bool nip__nginx_keep_edited(nip__nginx_work *work, nip_error **err)
{
    char mark[NIP__NGINX_MARK_MAX];
    if (work->file.found != NIP__NGINX_EDITED)
        return true;
    nip__nginx_mark(&work->driver->settings, nip__buffer_string(&work->old), work->old.length, mark);
    work->kept = nip__nginx_kept_path(work, mark, "edited", err);
    return work->kept != NULL &&
           nip__file_write(work->kept, nip__buffer_string(&work->old), work->old.length, err) == 0;
}
