/* Zones by name: the system's files, and never a file outside of their folder. */
#include "base/zone.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#define FOLDER "/usr/share/zoneinfo/"

enum { NAME_MAX_LENGTH = 100, FILE_MAX = 256 * 1024, VERSION_FILE_MAX = 1024 * 1024 };

/* Sixteen bytes of zeros. */
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
/* One type, four bytes of names: 31 zeros, then the two counts, the type and its name. */
#define BLOCK "TZif2" ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" "\0\0\0\1\0\0\0\4" "\0\0\0\0\0\0UTC\0"

static const char utc[] = BLOCK BLOCK "\nUTC0\n";

/* Words of letters, digits, + - _ with a slash between each; none begins with what could lead elsewhere. */
static bool is_zone_name(const char *name)
{
    size_t length = strnlen(name, NAME_MAX_LENGTH + 1);
    bool begins = true;
    if (length == 0 || length > NAME_MAX_LENGTH)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool inner = letter || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '_';
        if (begins ? !letter : c != '/' && !inner)
            return false;
        begins = c == '/';
    }
    return !begins;
}

int nip__zone_load(const char *name, nip__zone **zone, nip_error **err)
{
    if (nip__text_equal(name, "UTC"))
        return nip__zone_parse(utc, sizeof utc - 1, name, zone, err);
    if (name == NULL || !is_zone_name(name))
        return nip__fail(err, NIP_E_INVALID, "\"%.100s\" is no name of a time zone; they look like Europe/Berlin", name != NULL ? name : "");
    char path[sizeof FOLDER + NAME_MAX_LENGTH] = FOLDER;
    memcpy(path + sizeof FOLDER - 1, name, strlen(name) + 1);
    nip__buffer bytes = NIP__BUFFER(FILE_MAX);
    nip_error *why = NULL;
    int rc = nip__file_read(path, FILE_MAX, &bytes, &why);
    if (rc == 0 && bytes.failed)
        rc = nip__nomem(err);
    else if (rc == 0)
        rc = nip__zone_parse(nip__buffer_string(&bytes), bytes.length, name, zone, err);
    else if (rc == NIP_E_IO && nip_error_retryable(why)) { /* it may well be there */
        nip__pass(err, why);
        why = NULL;
    } else if (rc != NIP_E_NOMEM)
        rc = nip__fail(err, NIP_E_NOTFOUND, "there is no time zone %s in %s; is it misspelt, or is tzdata not installed?", name, FOLDER);
    else
        rc = nip__nomem(err);
    nip_error_free(why);
    nip__buffer_clear(&bytes);
    return rc;
}

/* ---- the version ---- */

bool nip__zone_version_read(const char *text, size_t length, char version[NIP__ZONE_VERSION_SIZE])
{
    static const char before[] = "# version ";
    const char *end = memchr(text, '\n', length);
    end = end != NULL ? end : text + length;
    if ((size_t)(end - text) >= sizeof before - 1 && memcmp(text, before, sizeof before - 1) == 0)
        text += sizeof before - 1;
    size_t size = (size_t)(end - text);
    for (const char *c = text; c < end; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        if (!letter && !(*c >= '0' && *c <= '9') && *c != '.' && *c != '-' && *c != '+')
            return false;
    }
    if (size == 0 || size >= NIP__ZONE_VERSION_SIZE)
        return false;
    memcpy(version, text, size);
    version[size] = '\0';
    return true;
}

int nip__zone_version(char version[NIP__ZONE_VERSION_SIZE], nip_error **err)
{
    static const char *const files[] = {FOLDER "tzdata.zi", FOLDER "+VERSION"};
    bool found = false, fails = false;
    int rc = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && !found && !fails; i++) {
        nip__buffer bytes = NIP__BUFFER(VERSION_FILE_MAX);
        nip_error *why = NULL;
        rc = nip__file_read(files[i], VERSION_FILE_MAX, &bytes, &why);
        found = rc == 0 && nip__zone_version_read(nip__buffer_string(&bytes), bytes.length, version);
        fails = rc == NIP_E_NOMEM || (rc < 0 && nip_error_retryable(why)); /* it may well be there */
        nip__pass(fails ? err : NULL, why);
        nip__buffer_clear(&bytes);
    }
    if (!found && !fails)
        memcpy(version, "unknown", sizeof "unknown");
    return fails ? rc : 0;
}
