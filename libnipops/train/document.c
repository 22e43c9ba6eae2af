/* The train document's schema, and what a schema cannot say. The apps' own documents are checked as what they are: rollout documents. */
#include "train/document.h"

#include "base/text.h"
#include "nipops/store.h"
#include "rollout/document.h"

#define APPS_MAX 100

static const nip__field name_item = {.type = NIP__T_TEXT, .min = 1, .max = 128};

static const nip__field app_fields[] = {
    {.name = "document",
     .type = NIP__T_TEXT,
     .min = 1,
     .max = 4096,
     .help = "file with the app's rollout document, seen from the train's own file"},
    {.name = "rollout", .type = NIP__T_ANY, .help = "the same, written here"},
    {.name = "after",
     .type = NIP__T_LIST,
     .flags = NIP__F_ONE_OR_LIST,
     .max = APPS_MAX,
     .item = &name_item,
     .help = "apps that come before this one, by their `app` (default: the order of the list)"},
    {0},
};
static const nip__field app_item = {.type = NIP__T_MAP, .fields = app_fields};

static const nip__field inner_fields[] = {
    {.name = "name",
     .type = NIP__T_TEXT,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = 128,
     .help = "names the train's journal; no app has the same"},
    {.name = "apps",
     .type = NIP__T_LIST,
     .flags = NIP__F_REQUIRED,
     .min = 1,
     .max = APPS_MAX,
     .item = &app_item,
     .help = "what is released together, in this order"},
    {.name = "barrier",
     .type = NIP__T_BOOL,
     .otherwise = "true",
     .help = "no app gives its old version up before all new ones are proven; if one fails, all go back"},
    {.name = "parallel",
     .type = NIP__T_BOOL,
     .otherwise = "false",
     .help = "apps go at the same time where `after` allows it; else one after the other"},
    {0},
};

const nip__field nip__train_fields[] = {
    {.name = "train",
     .type = NIP__T_MAP,
     .flags = NIP__F_REQUIRED,
     .fields = inner_fields,
     .help = "several apps released together"},
    {0},
};

static void problem(nip__problems *problems, const char *file, const nip__value *where, const char *path, const char *what)
{
    nip__problems_add(problems, file, (int)where->line, (int)where->column, path, "%s", what);
}

/* The same rules as for a file of its own. */
static void check_inline(const nip__value *rollout, const char *file, const char *path, nip__problems *problems)
{
    nip__arena *arena = nip__arena_new();
    nip__value *root = nip__map(arena);
    if (root != NULL) {
        root->line = rollout->line;
        root->column = rollout->column;
    }
    nip__put(arena, root, "rollout", nip__copy(arena, rollout));
    nip__value *adapted = nip__rollout_adapt(arena, root, file, problems);
    nip__value *normalized = adapted == NULL ? NULL : nip__schema_apply(arena, nip__rollout_document_fields, adapted, file, path, problems);
    if (normalized != NULL)
        nip__rollout_check(normalized, root, file, problems);
    if (nip__arena_failed(arena))
        problems->nomem = 1;
    nip__arena_free(arena);
}

static void check_app(const nip__value *app, const char *file, size_t index, nip__problems *problems)
{
    nip__buffer path = NIP__BUFFER(64);
    nip__buffer_printf(&path, "/train/apps/%zu", index);
    const nip__value *rollout = nip__get(app, "rollout");
    if ((rollout == NULL) == (nip__get(app, "document") == NULL))
        problem(problems, file, app, nip__buffer_string(&path), "must have exactly one of document and rollout");
    if (rollout != NULL && !nip__is(rollout, NIP__MAP))
        problem(problems, file, rollout, nip__buffer_string(&path), "rollout must be a map, as in a rollout document");
    else if (rollout != NULL)
        check_inline(rollout, file, nip__buffer_string(&path), problems);
    nip__buffer_clear(&path);
}

static void check(const nip__value *normalized, const nip__value *original, const char *file, nip__problems *problems)
{
    (void)original;
    const nip__value *train = nip__get(normalized, "train");
    const char *name = nip__get_text(train, "name");
    if (name != NULL && !nip__text_subject(name))
        problem(problems, file, nip__get(train, "name"), "/train/name",
                "must be 1 to 128 of A-Z a-z 0-9 . _ - and begin with a letter or digit");
    size_t index = 0;
    for (NIP__EACH(app, nip__get(train, "apps")))
        check_app(app, file, index++, problems);
}

const nip__doc_kind nip__doc_train = {.name = "train", .fields = nip__train_fields, .check = check};
