/* YAML through libyaml's events, with every limit checked as they come: libyaml itself has none. */
#include "doc/yaml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/error.h"
#include "base/print.h"
#include "base/text.h"
#include "doc/keys.h"
#include "doc/scalar.h"

enum { ANCHORS_MAX = 1000, ANCHOR_SLOTS = 2048, DEPTH_MAX = 128 };

typedef struct anchor {
    uint64_t hash;
    const char *name;
    const nip__value *value;
} anchor;

#define YAML_BYTES_MAX ((size_t)4 << 20)
#define YAML_VALUES_MAX ((size_t)50000)

typedef struct reader {
    const char *text;
    size_t length;
    yaml_parser_t parser;
    yaml_event_t event; /* the one looked at */
    nip__arena *arena;
    const char *name;
    const nip__limits *limits;
    nip_error **err;
    size_t values, alias_values;
    int depth;
    anchor *anchors; /* ANCHOR_SLOTS, open addressing; NULL until there is one */
    size_t anchor_count;
    nip__value *open[DEPTH_MAX]; /* containers being read, outermost first */
} reader;

static int fail(reader *r, int code, yaml_mark_t mark, const char *format, ...) NIP__PRINTF(4, 5);

static int fail(reader *r, int code, yaml_mark_t mark, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    nip__vprint(message, sizeof message, format, arguments);
    va_end(arguments);
    return nip__fail_at(r->err, code, r->name, (int)mark.line + 1, (int)mark.column + 1, NULL, "%s", message);
}

/* ---- events ---- */

