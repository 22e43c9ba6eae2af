/* Text, buffers, arenas, arrays and files: the tools that everything else is made of. */
#include "unit.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "failing_malloc.h"

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"007", true, 7},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.0", false, 0},
        {"0x1", false, 0},
        {"99999999999999999999999999", false, 0},
        {NULL, false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t value = 0;
        assert_int_equal(nip__text_int(rows[i].text, &value), rows[i].valid);
        assert_true(value == rows[i].value);
    }
}

/* What the C library reads when nobody has set another locale. */
static double in_c_locale(const char *text)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double value = strtod_l(text, NULL, c);
    freelocale(c);
    return value;
}

static void test_reals(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "-",   ".",     "1.",  ".5",    "+1", "1e", "1e+",
                                      "nan", "inf", "0x1p3", "1,5", "1e999", " 1", "1 ", "1.5.2"};
    static const char *const good[] = {
        "0",
        "-0",
        "1.5",
        "1e3",
        "1E-3",
        "123456789012345678901234567890",
        "0.1",
        "2.2250738585072011e-308",
        "4.9e-324",
        "1.7976931348623157e308",
        "9007199254740993",
        "0.30000000000000004",
        "1e22",
        "1e23",
        "123456789.123456789123456789",
        "8.5e-23",
        "000.5",
        "1e-400",
    };
    double value;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(nip__text_real(bad[i], &value));
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(nip__text_real(good[i], &value));
        assert_true(value == in_c_locale(good[i]));
    }
    assert_false(nip__text_real(NULL, &value));
}

static void test_written_reals(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-0.0, "-0.0"},
        {6, "6"},
        {-2.5, "-2.5"},
        {0.1, "0.1"},
        {0.05, "0.05"},
        {1e15, "1000000000000000"},
        {1e17, "1e+17"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {1e-7, "1e-07"},
        {0.57, "0.57"},
        {123456.789, "123456.789"},
        {NAN, "null"},
        {INFINITY, "null"},
        {-INFINITY, "null"},
    };
    char text[40];
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip__text_from_real(rows[i].value, text);
        assert_string_equal(text, rows[i].text);
    }
    nip__random random;
    nip__random_seed(&random, 11);
    for (int i = 0; i < 200000; i++) {
        union {
            uint64_t bits;
            double value;
        } any = {.bits = nip__random_next(&random)};
        double back = 0, value = i % 2 == 0 ? any.value : (double)(any.bits % 100000000) / 1e5;
        if (!isfinite(value))
            continue;
        nip__text_from_real(value, text);
        assert_true(strlen(text) < 32);
        assert_true(nip__text_real(text, &back) && back == value);
    }
}

static void test_formats(void **state)
{
    (void)state;
    nip__buffer text = NIP__BUFFER(100);
    nip__arena *arena = nip__arena_new();
    nip_error *error = NULL;
    nip__buffer_printf(&text, "%.2f %% and %g", 31.2, 0.5);
    assert_string_equal(nip__buffer_string(&text), "31.20 % and 0.5");
    assert_string_equal(nip__arena_printf(arena, "%.3g s", 1234.5), "1.23e+03 s");
    nip__fail(&error, NIP_E_INVALID, "at most %.1f", 0.1);
    assert_string_equal(nip_error_message(error), "at most 0.1");
    nip_error_free(error);
    nip__buffer_clear(&text);
    nip__arena_free(arena);
}

/* A host with a decimal comma must get the same text. Checked where such a locale is installed. */
static void test_locale(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (setlocale(LC_ALL, names[i]) == NULL)
            continue;
        test_reals(NULL);
        test_written_reals(NULL);
        test_formats(NULL);
        setlocale(LC_ALL, "C");
    }
}

