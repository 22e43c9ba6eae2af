/* Too few free ports, told with the range that was looked at. */
#include "driver/ports.h"

void nip__ports_judge(nip__arena *arena, const nip__value *args, const char *host, int first, int last, nip__value *result)
{
    int64_t needed = nip__get_int(args, "ports_needed", 0), unused = nip__get_int(result, "ports_free", 0);
    if (unused >= needed)
        return;
    nip__value *problems = nip__put(arena, result, "problems", nip__list(arena));
    nip__push_text(arena, problems,
                   nip__arena_printf(arena,
                                     "%lld free port%s needed, %lld of the target's `ports` %d-%d at %s %s free: widen them by %lld, or "
                                     "end what holds them",
                                     (long long)needed, needed == 1 ? " is" : "s are", (long long)unused, first, last, host,
                                     unused == 1 ? "is" : "are", (long long)(needed - unused)));
}
