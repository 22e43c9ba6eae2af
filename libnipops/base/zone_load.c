/* Zones by name: the system's files, and never a file outside of their folder. */
#include "base/zone.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

#define FOLDER "/usr/share/zoneinfo/"

enum { NAME_MAX_LENGTH = 100, FILE_MAX = 256 * 1024 };

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
