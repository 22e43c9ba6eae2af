/* Documents: loaded, overridden, checked, shown. */
#include "doc/doc.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "doc/yaml.h"

struct nip_doc {
    nip__arena *arena;
    nip__value *root;
    const char *name;
};

/* ---- loading ---- */

static int load(nip_doc *doc, const char *text, size_t length, const char *name, nip_error **err)
{
    doc->arena = nip__arena_new();
    doc->name = nip__arena_text(doc->arena, name);
    if (doc->name == NULL)
        return nip__nomem(err);
    return nip__yaml_read(doc->arena, text, length, name, &nip__document_limits, &doc->root, err);
}

int nip_doc_load_text(const char *text, size_t length, const char *name, nip_doc **doc, nip_error **err)
{
    NIP_ARG((text != NULL || length == 0) && doc != NULL);
    nip_doc *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    int rc = load(made, text == NULL ? "" : text, length, name == NULL ? "document" : name, err);
    if (rc < 0) {
        nip_doc_free(made);
        return rc;
    }
    *doc = made;
    return 0;
}

int nip_doc_load_file(const char *path, nip_doc **doc, nip_error **err)
{
    NIP_ARG(path != NULL && doc != NULL);
    nip__buffer text = NIP__BUFFER(nip__document_limits.bytes);
    int rc = nip__file_read(path, nip__document_limits.bytes, &text, err);
    if (rc == 0)
        rc = nip_doc_load_text(nip__buffer_string(&text), text.length, strcmp(path, "-") == 0 ? "standard input" : path,
                               doc, err);
    nip__buffer_clear(&text);
    return rc;
}

int nip__doc_part(const nip_doc *doc, const nip__value *part, const char *key, nip_doc **made, nip_error **err)
{
    nip_doc *copy = nip__calloc(1, sizeof *copy);
    if (copy == NULL)
        return nip__nomem(err);
    copy->arena = nip__arena_new();
    copy->name = nip__arena_text(copy->arena, doc->name);
    copy->root = nip__map(copy->arena);
    nip__put(copy->arena, copy->root, key, nip__copy(copy->arena, part));
    if (copy->arena == NULL || nip__arena_failed(copy->arena)) {
        nip_doc_free(copy);
        return nip__nomem(err);
    }
    copy->root->line = part->line;
    copy->root->column = part->column;
    *made = copy;
    return 0;
}

void nip_doc_free(nip_doc *doc)
{
    if (doc == NULL)
        return;
    nip__arena_free(doc->arena);
    nip__free(doc);
}

const nip__value *nip__doc_root(const nip_doc *doc)
{
    return doc->root;
}

const char *nip__doc_file(const nip_doc *doc)
{
    return doc->name;
}

/* ---- checking ---- */

const char *nip_doc_kind(const nip_doc *doc)
{
    if (doc == NULL)
        return "";
    const nip__doc_kind *kind = nip__doc_kind_of(doc->root);
    if (kind != NULL)
        return kind->name;
    const nip__value *first = nip__is(doc->root, NIP__MAP) ? nip__first(doc->root) : NULL;
    return first == NULL ? "" : first->key;
}

static nip__value *normalize(nip__arena *arena, const nip_doc *doc, const nip__doc_kind *kind, nip__problems *problems)
{
    const nip__value *root = doc->root;
    if (kind->adapt != NULL)
        root = kind->adapt(arena, root, doc->name, problems);
    nip__value *made = root == NULL           ? NULL
                       : kind->fields == NULL ? nip__copy(arena, root)
                                              : nip__schema_apply(arena, kind->fields, root, doc->name, "", problems);
    if (made != NULL && kind->check != NULL)
        kind->check(made, doc->root, doc->name, problems);
    return made;
}

int nip__doc_normalize(nip__arena *arena, const nip_doc *doc, const nip__doc_kind *kind, nip__value **normalized,
                       nip_error **err)
{
    nip__problems problems = {0};
    nip__value *made = normalize(arena, doc, kind, &problems);
    if (nip__arena_failed(arena))
        problems.nomem = 1;
    int rc = nip__problems_finish(&problems, NIP_E_DOCUMENT, err);
    if (rc == 0 && made == NULL)
        rc = nip__fail_at(err, NIP_E_DOCUMENT, doc->name, 0, 0, NULL, "is not a %s document", kind->name);
    if (rc == 0)
        *normalized = made;
    return rc;
}

