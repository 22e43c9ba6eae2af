/* Any answer judged by any expectation: good, or not good with a reason.
 *
 * Input: `expect` as YAML; behind a line "%%" "status exit latency-in-ms" and headers up to an empty line, then the body. */
#include "fuzz.h"

#include "base/error.h"
#include "doc/yaml.h"
#include "health/document.h"
#include "health/expect.h"

typedef int judgement(const nip__value *expect, const nip__answer *answer, nip__buffer *why);

static void judge(judgement *by, const nip__value *expect, const nip__answer *answer)
{
    nip__buffer why = NIP__BUFFER(1000);
    int rc = by(expect, answer, &why);
    must(rc == 0 || rc == 1);
    must((rc == 0) == (why.length > 0));
    nip__buffer_clear(&why);
}

/* NULL: not one that a document could hold. */
static nip__value *read_expect(nip__arena *arena, const char *text)
{
    nip__value *given = NULL;
    nip__problems problems = {0};
    if (nip__yaml_read(arena, text, strlen(text), NULL, &nip__document_limits, &given, NULL) < 0)
        return NULL;
    nip__value *expect = nip__schema_apply(arena, nip__expect_fields, given, NULL, "", &problems);
    return nip__problems_finish(&problems, NIP_E_DOCUMENT, NULL) == 0 ? expect : NULL;
}

static nip__answer read_answer(char *text, const char *end)
{
    nip__answer answer = {.headers = ""};
    int latency = 0;
    sscanf(text, "%9d %9d %9d", &answer.status, &answer.exit_code, &latency);
    answer.latency = latency * NIP_MILLISECOND;
    char *headers = strchr(text, '\n');
    char *body = headers == NULL ? NULL : strstr(headers, "\n\n");
    answer.headers = headers == NULL ? "" : headers + 1;
    answer.body = body == NULL ? "" : body + 2;
    answer.body_length = body == NULL ? 0 : (size_t)(end - answer.body);
    if (body != NULL)
        body[1] = '\0';
    return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *rest = text;
    const char *expected = fuzz_part(&rest, "%%");
    nip__arena *arena = nip__arena_new();
    nip__value *expect = rest == NULL ? NULL : read_expect(arena, expected);
    if (expect != NULL) {
        nip__answer answer = read_answer(rest, text + size);
        judge(nip__expect_http, expect, &answer);
        judge(nip__expect_command, expect, &answer);
        judge(nip__expect_connection, expect, &answer);
    }
    nip__arena_free(arena);
    free(text);
    return 0;
}