/* Only the 26 letters have a case, whatever the locale says of the bytes above them. */
static void test_letters(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
        bool equal, starts, has;
    } rows[] = {
        {"Content-TYPE", "content-type", true, true, true}, {"Content-Type: x", "CONTENT-TYPE", false, true, true}, {"X-Content-Type", "content-type", false, false, true},
        {"Content-Typ", "content-type", false, false, false}, {"", "", true, true, true}, {"a", "", false, true, true}, {"", "a", false, false, false},
        {"DB_PaSsWoRd", "password", false, false, true}, {"passpassword", "password", false, false, true}, {"passwor", "password", false, false, false},
        {"\xe9", "\xc9", false, false, false}, {"@[", "`{", false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (nip__text_alike(rows[i].text, rows[i].part) != rows[i].equal || nip__text_starts_alike(rows[i].text, rows[i].part) != rows[i].starts ||
            nip__text_has_alike(rows[i].text, rows[i].part) != rows[i].has)
            fail_msg("%s, %s", rows[i].text, rows[i].part);
    }
    for (int a = 1; a < 256; a++) {
        const char one[] = {(char)a, '\0'};
        bool upper = a >= 'A' && a <= 'Z', lower = a >= 'a' && a <= 'z', digit = a >= '0' && a <= '9';
        assert_int_equal(nip__text_is_letter_or_digit((char)a), upper || lower || digit);
        assert_int_equal(nip__text_is_space((char)a), a == ' ' || (a >= '\t' && a <= '\r'));
        for (int b = 1; b < 256; b++) {
            const char other[] = {(char)b, '\0'};
            assert_int_equal(nip__text_alike(one, other), a == b || (upper && b == a + 32) || (lower && b == a - 32));
        }
    }
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t length;
        bool valid;
    } rows[] = {
        {"", 0, true},
        {"abc", 3, true},
        {"12345678abcdefgh", 16, true},
        {"\xc3\xa9", 2, true},
        {"\xe2\x82\xac", 3, true},
        {"\xf0\x9f\x90\xa4", 4, true},
        {"\xf4\x8f\xbf\xbf", 4, true},
        {"\xed\x9f\xbf", 3, true},
        {"\0", 1, false},
        {"1234567\0", 8, false},
        {"\x80", 1, false},
        {"\xc3", 1, false},
        {"\xc0\xaf", 2, false},
        {"\xc1\xbf", 2, false},
        {"\xe0\x80\xaf", 3, false},
        {"\xed\xa0\x80", 3, false},
        {"\xf0\x80\x80\x80", 4, false},
        {"\xf4\x90\x80\x80", 4, false},
        {"\xf5\x80\x80\x80", 4, false},
        {"\xff", 1, false},
        {"\xe2\x82", 2, false},
        {"1234567\xc3", 8, false},
        {"\xe2\x28\xa1", 3, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(nip__text_utf8(rows[i].text, rows[i].length), rows[i].valid);
    assert_int_equal(nip__text_utf8_prefix("123456789\xff", 10), 9);
}

static void test_subjects(void **state)
{
    (void)state;
    char name[140];
    memset(name, 'a', sizeof name);
    name[128] = '\0';
    assert_true(nip__text_subject(name));
    name[128] = 'a';
    name[129] = '\0';
    assert_false(nip__text_subject(name));
    assert_true(nip__text_subject("shop-1.2_x"));
    assert_true(nip__text_subject("0"));
    static const char *const bad[] = {"", ".x", "-x", "_x", "a b", "a/b", "caf\xc3\xa9", "a\n"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(nip__text_subject(bad[i]));
    assert_false(nip__text_subject(NULL));
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const names[] = {"replicas", "strategy", "settings", "app", "health", "max_surge", NULL};
    static const struct {
        const char *text, *nearest;
    } rows[] = {
        {"replcas", "replicas"},
        {"replicsa", "replicas"},
        {"Replicas", "replicas"},
        {"stategy", "strategy"},
        {"setings", "settings"},
        {"max-surge", "max_surge"},
        {"apps", "app"},
        {"ap", "app"},
        {"zzz", NULL},
        {"", NULL},
        {"x", NULL},
        {"heath", "health"},
        {"completely_different", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *nearest = nip__text_nearest(rows[i].text, names);
        if (!nip__text_equal(nearest, rows[i].nearest))
            print_error("%s -> %s\n", rows[i].text, nearest == NULL ? "(none)" : nearest);
        assert_true(nip__text_equal(nearest, rows[i].nearest));
    }
    char huge[5000];
    memset(huge, 'r', sizeof huge - 1);
    huge[sizeof huge - 1] = '\0';
    assert_null(nip__text_nearest(huge, names));
    assert_null(nip__text_nearest(NULL, names));
}

static void test_buffer(void **state)
{
    (void)state;
    nip__buffer buffer = NIP__BUFFER(10);
    assert_string_equal(nip__buffer_string(&buffer), "");
    nip__buffer_text(&buffer, "abc");
    nip__buffer_int(&buffer, -42);
    nip__buffer_printf(&buffer, "%s", "xyz");
    nip__buffer_char(&buffer, '!');
    assert_string_equal(nip__buffer_string(&buffer), "abc-42xyz!");
    assert_false(buffer.failed);
    nip__buffer_char(&buffer, '?');
    assert_true(buffer.failed && buffer.full);
    nip__buffer_put(&buffer, "", 0);
    assert_string_equal(nip__buffer_string(&buffer), "abc-42xyz!");
    assert_null(nip__buffer_take(&buffer));
    char *text = nip__buffer_take(&buffer);
    assert_string_equal(text, "");
    nip__free(text);
    nip__buffer_printf(&buffer, "%20s", "x");
    assert_true(buffer.full);
    nip__buffer_reset(&buffer);
    nip__buffer_int(&buffer, 7);
    text = nip__buffer_take(&buffer);
    assert_string_equal(text, "7");
    nip__free(text);
    nip__buffer wide = NIP__BUFFER(100);
    nip__buffer_int(&wide, INT64_MIN);
    assert_string_equal(nip__buffer_string(&wide), "-9223372036854775808");
    nip__buffer_clear(&wide);
    fail_allocation(1, 1);
    nip__buffer_text(&wide, "x");
    fail_allocation(0, 0);
    assert_true(wide.failed && !wide.full);
    nip__buffer_text(&wide, "y");
    assert_null(nip__buffer_take(&wide));
}

static void test_arena(void **state)
{
    (void)state;
    nip__arena *arena = nip__arena_new();
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *memory = nip__arena_alloc(arena, size);
        assert_non_null(memory);
        assert_true((uintptr_t)memory % _Alignof(max_align_t) == 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xff, size);
    }
    assert_string_equal(nip__arena_printf(arena, "%d-%s", 5, "x"), "5-x");
    assert_string_equal(nip__arena_copy(arena, "abc", 2), "ab");
    assert_null(nip__arena_text(arena, NULL));
    assert_non_null(nip__arena_alloc(arena, 1 << 20));
    assert_false(nip__arena_failed(arena));
    fail_allocation(1, 0);
    assert_null(nip__arena_alloc(arena, 1 << 20));
    fail_allocation(0, 0);
    assert_null(nip__arena_alloc(arena, 1)); /* for good */
    assert_true(nip__arena_failed(arena));
    nip__arena_recover(arena);
    assert_non_null(nip__arena_alloc(arena, 1));
    assert_null(nip__arena_alloc(arena, SIZE_MAX));
    nip__arena_free(arena);
    nip__arena_free(NULL);
    assert_true(nip__arena_failed(NULL));
    assert_null(nip__arena_alloc(NULL, 1));
}

static void test_grow(void **state)
{
    (void)state;
    size_t capacity = 0;
    int *numbers = NULL;
    for (size_t count = 0; count < 1000; count++) {
        numbers = nip__grow(numbers, &capacity, count, sizeof *numbers);
        assert_non_null(numbers);
        numbers[count] = (int)count;
    }
    assert_int_equal(numbers[999], 999);
    size_t before = capacity;
    assert_null(nip__grow(numbers, &capacity, SIZE_MAX / 4, sizeof *numbers));
    fail_allocation(1, 1);
    assert_null(nip__grow(numbers, &capacity, capacity, sizeof *numbers));
    fail_allocation(0, 0);
    assert_int_equal(capacity, before);
    assert_int_equal(numbers[999], 999);
    nip__free(numbers);
    assert_null(nip__strdup(NULL));
}

static void test_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/nipops-text-XXXXXX", path[128], deep[128];
    nip_error *err = NULL;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(deep, sizeof deep, "%s/a/b/c", folder);
    nip__buffer buffer = NIP__BUFFER(100);
    assert_int_equal(nip__file_read(path, 100, &buffer, &err), NIP_E_IO);
    assert_int_equal(nip_error_os_errno(err), ENOENT);
    assert_int_equal(nip__file_tail(path, 100, &buffer), 0);
    assert_int_equal(nip__file_write(path, "one\ntwo\nthree\n", 14, &err), 0);
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_int_equal(nip__file_read(path, 14, &buffer, &err), 0);
    assert_string_equal(nip__buffer_string(&buffer), "one\ntwo\nthree\n");
    assert_int_equal(nip__file_read(path, 13, &buffer, &err), NIP_E_LIMIT);
    assert_string_equal(nip__buffer_string(&buffer), "one\ntwo\nthree\n");
    nip__buffer_reset(&buffer);
    assert_int_equal(nip__file_tail(path, 8, &buffer), 0);
    assert_string_equal(nip__buffer_string(&buffer), "three\n");
    nip__buffer_reset(&buffer);
    assert_int_equal(nip__file_tail(path, 3, &buffer), 0);
    assert_string_equal(nip__buffer_string(&buffer), "ee\n");
    nip__buffer_clear(&buffer);
    assert_int_equal(nip__file_read(folder, 13, &buffer, &err), NIP_E_IO);
    assert_int_equal(nip__file_make_folder(deep, &err), 0);
    assert_int_equal(nip__file_make_folder(deep, &err), 0);
    assert_int_equal(stat(deep, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0700);
    assert_int_equal(nip__file_make_folder(path, &err), NIP_E_IO);
    assert_int_equal(nip__file_write(deep, "x", 1, &err),
                     NIP_E_IO); /* a folder is in the way: nothing is left behind */
    nip_error_free(err);
    static const char *const parts[] = {"/a/b/c", "/a/b", "/a", "/file", ""};
    for (size_t i = 0; i < COUNT(parts); i++) {
        snprintf(path, sizeof path, "%s%s", folder, parts[i]);
        assert_int_equal(remove(path), 0);
    }
}

static bool is_link(const char *path)
{
    struct stat found;
    return lstat(path, &found) == 0 && S_ISLNK(found.st_mode);
}

/* What a configuration names may be a link: the link stays, what it leads to is replaced, and nobody's permissions change. */
static void test_links(void **state)
{
    (void)state;
    char folder[] = "/tmp/nipops-links-XXXXXX", file[128], link[128], far[128], loop[128];
    nip__buffer buffer = NIP__BUFFER(100);
    nip_error *err = NULL;
    struct stat found;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/file", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    snprintf(far, sizeof far, "%s/far", folder);
    snprintf(loop, sizeof loop, "%s/loop", folder);
    assert_int_equal(symlink("file", link), 0);
    assert_int_equal(symlink(link, far), 0);
    assert_int_equal(symlink("loop", loop), 0);
    assert_int_equal(nip__file_rewrite(far, "new", 3, NULL), 0); /* a link to what is not there yet */
    assert_int_equal(chmod(file, 0640), 0);
    assert_int_equal(nip__file_rewrite(far, "one", 3, NULL), 0);
    assert_int_equal(nip__file_rewrite(link, "two", 3, NULL), 0);
    assert_true(is_link(link) && is_link(far) && !is_link(file));
    assert_int_equal(nip__file_read(file, 100, &buffer, NULL), 0);
    assert_string_equal(nip__buffer_string(&buffer), "two");
    assert_int_equal(stat(file, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0640);
    assert_int_equal(nip__file_rewrite(loop, "x", 1, &err), NIP_E_IO);
    assert_int_equal(nip_error_os_errno(err), ELOOP);
    nip_error_free(err);
    assert_true(is_link(loop));
    nip__buffer_clear(&buffer);
    const char *const all[] = {loop, far, link, file, folder};
    for (size_t i = 0; i < COUNT(all); i++)
        assert_int_equal(remove(all[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers), cmocka_unit_test(test_reals),  cmocka_unit_test(test_written_reals),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_locale),   cmocka_unit_test(test_utf8),   cmocka_unit_test(test_subjects),
        cmocka_unit_test(test_nearest),  cmocka_unit_test(test_buffer), cmocka_unit_test(test_arena),
        cmocka_unit_test(test_grow),     cmocka_unit_test(test_files),  cmocka_unit_test(test_links),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
