#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "errand.h"
#include "doc/json.h"
#include "doc/yaml.h"

/* Only kept here: allocations may be failing at this moment. */
static int take_outcome(void *poster, nip_action *action, const char *text, nip_error **err)
{
    (void)err;
    test_errand *self = poster;
    assert_ptr_equal(action, &self->action);
    assert_true(strlen(text) < sizeof self->outcome_text);
    memcpy(self->outcome_text, text, strlen(text) + 1);
    self->posted++;
    return 0;
}

static void read_outcome(test_errand *self)
{
    nip__value *outcome = NULL;
    assert_int_equal(self->posted, 1); /* an action is completed once */
    assert_int_equal(nip__json_read(self->arena, self->outcome_text, strlen(self->outcome_text), "outcome", &nip__internal_limits, &outcome, NULL), 0);
    self->outcome = outcome;
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

void errand_prepare(test_errand *errand, const char *role, const char *verb, const char *args)
{
    nip__arena_free(errand->arena);
    errand->arena = nip__arena_new();
    errand->outcome = NULL;
    errand->posted = 0;
    nip__value *value = NULL;
    assert_int_equal(nip__yaml_read(errand->arena, args, strlen(args), "args", &nip__document_limits, &value, NULL), 0);
    errand->action = (nip_action){.id = "shop-1.1", .run = "shop-1", .subject = "shop", .role = role, .verb = verb, .args = args,
                                  .args_value = value, .deadline = NIP_TIME_MAX, .post = take_outcome, .poster = errand};
}

int errand_start(test_errand *errand, nip_error **err)
{
    return errand->driver->vtable.start(errand->driver->self, &errand->action, nip__loop_now(errand->loop), err);
}

int errand_begin(test_errand *errand, const char *role, const char *verb, const char *args, nip_error **err)
{
    errand_prepare(errand, role, verb, args);
    return errand_start(errand, err);
}

void errand_wait(test_errand *errand)
{
    while (errand->posted == 0)
        assert_true(nip__loop_wait(errand->loop, NIP_TIME_MAX, NULL) >= 0);
    read_outcome(errand);
}

const nip__value *errand_run(test_errand *errand, const char *role, const char *verb, const char *args)
{
    nip_error *err = NULL;
    if (errand_begin(errand, role, verb, args, &err) != 0)
        fail_msg("%s", nip_error_message(err));
    errand_wait(errand);
    return errand->outcome;
}