/* What would be right, for the complaints of libyaml that people meet most. */
static const char *hint(const char *problem)
{
    static const struct {
        const char *begins;
        const char *hint;
    } hints[] = {
        {"found character that cannot start any token",
         "indent with spaces, not tabs; put text that begins with @ ` or % in quotes"},
        {"found a tab character", "indent with spaces, not tabs"},
        {"mapping values are not allowed", "put text that contains \": \" in quotes, or check the indentation"},
        {"could not find expected ':'", "a key needs a colon and a blank behind it"},
        {"did not find expected key", "check the indentation: keys of one map begin in the same column"},
        {"did not find expected '-' indicator", "check the indentation: items of one list begin in the same column"},
        {"did not find expected ',' or", "a comma or the closing bracket is missing"},
        {"found unexpected end of stream", "a closing quote is missing"},
        {"found undefined tag handle",
         "tags other than !!str, !!int, !!float, !!bool, !!null, !!map and !!seq are not accepted"},
        {"block sequence entries are not allowed", "begin the list on a line of its own"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (nip__text_starts(problem, hints[i].begins))
            return hints[i].hint;
    }
    return NULL;
}

/* Where the byte at `offset` stands. */
static yaml_mark_t mark_of(const char *text, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

/* Where libyaml's complaint belongs: a quote or bracket that is never closed is wrong where it opens, not where the
 * text ends. */
static yaml_mark_t mark_of_problem(const reader *r)
{
    const yaml_parser_t *parser = &r->parser;
    size_t characters = 0;
    for (size_t i = 0; i < r->length; i++)
        characters += ((unsigned char)r->text[i] & 0xc0) != 0x80;
    if (parser->problem_mark.index < characters)
        return parser->problem_mark;
    if (parser->context != NULL && parser->context_mark.index < characters)
        return parser->context_mark;
    return mark_of(r->text, r->length); /* libyaml puts the end on a line of its own */
}

static int syntax_error(reader *r)
{
    const yaml_parser_t *parser = &r->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return nip__nomem(r->err);
    const char *problem = parser->problem == NULL ? "not well-formed YAML" : parser->problem;
    if (parser->error == YAML_READER_ERROR)
        return fail(r, NIP_E_SYNTAX,
                    mark_of(r->text, parser->problem_offset < r->length ? parser->problem_offset : r->length),
                    "%s (0x%x): remove that character", problem, (unsigned)parser->problem_value);
    const char *what = hint(problem);
    const char *context = parser->context;
    return fail(r, NIP_E_SYNTAX, mark_of_problem(r), "%s%s%s%s%s", problem, context != NULL ? " " : "",
                context != NULL ? context : "", what != NULL ? ": " : "", what != NULL ? what : "");
}

/* Steps on to the next event. */
static int advance(reader *r)
{
    yaml_event_delete(&r->event);
    return yaml_parser_parse(&r->parser, &r->event) ? 0 : syntax_error(r);
}

static int new_value(reader *r, nip__kind kind, nip__value **value)
{
    yaml_mark_t mark = r->event.start_mark;
    if (++r->values > r->limits->values)
        return fail(r, NIP_E_LIMIT, mark, "more than %zu values, the most that is read", r->limits->values);
    nip__value *made = nip__arena_alloc(r->arena, sizeof *made);
    if (made == NULL)
        return nip__nomem(r->err);
    made->kind = kind;
    made->line = (uint32_t)mark.line + 1;
    made->column = (uint32_t)mark.column + 1;
    *value = made;
    return 0;
}

/* ---- anchors and aliases ---- */

static anchor *anchor_slot(reader *r, const char *name)
{
    uint64_t hash = nip__keys_hash(name, strlen(name));
    size_t i = hash & (ANCHOR_SLOTS - 1);
    while (r->anchors[i].name != NULL && (r->anchors[i].hash != hash || strcmp(r->anchors[i].name, name) != 0))
        i = (i + 1) & (ANCHOR_SLOTS - 1);
    r->anchors[i].hash = hash;
    return &r->anchors[i];
}

/* Remembers `value` under the event's anchor, if it has one. A later anchor of the same name takes its place. */
static int remember(reader *r, const yaml_char_t *anchor_name, const nip__value *value)
{
    const char *name = (const char *)anchor_name;
    if (name == NULL)
        return 0;
    if (++r->anchor_count > ANCHORS_MAX)
        return fail(r, NIP_E_LIMIT, r->event.start_mark, "more than %d anchors, the most that is read", ANCHORS_MAX);
    if (r->anchors == NULL)
        r->anchors = nip__arena_alloc(r->arena, ANCHOR_SLOTS * sizeof *r->anchors);
    if (r->anchors == NULL)
        return nip__nomem(r->err);
    anchor *slot = anchor_slot(r, name);
    if (slot->name == NULL)
        slot->name = nip__arena_text(r->arena, name);
    slot->value = value;
    return slot->name == NULL ? nip__nomem(r->err) : 0;
}

/* A copy at the alias's position; texts and keys are shared, since they live as long. */
static int copy_aliased(reader *r, const nip__value *original, int depth, nip__value **copy)
{
    if (++r->alias_values > r->limits->values)
        return fail(r, NIP_E_LIMIT, r->event.start_mark,
                    "aliases stand for more than %zu values, the most that is read", r->limits->values);
    if (original->kind >= NIP__LIST && depth >= r->limits->depth)
        return fail(r, NIP_E_LIMIT, r->event.start_mark, "more than %d levels, the most that is read",
                    r->limits->depth);
    nip__value *made;
    int rc = new_value(r, original->kind, &made);
    if (rc < 0)
        return rc;
    if (original->kind < NIP__LIST) {
        made->as = original->as;
    } else {
        for (NIP__EACH(item, original)) {
            nip__value *inner;
            rc = copy_aliased(r, item, depth + 1, &inner);
            if (rc < 0)
                return rc;
            inner->key = item->key;
            nip__link(made, inner);
        }
    }
    *copy = made;
    return 0;
}

static int read_alias(reader *r, nip__value **value)
{
    const char *name = (const char *)r->event.data.alias.anchor;
    anchor *slot = r->anchors == NULL ? NULL : anchor_slot(r, name);
    if (slot == NULL || slot->name == NULL)
        return fail(r, NIP_E_SYNTAX, r->event.start_mark, "alias *%.64s has no anchor &%.64s above it", name, name);
    for (int i = 0; i < r->depth; i++) {
        if (r->open[i] == slot->value)
            return fail(r, NIP_E_SYNTAX, r->event.start_mark,
                        "alias *%.64s stands inside its own anchor: a value cannot contain itself", name);
    }
    return copy_aliased(r, slot->value, r->depth, value);
}

/* ---- scalars ---- */

typedef enum tag { TAG_NONE, TAG_STR, TAG_INT, TAG_FLOAT, TAG_BOOL, TAG_NULL, TAG_MAP, TAG_SEQ, TAG_OTHER } tag;

static tag tag_of(const yaml_char_t *written)
{
    static const struct {
        const char *name;
        tag tag;
    } tags[] = {
        {"!", TAG_STR},
        {YAML_STR_TAG, TAG_STR},
        {YAML_INT_TAG, TAG_INT},
        {YAML_FLOAT_TAG, TAG_FLOAT},
        {YAML_BOOL_TAG, TAG_BOOL},
        {YAML_NULL_TAG, TAG_NULL},
        {YAML_MAP_TAG, TAG_MAP},
        {YAML_SEQ_TAG, TAG_SEQ},
    };
    if (written == NULL)
        return TAG_NONE;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (strcmp((const char *)written, tags[i].name) == 0)
            return tags[i].tag;
    }
    return TAG_OTHER;
}

static int refuse_tag(reader *r, const yaml_char_t *written)
{
    return fail(r, NIP_E_SYNTAX, r->event.start_mark, "tag %.64s is not accepted here: leave it out",
                (const char *)written);
}

/* The kind a tag demands, or the kind that there is. */
static nip__kind tagged_kind(tag given, nip__kind found)
{
    static const nip__kind kinds[] = {[TAG_STR] = NIP__STRING,
                                      [TAG_INT] = NIP__INT,
                                      [TAG_FLOAT] = NIP__REAL,
                                      [TAG_BOOL] = NIP__BOOL,
                                      [TAG_NULL] = NIP__NULL};
    return given >= TAG_STR && given <= TAG_NULL ? kinds[given] : found;
}

/* Kind and content of a scalar whose text is in the event. */
static int resolve(reader *r, nip__value *value)
{
    const char *text = (const char *)r->event.data.scalar.value;
    size_t length = r->event.data.scalar.length;
    tag given = tag_of(r->event.data.scalar.tag);
    bool plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE || (given != TAG_NONE && given != TAG_STR);
    value->kind = NIP__STRING;
    if (plain && given != TAG_STR)
        nip__scalar_resolve(value, text, length);
    if (given == TAG_FLOAT && value->kind == NIP__INT) {
        value->as.real = (double)value->as.integer;
        value->kind = NIP__REAL;
    }
    if (given >= TAG_MAP || tagged_kind(given, value->kind) != value->kind)
        return refuse_tag(r, r->event.data.scalar.tag);
    return 0;
}

static int scalar_text(reader *r, const char **text)
{
    const char *written = (const char *)r->event.data.scalar.value;
    size_t length = r->event.data.scalar.length;
    if (memchr(written, '\0', length) != NULL)
        return fail(r, NIP_E_SYNTAX, r->event.start_mark, "\\0 is not accepted: text must not contain NUL");
    *text = nip__arena_copy(r->arena, written, length);
    return *text == NULL ? nip__nomem(r->err) : 0;
}

static int read_scalar(reader *r, nip__value **value)
{
    nip__value *made;
    int rc = new_value(r, NIP__STRING, &made);
    if (rc == 0)
        rc = resolve(r, made);
    if (rc == 0 && made->kind == NIP__STRING) {
        made->as.string.length = r->event.data.scalar.length;
        rc = scalar_text(r, &made->as.string.text);
    }
    if (rc == 0)
        rc = remember(r, r->event.data.scalar.anchor, made);
    if (rc == 0)
        *value = made;
    return rc;
}

/* ---- containers ---- */

static int read_node(reader *r, nip__value **value);

static int read_list(reader *r, nip__value *list)
{
    int rc = advance(r);
    while (rc == 0 && r->event.type != YAML_SEQUENCE_END_EVENT) {
        nip__value *item;
        rc = read_node(r, &item);
        if (rc == 0) {
            nip__link(list, item);
            rc = advance(r);
        }
    }
    return rc;
}

static int check_key(reader *r)
{
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail(r, NIP_E_SYNTAX, r->event.start_mark,
                    r->event.type == YAML_ALIAS_EVENT ? "an alias cannot be a key: write the key out"
                                                      : "a list or map cannot be a key: a key is plain text");
    tag given = tag_of(r->event.data.scalar.tag);
    if (given != TAG_NONE && given != TAG_STR)
        return refuse_tag(r, r->event.data.scalar.tag);
    if (r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && given == TAG_NONE &&
        strcmp((const char *)r->event.data.scalar.value, "<<") == 0)
        return fail(r, NIP_E_SYNTAX, r->event.start_mark,
                    "merge keys (<<) are not accepted: write the merged keys out");
    return 0;
}

static int read_key(reader *r, const nip__value *map, nip__keys *keys, const char **key)
{
    int rc = check_key(r);
    if (rc == 0)
        rc = scalar_text(r, key);
    if (rc < 0)
        return rc;
    rc = nip__keys_add(keys, *key, r->event.data.scalar.length);
    if (rc < 0)
        return nip__nomem(r->err);
    if (rc == 0) {
        const nip__value *first = nip__get(map, *key);
        return fail(r, NIP_E_SYNTAX, r->event.start_mark,
                    "duplicate key \"%.64s\": it is already on line %u; keep one of them", *key,
                    first != NULL ? nip__key_line(first) : 0);
    }
    if (r->event.data.scalar.anchor == NULL)
        return 0;
    nip__value *value; /* an anchored key: what an alias of it stands for */
    rc = new_value(r, NIP__STRING, &value);
    if (rc < 0)
        return rc;
    value->as.string.text = *key;
    value->as.string.length = r->event.data.scalar.length;
    return remember(r, r->event.data.scalar.anchor, value);
}

static int read_members(reader *r, nip__value *map, nip__keys *keys)
{
    int rc = advance(r);
    while (rc == 0 && r->event.type != YAML_MAPPING_END_EVENT) {
        const char *key;
        nip__value *item;
        yaml_mark_t mark = r->event.start_mark;
        rc = read_key(r, map, keys, &key);
        if (rc == 0)
            rc = advance(r);
        if (rc == 0)
            rc = read_node(r, &item);
        if (rc == 0) {
            item->key = key;
            nip__set_key_place(item, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1);
            nip__link(map, item);
            rc = advance(r);
        }
    }
    return rc;
}

static int read_map(reader *r, nip__value *map)
{
    nip__keys keys;
    NIP__KEYS_INIT(&keys);
    int rc = read_members(r, map, &keys);
    nip__keys_clear(&keys);
    return rc;
}

static int read_container(reader *r, nip__kind kind, nip__value **value)
{
    bool map = kind == NIP__MAP;
    const yaml_char_t *written = map ? r->event.data.mapping_start.tag : r->event.data.sequence_start.tag;
    tag given = tag_of(written);
    nip__value *made;
    if (given != TAG_NONE && given != (map ? TAG_MAP : TAG_SEQ))
        return refuse_tag(r, written);
    if (r->depth >= r->limits->depth || r->depth >= DEPTH_MAX)
        return fail(r, NIP_E_LIMIT, r->event.start_mark, "more than %d levels, the most that is read",
                    r->limits->depth);
    int rc = new_value(r, kind, &made);
    if (rc == 0)
        rc = remember(r, map ? r->event.data.mapping_start.anchor : r->event.data.sequence_start.anchor, made);
    if (rc < 0)
        return rc;
    r->open[r->depth++] = made;
    rc = map ? read_map(r, made) : read_list(r, made);
    r->depth--;
    if (rc == 0)
        *value = made;
    return rc;
}

static int read_node(reader *r, nip__value **value)
{
    switch (r->event.type) {
    case YAML_ALIAS_EVENT:
        return read_alias(r, value);
    case YAML_SCALAR_EVENT:
        return read_scalar(r, value);
    case YAML_SEQUENCE_START_EVENT:
        return read_container(r, NIP__LIST, value);
    case YAML_MAPPING_START_EVENT:
        return read_container(r, NIP__MAP, value);
    default:
        return fail(r, NIP_E_SYNTAX, r->event.start_mark, "expected a value");
    }
}

/* ---- the text ---- */

/* The only document of the stream; an empty stream is a null. */
static int read_stream(reader *r, nip__value **value)
{
    int rc = advance(r); /* stream start */
    if (rc == 0)
        rc = advance(r); /* document start or stream end */
    if (rc == 0 && r->event.type == YAML_STREAM_END_EVENT)
        return new_value(r, NIP__NULL, value);
    if (rc == 0)
        rc = advance(r);
    if (rc == 0)
        rc = read_node(r, value);
    if (rc == 0)
        rc = advance(r); /* document end */
    if (rc == 0)
        rc = advance(r);
    if (rc == 0 && r->event.type != YAML_STREAM_END_EVENT)
        return fail(r, NIP_E_SYNTAX, r->event.start_mark, "a second document begins here: one file holds one document");
    return rc;
}

/* YAML takes several times as long to read as JSON, so less of it is read: hostile text is to be refused within 20 ms. */
static nip__limits lower(const nip__limits *given)
{
    nip__limits limits = *given;
    if (limits.bytes > YAML_BYTES_MAX)
        limits.bytes = YAML_BYTES_MAX;
    if (limits.values > YAML_VALUES_MAX)
        limits.values = YAML_VALUES_MAX;
    return limits;
}

static int read_yaml(nip__arena *arena, const char *text, size_t length, const char *name, const nip__limits *given,
                     nip__value **value, nip_error **err)
{
    const nip__limits limits = lower(given);
    if (length > limits.bytes)
        return nip__fail_at(err, NIP_E_LIMIT, name, 0, 0, NULL, "%zu bytes of YAML: at most %zu are read", length,
                            limits.bytes);
    reader r = {.text = text, .length = length, .arena = arena, .name = name, .limits = &limits, .err = err};
    if (!yaml_parser_initialize(&r.parser))
        return nip__nomem(err);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, length);
    nip__value *root = NULL;
    int rc = read_stream(&r, &root);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (rc == 0)
        *value = root;
    return rc;
}

