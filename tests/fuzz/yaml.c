/* Any text as a document: loading, checking, showing, overriding. */
#include "fuzz.h"

#include "doc/doc.h"
#include "doc/yaml.h"

static void check_tree(const char *text, size_t size)
{
    nip__arena *arena = nip__arena_new();
    nip__value *value = NULL;
    nip_error *err = NULL;
    int rc = nip__yaml_read(arena, text, size, "input", &nip__document_limits, &value, &err);
    if (rc < 0)
        fuzz_refused(rc, err);
    else
        fuzz_tree(value);
    nip__arena_free(arena);
}

/* What the document's own text says is also what it is overridden with: pointers and scalars as hostile as the rest. */
static void check_override(nip_doc *doc, const char *text)
{
    char pointer[64], value[64];
    size_t line = strcspn(text, "\n");
    snprintf(pointer, sizeof pointer, "/%.*s", (int)(line < 60 ? line : 60), text);
    snprintf(value, sizeof value, "%.60s", text[line] == '\0' ? "" : text + line + 1);
    nip_error *err = NULL;
    int rc = nip_doc_set(doc, pointer, value, &err);
    if (rc < 0)
        fuzz_refused(rc, err);
}

static void check_shown(const nip_doc *doc)
{
    char *json = NULL;
    must(nip_doc_to_json(doc, &json, NULL) == 0);
    fuzz_json(json);
    nip_free(json);
    must(nip_doc_kind(doc) != NULL);
}

static void check_kind(const nip_doc *doc)
{
    nip_error *err = NULL;
    int rc = nip_doc_check(doc, &err);
    if (rc < 0) {
        for (int i = 0; i < nip_error_count(err); i++)
            must(nip_error_message(nip_error_at(err, i))[0] != '\0');
        char *json = nip_error_to_json(err);
        must(json != NULL);
        fuzz_json(json);
        nip_free(json);
        fuzz_refused(rc, err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    nip_doc *doc = NULL;
    nip_error *err = NULL;
    check_tree((const char *)data, size);
    int rc = nip_doc_load_text((const char *)data, size, "input", &doc, &err);
    if (rc < 0) {
        fuzz_refused(rc, err);
    } else {
        check_kind(doc);
        check_shown(doc);
        check_override(doc, text);
        check_kind(doc);
        check_shown(doc);
    }
    nip_doc_free(doc);
    free(text);
    return 0;
}
