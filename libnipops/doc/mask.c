/* Documents without their secrets: a schema says what is secret; where none does, names and URLs give it away. */
#include "doc/schema.h"

#include <string.h>

#include "base/text.h"

static const char masked[] = "***";

/* "db_password", "X-Auth-Token", ... */
bool nip__sounds_secret(const char *key)
{
    static const char *const names[] = {"password", "passwd",     "passphrase", "secret", "token",   "authorization",
                                        "cookie",   "credential", "api_key",    "apikey", "api-key", "private_key"};
    if (key == NULL)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (nip__text_has_alike(key, names[i]))
            return true;
    }
    return false;
}

/* scheme://user:password@host: where the password begins and how long it is. */
static bool find_password(const char *text, size_t *start, size_t *length)
{
    const char *authority = strstr(text, "://");
    if (authority == NULL)
        return false;
    authority += 3;
    size_t end = strcspn(authority, "/?# ");
    const char *at = memrchr(authority, '@', end);
    const char *colon = at == NULL ? NULL : memchr(authority, ':', (size_t)(at - authority));
    if (colon == NULL)
        return false;
    *start = (size_t)(colon + 1 - text);
    *length = (size_t)(at - colon - 1);
    return true;
}

static nip__value *copy_text(nip__arena *arena, const nip__value *value)
{
    const char *text = value->as.string.text;
    size_t start, length;
    if (!find_password(text, &start, &length))
        return nip__copy(arena, value);
    return nip__string(arena, nip__arena_printf(arena, "%.*s%s%s", (int)start, text, masked, text + start + length));
}

static nip__value *mask(nip__arena *arena, const nip__field *field, const nip__value *value);

static const nip__field *inner_field(const nip__field *field, const char *key)
{
    if (field == NULL || field->type == NIP__T_ANY)
        return NULL;
    if (field->type != NIP__T_MAP)
        return field->item;
    for (const nip__field *inner = field->fields; inner != NULL && inner->name != NULL; inner++) {
        if (nip__text_equal(inner->name, key) || (inner->also != NULL && nip__text_equal(inner->also, key)))
            return inner;
    }
    return NULL;
}

static nip__value *mask_items(nip__arena *arena, const nip__field *field, const nip__value *container)
{
    bool map = container->kind == NIP__MAP;
    nip__value *made = map ? nip__map(arena) : nip__list(arena);
    for (NIP__EACH(item, container)) {
        nip__value *inner = mask(arena, inner_field(field, item->key), item);
        if (map)
            nip__append(arena, made, item->key, inner);
        else
            nip__push(made, inner);
    }
    return made;
}

/* {env: NAME} or {file: PATH}: only says where the secret is */
static bool is_reference(const nip__value *value)
{
    return nip__count(value) == 1 && (nip__get_text(value, "env") != NULL || nip__get_text(value, "file") != NULL);
}

static bool is_secret(const nip__field *field, const nip__value *value)
{
    if (field != NULL && ((field->flags & NIP__F_SECRET) != 0 || field->type == NIP__T_SECRET))
        return value->kind != NIP__NULL && value->kind != NIP__BOOL && !is_reference(value);
    return (value->kind == NIP__STRING || value->kind == NIP__LIST) && field == NULL && nip__sounds_secret(value->key);
}

static nip__value *mask(nip__arena *arena, const nip__field *field, const nip__value *value)
{
    if (value == NULL)
        return NULL;
    if (field != NULL && field->type == NIP__T_LIST && value->kind != NIP__LIST)
        field = field->item; /* a single item stands for a list of one */
    if (is_secret(field, value))
        return nip__string(arena, masked);
    if (value->kind >= NIP__LIST)
        return mask_items(arena, field, value);
    return value->kind == NIP__STRING ? copy_text(arena, value) : nip__copy(arena, value);
}

nip__value *nip__schema_mask(nip__arena *arena, const nip__field *fields, const nip__value *value)
{
    nip__field root = {.type = NIP__T_MAP, .fields = fields};
    return mask(arena, fields == NULL ? NULL : &root, value);
}