static int unknown_kind(const nip_doc *doc, nip_error **err)
{
    const nip__value *root = doc->root;
    const nip__value *first = nip__first(root);
    const char *nearest = NULL;
    if (nip__is(root, NIP__NULL))
        return nip__fail_at(err, NIP_E_DOCUMENT, doc->name, 0, 0, NULL, "the document is empty");
    if (!nip__is(root, NIP__MAP) || first == NULL)
        return nip__fail_at(err, NIP_E_DOCUMENT, doc->name, (int)root->line, (int)root->column, NULL,
                            "a document is a map with a key such as \"rollout\", found %s",
                            nip__is(root, NIP__MAP) ? "an empty map" : nip__kind_name(root->kind));
    for (const nip__value *item = first; item != NULL && nearest == NULL; item = item->next)
        nearest = nip__text_nearest(item->key, nip__doc_kind_names());
    if (nearest != NULL)
        return nip__fail_at(err, NIP_E_DOCUMENT, doc->name, (int)nip__key_line(first), (int)nip__key_column(first),
                            NULL, "unknown kind of document \"%.64s\"; did you mean \"%s\"?", first->key, nearest);
    return nip__fail_at(err, NIP_E_DOCUMENT, doc->name, (int)nip__key_line(first), (int)nip__key_column(first), NULL,
                        "unknown kind of document \"%.64s\": its top-level key is one of rollout, train, health, sla, plan",
                        first->key);
}

int nip_doc_check(const nip_doc *doc, nip_error **err)
{
    NIP_ARG(doc != NULL);
    const nip__doc_kind *kind = nip__doc_kind_of(doc->root);
    if (kind == NULL)
        return unknown_kind(doc, err);
    nip__arena *arena = nip__arena_new();
    if (arena == NULL)
        return nip__nomem(err);
    nip__value *normalized;
    int rc = nip__doc_normalize(arena, doc, kind, &normalized, err);
    nip__arena_free(arena);
    return rc;
}

/* ---- overriding ---- */

enum { POINTER_LEVELS_MAX = 64 };

static int bad_pointer(const char *pointer, const char *why, nip_error **err)
{
    return nip__fail(err, NIP_E_INVALID, "\"%.200s\" cannot be set: %s", pointer, why);
}

/* "a~1b" -> "a/b"; in `arena`. */
static char *unescape(nip__arena *arena, const char *token, size_t length)
{
    char *key = nip__arena_copy(arena, token, length);
    char *out = key;
    for (size_t i = 0; key != NULL && i < length; i++) {
        char c = token[i];
        if (c == '~' && i + 1 < length && (token[i + 1] == '0' || token[i + 1] == '1'))
            c = token[++i] == '0' ? '~' : '/';
        *out++ = c;
    }
    if (key != NULL)
        *out = '\0';
    return key;
}

/* Replaces what `old` holds, so that it keeps its place in its container. */
static void replace_content(nip__value *old, const nip__value *value)
{
    old->kind = value->kind;
    old->as = value->as;
    old->line = old->column = 0; /* no longer what the text says */
}

/* Wraps `value` in a map for each token of `rest`, the innermost last, and hangs it into `map` under the first one. */
static int hang(nip_doc *doc, nip__value *map, const char *rest, nip__value *value, nip_error **err)
{
    nip__value *top = NULL, *at = NULL;
    const char *top_key = NULL;
    while (*rest == '/') {
        size_t length = strcspn(++rest, "/");
        const char *key = unescape(doc->arena, rest, length);
        rest += length;
        nip__value *made = *rest == '\0' ? value : nip__map(doc->arena);
        if (top == NULL) {
            top = made;
            top_key = key;
        } else {
            nip__append(doc->arena, at, key, made);
        }
        at = made;
    }
    if (top == NULL || top_key == NULL || nip__arena_failed(doc->arena))
        return nip__nomem(err);
    nip__put(doc->arena, map, top_key, top);
    return nip__arena_failed(doc->arena) ? nip__nomem(err) : 0;
}

