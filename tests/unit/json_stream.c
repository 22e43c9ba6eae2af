/* JSON in pieces: the same tokens as the tree has that json_read.c makes of the whole text, and the same texts refused. */
#include "unit.h"

#include "base/error.h"
#include "base/random.h"
#include "doc/json.h"
#include "doc/json_stream.h"

/* ---- tokens as text ---- */

static void put_token(nip__buffer *out, nip__token_kind kind, const char *text, size_t length)
{
    static const char letters[] = {[NIP__TOKEN_MAP] = '{',  [NIP__TOKEN_MAP_END] = '}', [NIP__TOKEN_LIST] = '[',   [NIP__TOKEN_LIST_END] = ']',
                                   [NIP__TOKEN_KEY] = 'k',  [NIP__TOKEN_TEXT] = 't',    [NIP__TOKEN_NUMBER] = 'n', [NIP__TOKEN_WORD] = 'w'};
    bool bracket = kind <= NIP__TOKEN_LIST_END;
    nip__buffer_printf(out, "%c%.*s\n", letters[kind], bracket ? 0 : (int)length, bracket ? "" : text);
}

static int take_token(void *data, nip__token_kind kind, const char *text, size_t length)
{
    put_token(data, kind, text, length);
    return 0;
}

/* Numbers are compared by what the writer makes of them: the tree does not keep how they were written. */
static int take_token_plainly(void *data, nip__token_kind kind, const char *text, size_t length)
{
    nip__buffer number = NIP__BUFFER(2000);
    nip__value *value = NULL;
    nip__arena *arena = nip__arena_new();
    if (kind == NIP__TOKEN_NUMBER) {
        assert_int_equal(nip__json_read(arena, text, length, NULL, &nip__document_limits, &value, NULL), 0);
        nip__json_write(&number, value);
        put_token(data, kind, number.data, number.length);
    } else {
        put_token(data, kind, text, length);
    }
    nip__buffer_clear(&number);
    nip__arena_free(arena);
    return 0;
}

static void put_value(nip__buffer *out, const nip__value *value);

static void put_items(nip__buffer *out, const nip__value *value, nip__token_kind begin, nip__token_kind end)
{
    put_token(out, begin, "", 0);
    for (NIP__EACH(item, value)) {
        if (begin == NIP__TOKEN_MAP)
            put_token(out, NIP__TOKEN_KEY, item->key, strlen(item->key));
        put_value(out, item);
    }
    put_token(out, end, "", 0);
}

static void put_value(nip__buffer *out, const nip__value *value)
{
    nip__buffer text = NIP__BUFFER(1 << 20);
    if (nip__is(value, NIP__MAP)) {
        put_items(out, value, NIP__TOKEN_MAP, NIP__TOKEN_MAP_END);
    } else if (nip__is(value, NIP__LIST)) {
        put_items(out, value, NIP__TOKEN_LIST, NIP__TOKEN_LIST_END);
    } else if (nip__is(value, NIP__STRING)) {
        put_token(out, NIP__TOKEN_TEXT, value->as.string.text, value->as.string.length);
    } else {
        nip__json_write(&text, value);
        put_token(out, nip__is(value, NIP__INT) || nip__is(value, NIP__REAL) ? NIP__TOKEN_NUMBER : NIP__TOKEN_WORD, text.data, text.length);
    }
    nip__buffer_clear(&text);
}

/* ---- reading ---- */

static int feed(nip__json_stream *stream, const char *bytes, size_t length)
{
    char *exact = malloc(length > 0 ? length : 1);
    memcpy(exact, bytes, length);
    int rc = nip__json_stream_feed(stream, exact, length);
    free(exact);
    return rc;
}

/* Cut at the given place, or 0: into single bytes. */
static int read_cut(const char *text, size_t length, size_t cut, int (*token)(void *, nip__token_kind, const char *, size_t), nip__buffer *tokens,
                    char problem[256])
{
    nip__json_stream *stream = nip__json_stream_new(&(nip__json_sink){.token = token, .data = tokens});
    assert_non_null(stream);
    nip__buffer_reset(tokens);
    for (size_t at = 0; cut == 0 && at < length; at++)
        feed(stream, text + at, 1);
    if (cut > 0) {
        feed(stream, text, cut);
        feed(stream, text + cut, length - cut);
    }
    int rc = nip__json_stream_finish(stream);
    snprintf(problem, 256, "%s", nip__json_stream_problem(stream));
    assert_int_equal(rc == 0, problem[0] == '\0');
    assert_int_equal(nip__json_stream_feed(stream, "", 0), rc);
    nip__json_stream_free(stream);
    return rc;
}

