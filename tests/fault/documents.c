/* Documents that are wrong, from their file to the plan that does not come of them: each is told with file, line,
 * column and what would be right, and nothing is touched. */
#include "world.h"

#include <dirent.h>
#include <unistd.h>

typedef struct wrong {
    const char *text;
    int code;
    const char *where; /* "line:column:"; "": no place */
    const char *what;
} wrong;

#define HEAD                                                                                                           \
    "rollout:\n  app: shop\n  artifact: \"1.1\"\n  target: {driver: sim}\n  router: {driver: sim}\n"                   \
    "  health: {url: \"http://{endpoint}/\"}\n"                      /* 6 lines */
#define STAGED HEAD "  strategy: canary\n  metrics: {driver: sim}\n" /* 8 lines */

static const wrong wrongs[] = {
    /* not YAML, or not the YAML that is read */
    {"", NIP_E_DOCUMENT, "", "empty"},
    {"rollout: [1, 2\n", NIP_E_SYNTAX, "1:10:", "bracket is missing"},
    {"rollout:\n\tapp: shop\n", NIP_E_SYNTAX, "2:1:", ""},
    {"rollout: {app: shop\n  artifact: a}\n", NIP_E_SYNTAX, "2:", ""},
    {"rollout: \"no end\n", NIP_E_SYNTAX, "", ""},
    {"{\"rollout\": {\"app\": }}", NIP_E_DOCUMENT, "1:13:", "text"},
    {"rollout:\n  app: \xff\xfe\n", NIP_E_SYNTAX, "2:8:", "UTF-8"},
    {HEAD "  app: shop\n", NIP_E_SYNTAX, "7:3:", "app"},
    {HEAD "---\n" HEAD, NIP_E_SYNTAX, "7:", "one document"},
    {"rollout: !!python/object:os.system x\n", NIP_E_SYNTAX, "1:10:", "tag"},
    {"rollout: *nowhere\n", NIP_E_SYNTAX, "1:10:", "nowhere"},
    {"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
     "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nrollout: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
     NIP_E_LIMIT, "", "values"},
    /* another kind, or none */
    {"just text\n", NIP_E_DOCUMENT, "1:1:", ""},
    {"rolout: {app: shop}\n", NIP_E_DOCUMENT, "1:1:", "rollout"},
    {"rollout: 7\n", NIP_E_DOCUMENT, "1:10:", "map"},
    /* keys, types, ranges */
    {HEAD "  stratgy: canary\n", NIP_E_DOCUMENT, "7:3:", "\"strategy\""},
    {STAGED "  canary: {guard: {eror_rate: {max: 1}}}\n", NIP_E_DOCUMENT, "9:20:", "\"error_rate\""},
    {HEAD "  replicas: 0\n", NIP_E_DOCUMENT, "7:13:", "from 1 to 10000"},
    {HEAD "  replicas: 2.5\n", NIP_E_DOCUMENT, "7:13:", "integer"},
    {HEAD "  replicas: [3]\n", NIP_E_DOCUMENT, "7:13:", "integer"},
    {HEAD "  replicas: 99999999999999999999\n", NIP_E_DOCUMENT, "7:13:", "from 1 to 10000"},
    {HEAD "  strategy: [canary]\n", NIP_E_DOCUMENT, "7:13:", "canary"},
    {HEAD "  drain_timeout: 5\n", NIP_E_DOCUMENT, "7:18:", "unit"},
    {HEAD "  drain_timeout: 5 parsecs\n", NIP_E_DOCUMENT, "7:18:", "\"90s\""},
    {HEAD "  preflight: {disk_free: lots}\n", NIP_E_DOCUMENT, "7:26:", "GiB"},
    /* rules that no schema says */
    {HEAD "  drain: 5s\n  drain_timeout: 6s\n", NIP_E_DOCUMENT, "8:3:", "drain"},
    {STAGED "  canary: {stages: [{share: 50}, {share: 20}]}\n", NIP_E_DOCUMENT, "9:42:", "20 % comes after 50 %"},
    {STAGED "  canary: {stages: [{share: 10}]}\n  promotion_stages: [{percentage: 10}]\n", NIP_E_DOCUMENT,
     "10:21:", "given twice"},
    {STAGED "  promotion_stages: [{percentage: 10, duration_minutes: 1, duration: 1m}]\n", NIP_E_DOCUMENT,
     "9:57:", "say the same"},
    {STAGED "  hold_old: -1s\n", NIP_E_DOCUMENT, "9:13:", ""},
    {HEAD "  strategy: canary\n  metrics: {driver: haproxy}\n  canary: {guard: {latency_p95: {max: 1s}}}\n",
     NIP_E_DOCUMENT, "9:33:", "no latency quantiles"},
    {HEAD "  strategy: canary\n  canary: {guard: {error_rate: {max: 1}}}\n", NIP_E_DOCUMENT,
     "8:32:", "driver: prometheus"},
    {HEAD "  strategy: blue_green\n  blue_green: {smoke: [{command: x, url: y}]}\n", NIP_E_DOCUMENT, "8:24:", "either"},
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fwrite(text, 1, strlen(text), file) == strlen(text));
    assert_int_equal(fclose(file), 0);
}