/* The value that the pointer's beginning names; *rest is what has no value yet. */
static nip__value *descend(nip__value *value, const char **rest)
{
    char token[512];
    while (**rest == '/') {
        size_t length = strcspn(*rest + 1, "/") + 1;
        if (length >= sizeof token)
            return value;
        memcpy(token, *rest, length);
        token[length] = '\0';
        const nip__value *next = nip__pointer(value, token);
        if (next == NULL)
            return value;
        value = (nip__value *)(uintptr_t)next; /* the tree is ours: only reading it is const */
        *rest += length;
    }
    return value;
}

static int set_value(nip_doc *doc, const char *pointer, nip__value *value, nip_error **err)
{
    const char *rest = pointer;
    nip__value *found = descend(doc->root, &rest);
    if (*rest == '\0') {
        if (found->kind >= NIP__LIST)
            return bad_pointer(pointer, found->kind == NIP__MAP ? "there is a map" : "there is a list", err);
        replace_content(found, value);
        return 0;
    }
    if (found->kind == NIP__LIST)
        return bad_pointer(pointer, "the list has no such item", err);
    if (found->kind != NIP__MAP && found->kind != NIP__NULL)
        return bad_pointer(pointer, "a value on the way to it is no map", err);
    nip__value *map = found->kind == NIP__MAP ? found : nip__map(doc->arena);
    int rc = map == NULL ? nip__nomem(err) : hang(doc, map, rest, value, err);
    if (rc == 0 && map != found)
        replace_content(found, map);
    return rc;
}

static bool valid_pointer(const char *pointer)
{
    size_t levels = 0;
    for (const char *p = pointer; *p != '\0'; p++)
        levels += *p == '/';
    return pointer[0] == '/' && levels < POINTER_LEVELS_MAX && nip__text_utf8(pointer, strlen(pointer));
}

/* A quoted value is text whatever stands between the quotes. */
static int read_scalar(nip_doc *doc, const char *pointer, const char *text, nip__value **value, nip_error **err)
{
    if (!nip__text_utf8(text, strlen(text)))
        return bad_pointer(pointer, "the value is not valid UTF-8", err);
    if (text[0] != '"' && text[0] != '\'') {
        *value = nip__yaml_scalar(doc->arena, text);
        return *value == NULL ? nip__nomem(err) : 0;
    }
    int rc = nip__yaml_read(doc->arena, text, strlen(text), "value", &nip__document_limits, value, NULL);
    if (rc == NIP_E_NOMEM)
        return nip__nomem(err);
    return rc < 0 || (*value)->kind >= NIP__LIST ? bad_pointer(pointer, "the quoted value is not well-formed", err) : 0;
}

int nip_doc_set(nip_doc *doc, const char *pointer, const char *value, nip_error **err)
{
    NIP_ARG(doc != NULL && pointer != NULL && value != NULL);
    if (!valid_pointer(pointer))
        return bad_pointer(pointer, "a pointer looks like \"/rollout/replicas\"", err);
    nip__value *scalar;
    int rc = read_scalar(doc, pointer, value, &scalar, err);
    if (rc == 0)
        rc = set_value(doc, pointer, scalar, err);
    nip__arena_recover(doc->arena);
    return rc;
}

/* ---- showing ---- */

int nip_doc_to_json(const nip_doc *doc, char **json, nip_error **err)
{
    NIP_ARG(doc != NULL && json != NULL);
    const nip__doc_kind *kind = nip__doc_kind_of(doc->root);
    nip__arena *arena = nip__arena_new();
    nip__value *masked = nip__schema_mask(arena, kind == NULL ? NULL : kind->fields, doc->root);
    char *text = nip__arena_failed(arena) ? NULL : nip__json_text(masked);
    nip__arena_free(arena);
    if (text == NULL)
        return nip__nomem(err);
    *json = text;
    return 0;
}
