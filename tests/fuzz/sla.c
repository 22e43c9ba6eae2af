/* What people and journals hand to service levels. The first byte says what the rest is: a page of a state, rows of a file, a document, an exclusion, or a
 * report to be shown. */
#include <string.h>

#include "base/memory.h"
#include "fuzz.h"
#include "nipops/sla.h"
#include "sla/contract.h"
#include "sla/page.h"
#include "sla/rows.h"
#include "sla/rules.h"

static nip__state *state_of(const char *text, size_t length)
{
    nip__state *state = NULL;
    if (nip__state_new(&state, NULL) == 0 && nip__state_take(state, text, length, NULL) < 0) {
        nip__state_free(state);
        state = NULL;
    }
    return state;
}

typedef struct copying {
    nip__state *to;
} copying;

static int copy_page(void *data, const char *text, size_t length, nip_error **err)
{
    int rc = nip__state_take(((copying *)data)->to, text, length, err);
    must(rc == 0 || rc == NIP_E_NOMEM); /* what was written can be read */
    return rc;
}

/* A page that is read gives pages that say the same, and whose text is canonical. */
static void try_page(const char *text, size_t length)
{
    nip__state *state = state_of(text, length), *again = NULL;
    nip__buffer one = NIP__BUFFER(1 << 26), other = NIP__BUFFER(1 << 26);
    if (state != NULL && nip__state_new(&again, NULL) == 0) {
        copying copy = {again};
        must(nip__state_pages(state, copy_page, &copy, NULL) == 0);
        must(nip__state_merge(again, state, NULL) == 0); /* nothing new */
        if (nip__state_write(state, &one, NULL) == 0 && nip__state_write(again, &other, NULL) == 0)
            must(strcmp(nip__buffer_string(&one), nip__buffer_string(&other)) == 0);
    }
    nip__buffer_clear(&one);
    nip__buffer_clear(&other);
    nip__state_free(again);
    nip__state_free(state);
}

static void try_rows(const char *text, size_t length)
{
    nip__sla_rows rows = {0};
    if (nip__sla_rows_read(text, length, "rows", &rows, NULL) == 0)
        nip__sla_rows_clear(&rows);
}

/* A document that is valid makes a contract, and either rules or a refusal. */
static void try_document(const char *text, size_t length)
{
    nip_doc *doc = NULL;
    nip__contract *contract = NULL;
    nip__buffer rules = NIP__BUFFER(1 << 24);
    if (nip_doc_load_text(text, length, "fuzz", &doc, NULL) == 0 && nip__contract_load(doc, &contract, NULL) == 0) {
        nip__sla_rules_write(&rules, contract, NULL);
        nip__contract_free(contract);
    }
    nip__buffer_clear(&rules);
    nip_doc_free(doc);
}

static void try_exclusion(const char *text, size_t length)
{
    nip__exclusions *list = NULL;
    nip__spans spans = {0};
    if (nip__exclusions_new(&list, NULL) == 0 && nip__exclusions_add(list, 1, 0, text, length, NULL) == 0)
        nip__exclusion_add_spans(&list->items[0], INT64_C(1772319600000), INT64_C(1774994400000), &spans);
    must(nip__spans_length(&spans) >= 0 && nip__spans_length(&spans) <= INT64_C(2674800000));
    nip__spans_clear(&spans);
    nip__exclusions_free(list);
}

static void try_report(const char *text, size_t length)
{
    static const char *const formats[] = {"markdown", "html"};
    char *copy = nip__calloc(length + 1, 1);
    for (size_t i = 0; copy != NULL && i < 2; i++) {
        char *shown = NULL;
        memcpy(copy, text, length);
        if (nip_sla_report_text(copy, formats[i], &shown, NULL) == 0)
            must(strstr(shown, "<script") == NULL || i == 0);
        nip_free(shown);
    }
    nip__free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(const char *text, size_t length) = {try_page, try_rows, try_document, try_exclusion, try_report};
    if (size > 0)
        tries[data[0] % (sizeof tries / sizeof tries[0])]((const char *)data + 1, size - 1);
    return 0;
}
