/* Checks of this machine: settings that must be there, and space. */
#include "driver/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/text.h"

enum { MEMINFO_MAX = 64 * 1024 };

static void complete(nip_action *action, nip__arena *arena, const nip__value *result)
{
    if (nip__arena_failed(arena))
        nip__action_failed(action, "no_memory", 1, NULL, "out of memory");
    else
        nip__action_done(action, result);
}

/* Names only: a value may be a secret. */
void nip__check_settings(nip_action *action, const nip__value *args, nip__arena *arena)
{
    nip__value *result = nip__map(arena);
    nip__value *missing = nip__put(arena, result, "missing", nip__list(arena));
    for (NIP__EACH(name, nip__get(args, "env"))) {
        const char *value = getenv(name->as.string.text);
        if (value == NULL || value[0] == '\0')
            nip__push_text(arena, missing, name->as.string.text);
    }
    nip__put_int(arena, result, "count", (int64_t)nip__count(missing));
    complete(action, arena, result);
}

static void measure_disk(nip__arena *arena, nip__value *result, nip__value *problems, const char *path, int64_t wanted)
{
    struct statvfs disk;
    if (statvfs(path, &disk) < 0) {
        nip__push(problems, nip__string(arena, nip__arena_printf(arena, "%s: %s", path, strerrordesc_np(errno))));
        return;
    }
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    int64_t bytes = free_bytes > INT64_MAX ? INT64_MAX : (int64_t)free_bytes;
    nip__put_int(arena, result, "disk_free", bytes);
    if (bytes < wanted)
        nip__push(problems, nip__string(arena, nip__arena_printf(arena, "%s has %lld bytes free, wanted %lld", path,
                                                                 (long long)bytes, (long long)wanted)));
}

/* "MemAvailable:   12345 kB" of /proc/meminfo; -1: not known. */
static int64_t memory_available(void)
{
    nip__buffer text = NIP__BUFFER(MEMINFO_MAX);
    int64_t kilobytes = -1;
    if (nip__file_read("/proc/meminfo", MEMINFO_MAX, &text, NULL) == 0 && !text.failed) {
        const char *line = strstr(nip__buffer_string(&text), "MemAvailable:");
        char number[32] = "";
        if (line != NULL) {
            line += strlen("MemAvailable:");
            line += strspn(line, " \t");
            size_t length = strspn(line, "0123456789");
            if (length < sizeof number)
                memcpy(number, line, length);
        }
        if (!nip__text_int(number, &kilobytes) || kilobytes > INT64_MAX / 1024)
            kilobytes = -1;
    }
    nip__buffer_clear(&text);
    return kilobytes < 0 ? -1 : kilobytes * 1024;
}

static void measure_memory(nip__arena *arena, nip__value *result, nip__value *problems, int64_t wanted)
{
    int64_t bytes = memory_available();
    if (bytes >= 0)
        nip__put_int(arena, result, "memory_free", bytes);
    if (bytes < 0 && wanted > 0)
        nip__push_text(arena, problems, "how much memory is available cannot be read from /proc/meminfo");
    else if (bytes < wanted)
        nip__push(problems,
                  nip__string(arena, nip__arena_printf(arena, "%lld bytes of memory are available, wanted %lld",
                                                       (long long)bytes, (long long)wanted)));
}

void nip__check_resources(nip_action *action, const nip__value *args, nip__arena *arena)
{
    nip__value *result = nip__map(arena);
    nip__value *problems = nip__list(arena);
    const char *path = nip__get_text(args, "path");
    measure_disk(arena, result, problems, path != NULL ? path : ".", nip__get_int(args, "disk_free", 0));
    measure_memory(arena, result, problems, nip__get_int(args, "memory_free", 0));
    nip__put_bool(arena, result, "ok", nip__count(problems) == 0);
    nip__put(arena, result, "problems", problems);
    complete(action, arena, result);
}
