/* The apps' documents of a train: each becomes a rollout document of its own, which waits at the barrier. */
#include "nipops/train.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "train/document.h"

/* As written: a train whose own document has mistakes still tells where the others are, so that all can be checked at once. */
static const nip__value *written_apps(const nip_doc *doc)
{
    const nip__value *apps = nip__get(nip__get(nip__doc_root(doc), "train"), "apps");
    return nip__is(apps, NIP__LIST) ? apps : NULL;
}

int64_t nip_train_apps(const nip_doc *doc)
{
    return doc == NULL ? 0 : (int64_t)nip__count(written_apps(doc));
}

/* "db.yaml" beside "trains/autumn.yaml" is "trains/db.yaml". */
static char *beside(const nip_doc *train, const char *path)
{
    const char *file = nip__doc_file(train), *slash = strrchr(file, '/');
    nip__buffer whole = NIP__BUFFER(16384);
    if (path[0] != '/' && slash != NULL)
        nip__buffer_put(&whole, file, (size_t)(slash - file) + 1);
    nip__buffer_text(&whole, path);
    char *taken = nip__buffer_take(&whole);
    nip__buffer_clear(&whole);
    return taken;
}

static int load_beside(const nip_doc *train, const nip__value *app, nip_doc **made, nip_error **err)
{
    const nip__value *path = nip__get(app, "document");
    char *file = beside(train, path->as.string.text);
    nip_error *inner = NULL;
    if (file == NULL)
        return nip__nomem(err);
    int rc = nip_doc_load_file(file, made, &inner);
    if (rc == NIP_E_IO)
        rc = nip__fail_at(err, rc, nip__doc_file(train), (int)path->line, (int)path->column, NULL, "%s", nip_error_message(inner));
    else
        nip__pass(err, inner), inner = NULL;
    nip_error_free(inner);
    nip_free(file);
    return rc;
}

/* What the plan asks at the barrier. A document without `rollout:` has its keys at the top. */
static int set_barrier(nip_doc *doc, const nip__value *train, nip_error **err)
{
    const char *name = nip__get_text(train, "name");
    nip__buffer ask = NIP__BUFFER(1024);
    if (!nip__get_bool(train, "barrier", true) || name == NULL || !nip__text_subject(name))
        return 0;
    bool inner = nip__get(nip__doc_root(doc), "rollout") != NULL;
    nip__buffer_printf(&ask, "\"train %s goes on by itself once all of its apps are proven; an answer by hand lets this app go before the others\"", name);
    int rc = ask.failed ? nip__nomem(err) : nip_doc_set(doc, inner ? "/rollout/barrier" : "/barrier", nip__buffer_string(&ask), err);
    nip__buffer_clear(&ask);
    return rc;
}

int nip_train_app(const nip_doc *doc, int64_t index, nip_doc **app, nip_error **err)
{
    NIP_ARG(doc != NULL && app != NULL);
    const nip__value *item = index >= 0 ? nip__at(written_apps(doc), (size_t)index) : NULL;
    if (item == NULL)
        return nip__fail(err, NIP_E_NOTFOUND, "the train has %lld apps, so none with index %lld", (long long)nip_train_apps(doc),
                         (long long)index);
    nip_doc *made = NULL;
    int rc;
    if (nip__is(nip__get(item, "document"), NIP__STRING))
        rc = load_beside(doc, item, &made, err);
    else if (nip__is(nip__get(item, "rollout"), NIP__MAP))
        rc = nip__doc_part(doc, nip__get(item, "rollout"), "rollout", &made, err);
    else
        rc = nip__fail_at(err, NIP_E_DOCUMENT, nip__doc_file(doc), (int)item->line, (int)item->column, NULL,
                          "an app of a train must have exactly one of document and rollout");
    if (rc == 0)
        rc = set_barrier(made, nip__get(nip__doc_root(doc), "train"), err);
    if (rc < 0) {
        nip_doc_free(made);
        return rc;
    }
    *app = made;
    return 0;
}