static void must_agree(const char *text, size_t length)
{
    nip__buffer whole = NIP__BUFFER(1 << 20), pieces = NIP__BUFFER(1 << 20), tree = NIP__BUFFER(1 << 20);
    char problem[256], other[256];
    nip__value *value = NULL;
    nip__arena *arena = nip__arena_new();
    int expected = nip__json_read(arena, text, length, NULL, &nip__document_limits, &value, NULL);
    int rc = read_cut(text, length, length, take_token_plainly, &whole, problem);
    if (rc != expected)
        fail_msg("%.*s: %d, but %d: %s", (int)length, text, expected, rc, problem);
    if (rc == 0) {
        put_value(&tree, value);
        assert_string_equal(nip__buffer_string(&whole), nip__buffer_string(&tree));
    }
    read_cut(text, length, length, take_token, &whole, problem);
    for (size_t cut = 0; cut < length; cut++) {
        int again = read_cut(text, length, cut, take_token, &pieces, other);
        if (again != rc || strcmp(problem, other) != 0 || strcmp(nip__buffer_string(&whole), nip__buffer_string(&pieces)) != 0)
            fail_msg("%.*s cut at %zu: %d %s\n%s, but %d %s\n%s", (int)length, text, cut, rc, problem, nip__buffer_string(&whole), again, other,
                     nip__buffer_string(&pieces));
    }
    nip__buffer_clear(&whole);
    nip__buffer_clear(&pieces);
    nip__buffer_clear(&tree);
    nip__arena_free(arena);
}

#define AGREE(text) must_agree(text, sizeof(text) - 1)

static void test_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}", "[]", "0", "-0", "-12.5e+3", "true", "false", "null", "\"\"", " [ ] ", "[1,2,[3,{\"a\":[]}],\"b\"]",
        "{\"a\":{\"a\":1,\"b\":2},\"b\":{\"a\":\"\"}}", "\"\\u00e9\\ud83d\\ude00 \\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "\t\r\n 1 \n", "123456789012345678901234567890", "1e308", "[0.1,1E5,1e-5]",
        /* and what is none */
        "", " ", "[", "]", "{", "}", "[1,]", "[,1]", "[1 2]", "[1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{a:1}", "{1:2}",
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{\"\":1,\"\":2}", "1 2", "{} x", "[]]", "01", "-01", "-", "1.", "1.x", "1e", "1e+", "+1", ".5", "1e999",
        "--1", "1-1", "\"abc", "\"abc\\\"", "\"a\nb\"", "\"a\tb\"", "\"\\x\"", "\"\\u12\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\udc00\"",
        "\"ab\xff\"", "\"\xc3\"", "\"\xed\xa0\x80\"", "\xef\xbb\xbf{}", "tru", "truex", "True", "nul", "nulll", "NaN", "'a'", "// x", "[truefalse]", "[1true]",
        "\"a\"\"b\"", "\x7f", "{\"a\":1,,\"b\":2}", "{,}", "[[]", "[\"a\":1]", "{\"a\",1}",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        must_agree(texts[i], strlen(texts[i]));
    AGREE("\0");
    AGREE("\"a\0b\"");
    AGREE("[1\0]");
    AGREE("{\"a\0\":1,\"a\":2}");
}

static void test_random_texts(void **state)
{
    (void)state;
    static const char *const words[] = {"{", "}", "[", "]", ",", ":", "\"a\"", "\"b\"", "\"\\u00e9\"", "1", "-0.5e3", "true", "null", " ", "\"", "\\", "0", "\xc3"};
    nip__random random;
    nip__random_seed(&random, 3);
    for (int i = 0; i < 20000; i++) {
        char text[128];
        size_t length = 0;
        for (uint64_t n = nip__random_below(&random, 12); n > 0; n--) {
            const char *word = words[nip__random_below(&random, COUNT(words))];
            memcpy(text + length, word, strlen(word));
            length += strlen(word);
        }
        must_agree(text, length);
    }
}

/* ---- what takes it ---- */

static int refuse_numbers(void *data, nip__token_kind kind, const char *text, size_t length)
{
    (void)data, (void)text, (void)length;
    return kind == NIP__TOKEN_NUMBER ? NIP_E_USER : 0;
}

static void test_the_sink_ends_it(void **state)
{
    (void)state;
    nip__json_stream *stream = nip__json_stream_new(&(nip__json_sink){.token = refuse_numbers});
    assert_int_equal(nip__json_stream_feed(stream, "[\"a\",", 5), 0);
    assert_int_equal(nip__json_stream_feed(stream, "1,2]", 4), NIP_E_USER);
    assert_int_equal(nip__json_stream_feed(stream, "]", 1), NIP_E_USER);
    assert_int_equal(nip__json_stream_finish(stream), NIP_E_USER);
    assert_string_equal(nip__json_stream_problem(stream), "");
    nip__json_stream_free(stream);
    nip__json_stream_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts), cmocka_unit_test(test_random_texts), cmocka_unit_test(test_the_sink_ends_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
