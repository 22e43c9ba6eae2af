/* A document against its schema: maps, lists, defaults, other spellings, unknown keys. All problems are found in one
 * pass. */
#include "doc/schema.h"

#include <string.h>

#include "base/text.h"
#include "doc/schema_inside.h"
#include "doc/yaml.h"

enum { LISTED_KEYS_MAX = 12 }; /* an unknown key names the known ones when they are few */

static nip__value *apply(const nip__check *check, const nip__field *field, const nip__value *value,
                         const nip__place *place);

static nip__value *placed(nip__value *made, const nip__value *origin)
{
    if (made != NULL && origin != NULL) {
        made->line = origin->line;
        made->column = origin->column;
    }
    return made;
}

/* ---- keys of a map ---- */

static void unknown_key(const nip__check *check, const nip__field *fields, const nip__value *item,
                        const nip__place *map)
{
    if (nip__problems_full(check->problems)) { /* a hostile map has many: looking for the nearest name costs */
        check->problems->dropped++;
        return;
    }
    const nip__value key = {.line = nip__key_line(item), .column = nip__key_column(item)};
    const char *known[2 * NIP__FIELDS_MAX + 1];
    size_t count = 0;
    nip__buffer list = NIP__BUFFER(600);
    for (const nip__field *field = fields; field->name != NULL && count < 2 * NIP__FIELDS_MAX - 1; field++) {
        nip__buffer_text(&list, field == fields ? "" : ", ");
        nip__buffer_text(&list, field->name);
        known[count++] = field->name;
        if (field->also != NULL)
            known[count++] = field->also;
    }
    known[count] = NULL;
    const char *nearest = nip__text_nearest(item->key, known);
    if (nearest != NULL)
        nip__check_problem(check, map, &key, "unknown key \"%.64s\"; did you mean \"%s\"?", item->key, nearest);
    else if (count > 0 && count <= LISTED_KEYS_MAX && !list.failed)
        nip__check_problem(check, map, &key, "unknown key \"%.64s\"; there %s %s", item->key, count == 1 ? "is" : "are",
                           nip__buffer_string(&list));
    else
        nip__check_problem(check, map, &key, "unknown key \"%.64s\"", item->key);
    nip__buffer_clear(&list);
}

static const nip__field *find_field(const nip__field *fields, const char *key)
{
    for (const nip__field *field = fields; field->name != NULL; field++) {
        if (strcmp(field->name, key) == 0 || (field->also != NULL && strcmp(field->also, key) == 0))
            return field;
    }
    return NULL;
}

/* Sorts the map's items to their fields. */
static void collect(const nip__check *check, const nip__field *fields, const nip__value *map, const nip__place *place,
                    const nip__value *given[NIP__FIELDS_MAX])
{
    for (NIP__EACH(item, map)) {
        const nip__field *field = find_field(fields, item->key);
        size_t index = field == NULL ? NIP__FIELDS_MAX : (size_t)(field - fields);
        if (index >= NIP__FIELDS_MAX)
            unknown_key(check, fields, item, place);
        else if (given[index] != NULL)
            nip__check_problem(check, place,
                               &(nip__value){.line = nip__key_line(item), .column = nip__key_column(item)},
                               "\"%s\" and \"%s\" say the same: give one of them", given[index]->key, item->key);
        else
            given[index] = item;
    }
}

/* A default is YAML text; most are plain scalars. */
static nip__value *default_value(const nip__check *check, const nip__field *field, const nip__value *map)
{
    const char *text = field->otherwise;
    nip__value *value = NULL;
    if (text[0] == '\0' || strchr("[{\"'", text[0]) == NULL)
        value = nip__yaml_scalar(check->arena, text);
    else if (nip__yaml_read(check->arena, text, strlen(text), NULL, &nip__document_limits, &value, NULL) == NIP_E_NOMEM)
        nip__arena_fail(check->arena);
    return placed(value, map);
}

static void missing_key(const nip__check *check, const nip__field *field, const nip__value *map,
                        const nip__place *place)
{
    nip__buffer accepts = NIP__BUFFER(600);
    if (field->type != NIP__T_ANY)
        nip__field_describe(&accepts, field);
    if (accepts.length > 0 && field->help != NULL)
        nip__buffer_text(&accepts, ", ");
    nip__buffer_text(&accepts, field->help);
    nip__check_problem(check, place, map, "is missing: %s", nip__buffer_string(&accepts));
    nip__buffer_clear(&accepts);
}

