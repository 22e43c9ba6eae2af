#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "errand.h"
#include "doc/json.h"
#include "doc/yaml.h"

static int take_outcome(void *poster, nip_action *action, const char *text, nip_error **err)
{
    test_errand *self = poster;
    assert_ptr_equal(action, &self->action);
    assert_null(self->outcome); /* an action is completed once */
    nip__value *outcome = NULL;
    int rc = nip__json_read(self->arena, text, strlen(text), "outcome", &nip__internal_limits, &outcome, err);
    assert_int_equal(rc, 0);
    self->outcome = outcome;
    return 0;
}

void errand_open(test_errand *errand, const char *kind, const char *settings)
{
    nip_error *err = NULL;
    memset(errand, 0, sizeof *errand);
    assert_int_equal(nip_ctx_new(&errand->ctx, NULL), 0);
    assert_int_equal(nip__loop_new(errand->ctx, &errand->loop, NULL), 0);
    if (nip_driver_open(errand->ctx, kind, settings, &errand->driver, &err) != 0)
        fail_msg("%s", nip_error_message(err));
    if (errand->driver->services != NULL)
        errand->driver->services->attach(errand->driver->self, errand->loop);
}

void errand_close(test_errand *errand)
{
    if (errand->driver->services != NULL)
        errand->driver->services->attach(errand->driver->self, NULL);
    nip_driver_free(errand->driver);
    nip__loop_free(errand->loop);
    nip_ctx_free(errand->ctx);
    nip__arena_free(errand->arena);
}

int errand_begin(test_errand *errand, const char *role, const char *verb, const char *args, nip_error **err)
{
    nip__arena_free(errand->arena);
    errand->arena = nip__arena_new();
    errand->outcome = NULL;
    nip__value *value = NULL;
    assert_int_equal(nip__yaml_read(errand->arena, args, strlen(args), "args", &nip__document_limits, &value, NULL), 0);
    errand->action = (nip_action){.id = "shop-1.1", .run = "shop-1", .subject = "shop", .role = role, .verb = verb, .args = args,
                                  .args_value = value, .deadline = NIP_TIME_MAX, .post = take_outcome, .poster = errand};
    return errand->driver->vtable.start(errand->driver->self, &errand->action, nip__loop_now(errand->loop), err);
}

const nip__value *errand_run(test_errand *errand, const char *role, const char *verb, const char *args)
{
    nip_error *err = NULL;
    if (errand_begin(errand, role, verb, args, &err) != 0)
        fail_msg("%s", nip_error_message(err));
    while (errand->outcome == NULL)
        assert_true(nip__loop_wait(errand->loop, NIP_TIME_MAX, NULL) >= 0);
    return errand->outcome;
}
