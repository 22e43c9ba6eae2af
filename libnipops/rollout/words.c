/* Words that plans read otherwise. Documents stand in the arguments of a plan's actions and in its release record, where {from: STEP} is a
 * reference to a step and {after: 24h} an instant: maps whose keys anybody may choose would be handed on as something else. */
#include "rollout/words.h"

#include "base/text.h"
#include "plan/reference.h"

enum { PATH_MAX_BYTES = 4096 };

typedef struct checker {
    const char *file;
    nip__problems *problems;
} checker;

static void write_key(nip__buffer *path, const char *key)
{
    nip__buffer_char(path, '/');
    for (const char *p = key; *p != '\0'; p++) {
        if (*p == '~' || *p == '/')
            nip__buffer_text(path, *p == '~' ? "~0" : "~1");
        else
            nip__buffer_char(path, *p);
    }
}

static void refuse(const checker *c, const char *path, const nip__value *map, const char *key, const char *meaning)
{
    const nip__value *item = nip__get(map, key);
    nip__buffer whole = NIP__BUFFER(PATH_MAX_BYTES);
    nip__buffer_text(&whole, path);
    write_key(&whole, key);
    if (whole.failed && !whole.full)
        c->problems->nomem = 1;
    else
        nip__problems_add(c->problems, c->file, (int)item->line, (int)item->column, nip__buffer_string(&whole),
                          "plans read a map with %s: call the key otherwise, or write it with a capital if it is a header's name",
                          meaning);
    nip__buffer_clear(&whole);
}

static void check(const checker *c, const char *path, const nip__value *value);

static void check_item(const checker *c, const char *path, const nip__value *item, int64_t index)
{
    nip__buffer inner = NIP__BUFFER(PATH_MAX_BYTES);
    nip__buffer_text(&inner, path);
    if (item->key != NULL) {
        write_key(&inner, item->key);
    } else {
        nip__buffer_char(&inner, '/');
        nip__buffer_int(&inner, index);
    }
    if (inner.failed && !inner.full)
        c->problems->nomem = 1;
    else
        check(c, nip__buffer_string(&inner), item);
    nip__buffer_clear(&inner);
}

/* As deep as a document may be. */
static void check(const checker *c, const char *path, const nip__value *value)
{
    int64_t index = 0;
    if (!nip__is(value, NIP__MAP) && !nip__is(value, NIP__LIST))
        return;
    if (nip__is_reference(value))
        refuse(c, path, value, "from", "a text under \"from\" as a reference to a step");
    else if (nip__is_after(value))
        refuse(c, path, value, "after", "nothing but a text under \"after\" as an instant");
    for (NIP__EACH(item, value))
        check_item(c, path, item, index++);
}

/* Notices look at their own headers, and their bodies stand in plans as text. */
void nip__rollout_check_words(const nip__value *rollout, const char *file, nip__problems *problems)
{
    checker c = {file, problems};
    for (NIP__EACH(item, rollout)) {
        if (!nip__text_equal(item->key, "on_end"))
            check_item(&c, "/rollout", item, 0);
    }
}
