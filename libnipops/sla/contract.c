/* A contract from its document. */
#include "sla/contract.h"

#include <sodium.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "doc/json.h"
#include "sla/contract_inside.h"

int nip__definition_of(const nip__value *value, char definition[NIP__DEFINITION_SIZE], nip_error **err)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char *text = nip__json_text(value);
    if (text == NULL)
        return nip__nomem(err);
    crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
    sodium_bin2hex(definition, NIP__DEFINITION_SIZE, hash, sizeof hash);
    nip__free(text);
    return 0;
}

/* ---- parts ---- */

static int read_zone(nip__contract *contract, const nip__value *sla, nip_error **err)
{
    contract->zone_name = nip__get_text(sla, "zone");
    int rc = nip__zones_find(&contract->zones, contract->zone_name, &contract->zone, err);
    return rc == 0 ? nip__zone_version(contract->tzdata, err) : rc;
}

static int read_hours(nip__contract *contract, const nip__value *sla, nip_error **err)
{
    const nip__value *hours = nip__get(sla, "service_hours");
    contract->has_hours = hours != NULL;
    return hours == NULL ? 0 : nip__hours_read(contract->arena, hours, contract->zone_name, &contract->hours, err);
}

static int read_indicators(nip__contract *contract, const nip__value *sla, nip_error **err)
{
    const nip__value *indicators = nip__get(sla, "indicators");
    contract->indicators = nip__arena_alloc(contract->arena, (nip__count(indicators) + 1) * sizeof *contract->indicators);
    if (contract->indicators == NULL)
        return nip__nomem(err);
    int rc = 0;
    for (const nip__value *one = nip__first(indicators); one != NULL && rc == 0; one = one->next)
        rc = nip__contract_read_indicator(contract->arena, one, &contract->indicators[contract->indicator_count++], err);
    return rc;
}

static int read_objectives(nip__contract *contract, const nip__value *sla, nip_error **err)
{
    const nip__value *objectives = nip__get(sla, "objectives");
    contract->objectives = nip__arena_alloc(contract->arena, (nip__count(objectives) + 1) * sizeof *contract->objectives);
    if (contract->objectives == NULL)
        return nip__nomem(err);
    int rc = 0;
    for (const nip__value *one = nip__first(objectives); one != NULL && rc == 0; one = one->next)
        rc = nip__contract_read_objective(contract, one, &contract->objectives[contract->objective_count++], err);
    return rc;
}

/* Without any that are named, maintenance counts. */
static int read_classes(nip__contract *contract, const nip__value *sla, nip_error **err)
{
    const nip__value *classes = nip__get(sla, "classes");
    contract->classes = nip__arena_alloc(contract->arena, (nip__count(classes) + 1) * sizeof *contract->classes);
    if (contract->classes == NULL)
        return nip__nomem(err);
    for (NIP__EACH(one, classes)) {
        nip_duration max = nip__get_duration(one, "max", -NIP_MILLISECOND);
        contract->classes[contract->class_count++] = (nip__exclusion_class){.name = one->key, .max_ms = max / NIP_MILLISECOND};
    }
    if (classes == NULL)
        contract->classes[contract->class_count++] = (nip__exclusion_class){.name = "maintenance", .max_ms = -1};
    return 0;
}

static int read_all(nip__contract *contract, const nip__value *normalized, nip_error **err)
{
    static int (*const readers[])(nip__contract *contract, const nip__value *sla, nip_error **err) = {
        read_zone, read_hours, read_indicators, read_objectives, read_classes,
    };
    contract->document = nip__copy(contract->arena, normalized);
    const nip__value *sla = nip__get(contract->document, "sla");
    if (sla == NULL)
        return nip__nomem(err);
    contract->name = nip__get_text(sla, "name");
    contract->metrics = nip__get(sla, "metrics");
    int rc = nip__definition_of(contract->document, contract->definition, err);
    for (size_t i = 0; i < sizeof readers / sizeof readers[0] && rc == 0; i++)
        rc = readers[i](contract, sla, err);
    if (rc == 0)
        rc = nip__contract_read_alerts(contract, nip__get(sla, "alerts"), err);
    return rc;
}

/* ---- the whole ---- */

int nip__contract_of(const nip__value *normalized, nip__contract **contract, nip_error **err)
{
    nip__contract *made = nip__calloc(1, sizeof *made);
    if (made == NULL)
        return nip__nomem(err);
    made->arena = nip__arena_new();
    int rc = made->arena == NULL ? nip__nomem(err) : read_all(made, normalized, err);
    if (rc < 0)
        nip__contract_free(made);
    else
        *contract = made;
    return rc;
}

int nip__contract_load(const nip_doc *doc, nip__contract **contract, nip_error **err)
{
    nip__arena *arena = nip__arena_new();
    nip__value *normalized = NULL;
    if (arena == NULL)
        return nip__nomem(err);
    int rc = nip__doc_normalize(arena, doc, &nip__doc_sla, &normalized, err);
    if (rc == 0)
        rc = nip__contract_of(normalized, contract, err);
    nip__arena_free(arena);
    return rc;
}

void nip__contract_free(nip__contract *contract)
{
    if (contract == NULL)
        return;
    nip__hours_clear(&contract->hours);
    nip__zones_clear(&contract->zones);
    nip__arena_free(contract->arena);
    nip__free(contract);
}

const nip__objective *nip__contract_objective(const nip__contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->objective_count; i++) {
        if (nip__text_equal(contract->objectives[i].name, name))
            return &contract->objectives[i];
    }
    return NULL;
}

const nip__indicator *nip__contract_indicator(const nip__contract *contract, const char *name)
{
    for (size_t i = 0; i < contract->indicator_count; i++) {
        if (nip__text_equal(contract->indicators[i].name, name))
            return &contract->indicators[i];
    }
    return NULL;
}

/* ---- exclusions ---- */

static bool is_class(const nip__contract *contract, const char *name)
{
    bool found = name == NULL;
    for (size_t i = 0; i < contract->class_count && !found; i++)
        found = nip__text_equal(contract->classes[i].name, name);
    return found;
}

int nip__contract_check_exclusion(const nip__contract *contract, const nip__value *exclusion, nip_error **err)
{
    const char *class_name = nip__get_text(exclusion, "class");
    if (!is_class(contract, class_name))
        return nip__fail(err, NIP_E_INVALID, "the document has no class \"%.64s\" of exclusions, so it would count for nothing: its first one is \"%.64s\"", class_name,
                         contract->class_count > 0 ? contract->classes[0].name : "");
    for (NIP__EACH(name, nip__get(exclusion, "objectives"))) {
        if (nip__is(name, NIP__STRING) && nip__contract_objective(contract, name->as.string.text) == NULL)
            return nip__fail(err, NIP_E_INVALID, "the document has no objective \"%.64s\" to exclude anything from", name->as.string.text);
    }
    return 0;
}