/* The canonical value of one key; an empty one (null) counts as not given. */
static nip__value *apply_field(const nip__check *check, const nip__field *field, const nip__value *given,
                               const nip__value *map, const nip__place *outer)
{
    nip__place place = {.outer = outer, .key = given != NULL ? given->key : field->name};
    bool required = (field->flags & NIP__F_REQUIRED) != 0;
    if (given != NULL && (given->kind != NIP__NULL || field->type == NIP__T_ANY))
        return apply(check, field, given, &place);
    if (required) {
        missing_key(check, field, given != NULL ? given : map, &place);
        return NULL;
    }
    if (field->otherwise == NULL)
        return NULL;
    nip__value *value = default_value(check, field, map);
    return value == NULL ? NULL : apply(check, field, value, &place);
}

static nip__value *apply_map(const nip__check *check, const nip__field *fields, const nip__value *map,
                             const nip__place *place)
{
    const nip__value *given[NIP__FIELDS_MAX] = {NULL};
    nip__value *made = placed(nip__map(check->arena), map);
    collect(check, fields, map, place, given);
    for (size_t i = 0; i < NIP__FIELDS_MAX && fields[i].name != NULL; i++) {
        nip__value *value = apply_field(check, &fields[i], given[i], map, place);
        if (value != NULL)
            nip__append(check->arena, made, fields[i].name, value);
    }
    return made;
}

/* ---- containers ---- */

static nip__value *apply_dict(const nip__check *check, const nip__field *field, const nip__value *map,
                              const nip__place *outer)
{
    nip__value *made = placed(nip__map(check->arena), map);
    for (NIP__EACH(item, map)) {
        nip__place place = {.outer = outer, .key = item->key};
        nip__value *value = apply(check, field->item, item, &place);
        if (value != NULL)
            nip__append(check->arena, made, item->key, value);
    }
    return made;
}

static nip__value *apply_list(const nip__check *check, const nip__field *field, const nip__value *list,
                              const nip__place *outer)
{
    nip__value *made = placed(nip__list(check->arena), list);
    nip__place place = {.outer = outer};
    for (NIP__EACH(item, list)) {
        nip__push(made, apply(check, field->item, item, &place));
        place.index++;
    }
    return made;
}

static nip__value *apply_one_as_list(const nip__check *check, const nip__field *field, const nip__value *value,
                                     const nip__place *place)
{
    nip__value *made = placed(nip__list(check->arena), value);
    nip__push(made, apply(check, field->item, value, place));
    return made;
}

static nip__value *apply(const nip__check *check, const nip__field *field, const nip__value *value,
                         const nip__place *place)
{
    bool list = field->type == NIP__T_LIST;
    if (list && value->kind != NIP__LIST && (field->flags & NIP__F_ONE_OR_LIST) != 0)
        return apply_one_as_list(check, field, value, place);
    if (!list && field->type != NIP__T_MAP && field->type != NIP__T_DICT)
        return nip__scalar_apply(check, field, value, place);
    bool counted = list || field->type == NIP__T_DICT;
    if (value->kind != (list ? NIP__LIST : NIP__MAP)) {
        nip__check_mismatch(check, place, field, value);
        return NULL;
    }
    if (counted && !nip__field_in_range(field, (double)nip__count(value))) {
        nip__buffer accepts = NIP__BUFFER(300);
        nip__field_describe(&accepts, field);
        nip__check_problem(check, place, value, "must be %s, found %zu", nip__buffer_string(&accepts),
                           nip__count(value));
        nip__buffer_clear(&accepts);
        return NULL;
    }
    if (list)
        return apply_list(check, field, value, place);
    return counted ? apply_dict(check, field, value, place) : apply_map(check, field->fields, value, place);
}

static nip__value *apply_root(const nip__check *check, const nip__field *fields, const nip__value *value)
{
    if (!nip__is(value, NIP__MAP)) {
        nip__check_problem(check, NULL, value, "must be a map, found %s",
                           nip__kind_name(value == NULL ? NIP__NULL : value->kind));
        return NULL;
    }
    nip__value *applied = apply_map(check, fields, value, NULL);
    if (!nip__arena_failed(check->arena))
        return applied;
    check->problems->nomem = 1;
    return NULL;
}

nip__value *nip__schema_apply(nip__arena *arena, const nip__field *fields, const nip__value *value, const char *file,
                              const char *path, nip__problems *problems)
{
    nip__check check = {.arena = arena, .file = file, .path = path == NULL ? "" : path, .problems = problems};
    return apply_root(&check, fields, value);
}

nip__value *nip__schema_adopt(nip__arena *arena, const nip__field *fields, const nip__value *value, const char *file,
                              const char *path, nip__problems *problems)
{
    nip__check check = {
        .arena = arena, .file = file, .path = path == NULL ? "" : path, .problems = problems, .adopts = true};
    return apply_root(&check, fields, value);
}
