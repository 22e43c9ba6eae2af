/* The system's clocks. */
#ifndef NIP__CLOCK_H
#define NIP__CLOCK_H

#include "nipops/base.h"

nip_time nip__system_real(void);
nip_time nip__system_monotonic(void);

#endif
