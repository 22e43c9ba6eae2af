/* The system's clocks; with base/file the only part of base that touches the world. */
#include "base/clock.h"

#include <time.h>

static nip_time read_clock(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (nip_time)now.tv_sec * NIP_SECOND + now.tv_nsec;
}

nip_time nip__system_real(void)
{
    return read_clock(CLOCK_REALTIME);
}

nip_time nip__system_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}
