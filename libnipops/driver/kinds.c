/* The built-in kinds of drivers. */
#include "driver/driver.h"

#include "base/text.h"

extern const nip__driver_kind nip__driver_local, nip__driver_haproxy, nip__driver_prometheus, nip__driver_check,
    nip__driver_sim, nip__driver_person, nip__driver_clock, nip__driver_notify, nip__driver_nginx, nip__driver_command, nip__driver_train;

static const nip__driver_kind *const kinds[] = {
    &nip__driver_local, &nip__driver_haproxy, &nip__driver_prometheus, &nip__driver_check, &nip__driver_sim,
    &nip__driver_person, &nip__driver_clock, &nip__driver_notify, &nip__driver_nginx, &nip__driver_command,
    &nip__driver_train,
};

const nip__driver_kind *nip__driver_kind_find(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (nip__text_equal(kinds[i]->name, name))
            return kinds[i];
    return NULL;
}

const char *const *nip__driver_kind_names(void)
{
    static const char *const names[] = {"local",  "haproxy", "prometheus", "check",   "sim",
                                        "person", "clock", "notify",  "nginx",      "command", "train", NULL};
    return names;
}
