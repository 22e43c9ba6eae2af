/* How many tries at once. */
#include "health/window.h"

#include "base/time.h"

enum { SMOOTHING = 16 };

nip__window nip__window_new(int64_t few, int64_t most)
{
    int64_t size = few < most ? few : most;
    return (nip__window){.cap = most, .most = most, .few = size, .size = size, .stirred = true};
}

/* How long a silence must last before it tells that the targets are slow. */
static nip_duration patience_of(const nip__window *window)
{
    bool fast = window->latency > 0 && window->latency < NIP__WINDOW_FAST;
    return fast ? NIP__WINDOW_FAST_PATIENCE : NIP__WINDOW_PATIENCE;
}

bool nip__window_has_room(nip__window *window, int64_t running, nip_time now, nip_time *until)
{
    *until = NIP_TIME_MAX;
    if (running >= window->most)
        return false;
    if (running < window->size)
        return true;
    if (window->stirred)
        window->quiet = now;
    window->stirred = false;
    nip_time patient = nip__time_add(window->quiet, patience_of(window));
    if (now < patient) {
        *until = patient;
        return false;
    }
    int64_t doubled = 2 * (running > window->size ? running : window->size);
    window->size = doubled < window->most ? doubled : window->most;
    window->calm = 0;
    window->quiet = now;
    return true;
}

void nip__window_begun(nip__window *window)
{
    window->stirred = true;
}

void nip__window_stir(nip__window *window)
{
    window->stirred = true;
}

/* One answer that took very long says little about the others. */
static void learn(nip__window *window, nip_duration latency)
{
    nip_duration told = latency < 2 * NIP__WINDOW_FAST ? latency : 2 * NIP__WINDOW_FAST;
    if (window->latency == 0)
        window->latency = told;
    else if (told > 0)
        window->latency += (told - window->latency) / SMOOTHING;
}

void nip__window_answered(nip__window *window, nip_duration latency)
{
    window->stirred = true;
    learn(window, latency);
    if (window->size > window->few && ++window->calm == NIP__WINDOW_SHRINKS) {
        window->calm = 0;
        window->size--;
    }
    if (window->most == window->cap || ++window->answers < NIP__WINDOW_RECOVERY)
        return;
    window->answers = 0;
    window->most++;
}

void nip__window_limit(nip__window *window, int64_t most)
{
    window->most = most < window->cap ? most : window->cap;
    window->answers = 0;
    if (window->size > window->most)
        window->size = window->most;
    if (window->few > window->most)
        window->few = window->most;
}