/* libyaml compares each %TAG with all before it. They only serve tags that are refused anyway. */
static int check_directives(const char *text, size_t length, const char *name, nip_error **err)
{
    static const char directive[] = "\n%TAG";
    bool found = (length >= 4 && memcmp(text, directive + 1, 4) == 0) || memmem(text, length, directive, 5) != NULL;
    return found
               ? nip__fail_at(err, NIP_E_SYNTAX, name, 0, 0, NULL, "%%TAG directives are not accepted: leave them out")
               : 0;
}

static int check_characters(const char *text, size_t length, const char *name, nip_error **err)
{
    size_t valid = nip__text_utf8_prefix(text, length);
    if (valid == length)
        return 0;
    yaml_mark_t mark = mark_of(text, valid);
    int line = (int)mark.line + 1, column = (int)mark.column + 1;
    if (text[valid] == '\0')
        return nip__fail_at(err, NIP_E_SYNTAX, name, line, column, NULL,
                            "NUL is not accepted in a text: save the file as UTF-8");
    return nip__fail_at(err, NIP_E_SYNTAX, name, line, column, NULL,
                        "byte 0x%02x is not valid UTF-8: save the file as UTF-8", (unsigned char)text[valid]);
}

static size_t skip_blanks(const char *text, size_t length, size_t i)
{
    while (i < length && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r' || text[i] == '\n'))
        i++;
    return i;
}

static bool looks_like_json(const char *text, size_t length)
{
    size_t first = skip_blanks(text, length, 0);
    size_t second = skip_blanks(text, length, first + 1);
    if (second >= length || text[second] == '\0')
        return false;
    return (text[first] == '{' && strchr("\"}", text[second]) != NULL) ||
           (text[first] == '[' && strchr("\"{[]-0123456789", text[second]) != NULL);
}

/* Of two complaints about the same text the one from further on: that reader understood more. */
static int keep_further(int json_rc, nip_error *json, nip_error **err)
{
    int line = nip_error_line(json) - nip_error_line(*err);
    int column = nip_error_column(json) - nip_error_column(*err);
    bool json_further = line > 0 || (line == 0 && column >= 0);
    nip_error_free(json_further ? *err : json);
    if (json_further)
        *err = json;
    return json_further ? json_rc : nip_error_code(*err);
}

/* Valid JSON is read by its own scanner, which is faster; what that refuses may still be YAML in flow style. */
static int read_json_or_yaml(nip__arena *arena, const char *text, size_t length, const char *name,
                             const nip__limits *limits, nip__value **value, nip_error **err)
{
    nip_error *json = NULL, *yaml = NULL;
    int json_rc = nip__json_read(arena, text, length, name, limits, value, &json);
    if (json_rc == NIP_E_SYNTAX) {
        int rc = read_yaml(arena, text, length, name, limits, value, &yaml);
        if (rc == NIP_E_SYNTAX) {
            json_rc = keep_further(json_rc, json, &yaml);
        } else {
            nip_error_free(json);
            json_rc = rc;
        }
        json = yaml;
    }
    if (json_rc < 0 && err != NULL) {
        nip_error_free(*err);
        *err = json;
    } else {
        nip_error_free(json);
    }
    return json_rc;
}

int nip__yaml_read(nip__arena *arena, const char *text, size_t length, const char *name, const nip__limits *limits,
                   nip__value **value, nip_error **err)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (length > limits->bytes)
        return nip__fail_at(err, NIP_E_LIMIT, name, 0, 0, NULL, "%zu bytes: at most %zu are read", length,
                            limits->bytes);
    if (nip__arena_failed(arena))
        return nip__nomem(err);
    if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
        text += 3;
        length -= 3;
    }
    int rc = check_characters(text, length, name, err);
    if (rc == 0)
        rc = check_directives(text, length, name, err);
    if (rc < 0)
        return rc;
    return looks_like_json(text, length) ? read_json_or_yaml(arena, text, length, name, limits, value, err)
                                         : read_yaml(arena, text, length, name, limits, value, err);
}

nip__value *nip__yaml_scalar(nip__arena *arena, const char *text)
{
    nip__value *value = nip__string(arena, text);
    if (value != NULL && text != NULL) {
        nip__value resolved = {.kind = NIP__STRING};
        nip__scalar_resolve(&resolved, text, strlen(text));
        if (resolved.kind != NIP__STRING) {
            value->kind = resolved.kind;
            value->as = resolved.as;
        }
    }
    return value;
}
