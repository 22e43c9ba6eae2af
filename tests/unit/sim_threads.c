/* One simulated world, several threads: each has operations of its own, and the world is the only thing they share. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "nipops.h"

enum { THREADS = 4, LOOKS = 150 };

static const char document[] = "rollout:\n"
                               "  app: shop\n"
                               "  artifact: \"1.1.0\"\n"
                               "  replicas: 4\n"
                               "  strategy: rolling\n"
                               "  target: {driver: sim, world: shared, initial: {\"1.0.0\": 4}}\n"
                               "  router: {driver: sim, world: shared, initial: {\"1.0.0\": 4}}\n"
                               "  health: {url: \"http://{endpoint}/health\", interval: 1s, timeout: 30s}\n";

typedef struct looker {
    nip_ctx *ctx;
    const nip_doc *doc;
    int good;
} looker;

/* One look at the world; true when all four instances were seen. */
static int look(const looker *l)
{
    nip_drivers *drivers = NULL;
    nip_op *op = NULL;
    char *seen = NULL;
    int rc = nip_drivers_new(&drivers, NULL);
    if (rc == 0)
        rc = nip_op_observe(l->ctx, l->doc, NULL, drivers, &op, NULL);
    if (rc == 0)
        rc = nip_op_run(op, NULL);
    if (rc == 0)
        rc = nip_op_result(op, &seen, NULL);
    int good = rc == 0 && strstr(seen, "\"running\":4") != NULL;
    nip_free(seen);
    nip_op_free(op);
    nip_drivers_free(drivers);
    return good;
}

static void *look_often(void *data)
{
    looker *l = data;
    for (int i = 0; i < LOOKS; i++)
        l->good += look(l);
    return NULL;
}

static void threads_share_a_world(void **state)
{
    (void)state;
    nip_ctx *ctx = NULL;
    nip_doc *doc = NULL;
    pthread_t threads[THREADS];
    looker lookers[THREADS];
    assert_int_equal(nip_ctx_new(&ctx, NULL), 0);
    assert_int_equal(nip_ctx_set(ctx, "clock", "virtual:2026-01-01T00:00:00Z", NULL), 0);
    assert_int_equal(nip_doc_load_text(document, strlen(document), NULL, &doc, NULL), 0);
    nip_driver *keeper = NULL; /* the world stays the same while threads come and go */
    assert_int_equal(nip_driver_open(ctx, "sim", "{\"world\":\"shared\",\"initial\":{\"1.0.0\":4}}", &keeper, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        lookers[i] = (looker){.ctx = ctx, .doc = doc};
        assert_int_equal(pthread_create(&threads[i], NULL, look_often, &lookers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(lookers[i].good, LOOKS);
    }
    nip_driver_free(keeper);
    nip_doc_free(doc);
    nip_ctx_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_share_a_world)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
