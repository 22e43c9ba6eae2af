/* Every constant that the headers name is known by name, with the value that the compiler sees. */
#include "unit.h"

#include <ctype.h>
#include <dirent.h>

#include "nipops.h"

static char *read_header(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/include/nipops/%s", SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 1 << 20);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static void blank_comments(char *text)
{
    for (char *start = strstr(text, "/*"); start != NULL; start = strstr(start, "/*")) {
        char *end = strstr(start, "*/");
        assert_non_null(end);
        for (; start < end + 2; start++)
            *start = *start == '\n' ? '\n' : ' ';
    }
}

/* What an integer expression of the headers' simple kinds is worth. */
static bool evaluate(const char *text, int64_t *value)
{
    int64_t inner;
    while (*text == ' ')
        text++;
    if (strncmp(text, "INT64_MIN", 9) == 0 || strncmp(text, "INT64_MAX", 9) == 0) {
        *value = text[7] == 'I' ? INT64_MIN : INT64_MAX;
        return true;
    }
    if (strncmp(text, "INT64_C(", 8) == 0 && evaluate(text + 8, &inner)) {
        *value = inner;
        return true;
    }
    char *end;
    *value = strtoll(text, &end, 0);
    return end > text;
}

static void check(const char *name, int64_t expected)
{
    int64_t value = expected ^ 1;
    int rc = nip_constant(name, &value, NULL);
    if (rc != 0)
        print_error("%s is missing\n", name);
    assert_int_equal(rc, 0);
    if (value != expected)
        print_error("%s is %lld, should be %lld\n", name, (long long)value, (long long)expected);
    assert_true(value == expected);
}

static int check_defines(const char *text)
{
    static const char define[] = "#define NIP_";
    int count = 0;
    for (const char *p = strstr(text, define); p != NULL; p = strstr(p + 1, define)) {
        char name[128] = "";
        int64_t value;
        sscanf(p + 8, "%127[A-Z0-9_]", name);
        const char *rest = p + 8 + strlen(name);
        if (strcmp(name, "NIP_API") == 0)
            continue;
        assert_true(evaluate(rest, &value));
        check(name, value);
        count++;
    }
    return count;
}

static int check_enum(const char *body, const char *end)
{
    int count = 0;
    int64_t value = -1;
    while (body < end) {
        const char *name_start = strstr(body, "NIP_");
        if (name_start == NULL || name_start >= end)
            break;
        char name[128] = "";
        sscanf(name_start, "%127[A-Z0-9_]", name);
        const char *rest = name_start + strlen(name);
        while (isspace((unsigned char)*rest))
            rest++;
        if (*rest != '=' || !evaluate(rest + 1, &value))
            value++;
        check(name, value);
        count++;
        body = rest + strcspn(rest, ",}");
    }
    return count;
}

static int check_enums(const char *text)
{
    int count = 0;
    for (const char *p = strstr(text, "enum"); p != NULL; p = strstr(p + 1, "enum")) {
        const char *open = p + 4 + strcspn(p + 4, "{;,)");
        if (*open == '{')
            count += check_enum(open, strchr(open, '}'));
    }
    return count;
}

static void test_all(void **state)
{
    (void)state;
    DIR *folder = opendir(SOURCE_DIR "/include/nipops");
    assert_non_null(folder);
    int defines = 0, enums = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        size_t length = strlen(entry->d_name);
        if (length < 2 || strcmp(entry->d_name + length - 2, ".h") != 0)
            continue;
        char *text = read_header(entry->d_name);
        blank_comments(text);
        defines += check_defines(text);
        enums += check_enums(text);
        free(text);
    }
    closedir(folder);
    assert_true(defines >= 12); /* the parser above did see them */
    assert_true(enums >= 35);
}

static void test_unknown(void **state)
{
    (void)state;
    int64_t value = 5;
    nip_error *err = NULL;
    assert_int_equal(nip_constant("NIP_NONSENSE", &value, &err), NIP_E_NOTFOUND);
    assert_contains(nip_error_message(err), "NIP_NONSENSE");
    assert_int_equal(value, 5);
    assert_int_equal(nip_constant(NULL, &value, &err), NIP_E_INVALID);
    nip_error_free(err);
    for (int code = -41; code <= 0; code++) { /* the table of names and the table of values agree */
        const char *name = nip_code_name(code);
        if (strcmp(name, "NIP_E_UNKNOWN") != 0)
            check(name, code);
    }
}

static void test_version(void **state)
{
    (void)state;
    char expected[64];
    snprintf(expected, sizeof expected, "%d.%d.%d", NIP_VERSION_MAJOR, NIP_VERSION_MINOR, NIP_VERSION_PATCH);
    assert_string_equal(nip_version(), expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