static int files_in(const char *path)
{
    int count = 0;
    DIR *open = opendir(path);
    assert_non_null(open);
    while (readdir(open) != NULL)
        count++;
    closedir(open);
    return count;
}

/* Loads, checks and plans, as far as it goes; a failure leaves what it was given alone. */
static int come_to_a_plan(const char *path, const char *observed, nip_error **err)
{
    nip_doc *doc = (nip_doc *)(void *)&doc, *untouched = doc;
    int rc = nip_doc_load_file(path, &doc, err);
    if (rc < 0) {
        assert_ptr_equal(doc, untouched);
        return rc;
    }
    nip_plan *plan = (nip_plan *)(void *)&plan, *no_plan = plan;
    nip_error *also = NULL;
    rc = nip_doc_check(doc, err);
    int planned = nip_rollout_plan(doc, NULL, observed, &plan, &also);
    assert_int_equal(planned, rc); /* what does not pass is not planned either */
    if (strcmp(nip_doc_kind(doc), "rollout") == 0)
        assert_string_equal(nip_error_message(also), err != NULL ? nip_error_message(*err) : "");
    if (planned < 0)
        assert_ptr_equal(plan, no_plan);
    else
        nip_plan_free(plan);
    nip_error_free(also);
    nip_doc_free(doc);
    return rc;
}

static void check_wrong(const wrong *row, const char *path, const char *observed)
{
    char begin[256];
    nip_error *error = NULL;
    write_file(path, row->text);
    int rc = come_to_a_plan(path, observed, &error);
    snprintf(begin, sizeof begin, "%s:%s", path, row->where);
    const char *message = nip_error_message(error);
    if (rc != row->code || strncmp(message, begin, strlen(begin)) != 0 || strstr(message, row->what) == NULL ||
        strchr(message, '\n') != NULL)
        fail_msg("%s: %s\n  should be %s, begin with %s and say: %s, of\n%s", nip_code_name(rc), message,
                 nip_code_name(row->code), begin, row->what, row->text);
    if (row->where[0] != '\0')
        assert_true(nip_error_line(error) > 0 && nip_error_column(error) > 0);
    assert_string_equal(nip_error_file(nip_error_at(error, 0)), path);
    nip_error_free(error);
}

static void wrong_documents_are_told_and_touch_nothing(void **state)
{
    (void)state;
    world w;
    folder place;
    char path[128];
    world_open(&w, NULL);
    char *observed = world_observe(&w, &strategies[CANARY]);
    folder_open(&place);
    snprintf(path, sizeof path, "%s/rollout.yaml", place.path);
    for (size_t i = 0; i < COUNT(wrongs); i++)
        check_wrong(&wrongs[i], path, observed);
    assert_int_equal(files_in(place.path), 3);
    write_file(path, HEAD);
    assert_int_equal(
        come_to_a_plan(
            path,
            "{\"v\":1,\"target\":{\"versions\":{},\"instances\":[],\"ports_free\":50},\"router\":{\"usable\":true,"
            "\"endpoints\":{}},\"health\":{\"groups\":{}}}",
            NULL),
        0);
    folder_close(&place);
    nip_free(observed);
    world_close(&w);
}

static void what_is_no_file_is_said(void **state)
{
    (void)state;
    folder place;
    folder_open(&place);
    char missing[128];
    snprintf(missing, sizeof missing, "%s/none.yaml", place.path);
    const char *const paths[] = {missing, place.path, "/dev/zero", ""};
    for (size_t i = 0; i < COUNT(paths); i++) {
        nip_doc *doc = NULL;
        nip_error *error = NULL;
        int rc = nip_doc_load_file(paths[i], &doc, &error);
        if (rc != NIP_E_IO && rc != NIP_E_LIMIT && rc != NIP_E_INVALID)
            fail_msg("%s: %s: %s", paths[i], nip_code_name(rc), nip_error_message(error));
        assert_contains(nip_error_message(error), paths[i]);
        assert_null(doc);
        nip_error_free(error);
    }
    folder_close(&place);
}

/* Nesting and size that would need much memory or stack. */
static void large_and_deep_documents_are_refused(void **state)
{
    (void)state;
    enum { LARGE = 9 << 20, DEEP = 100000 };
    folder place;
    char path[128];
    char *text = malloc(LARGE + 1);
    assert_non_null(text);
    folder_open(&place);
    snprintf(path, sizeof path, "%s/rollout.yaml", place.path);
    const struct {
        char filler;
        size_t size;
        int code;
    } rows[] = {
        {'[', DEEP, NIP_E_LIMIT}, {'{', DEEP, NIP_E_SYNTAX}, {'x', LARGE, NIP_E_LIMIT}, {'\n', LARGE, NIP_E_LIMIT}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        nip_error *error = NULL;
        memset(text, rows[i].filler, rows[i].size);
        text[rows[i].size] = '\0';
        write_file(path, text);
        int rc = come_to_a_plan(path, NULL, &error);
        if (rc != rows[i].code)
            fail_msg("%c: %s: %s", rows[i].filler, nip_code_name(rc), nip_error_message(error));
        nip_error_free(error);
    }
    free(text);
    folder_close(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_documents_are_told_and_touch_nothing),
        cmocka_unit_test(what_is_no_file_is_said),
        cmocka_unit_test(large_and_deep_documents_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
