/* Timers: one binary heap for the loop's clock and one for real time. */
#include "op/inside.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"

static bool before(const nip__timer *a, const nip__timer *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void place(nip__heap *heap, size_t index, nip__timer *timer)
{
    heap->items[index] = timer;
    timer->index = index;
}

static void sift_up(nip__heap *heap, size_t index)
{
    nip__timer *timer = heap->items[index];
    while (index > 0 && before(timer, heap->items[(index - 1) / 2])) {
        place(heap, index, heap->items[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    place(heap, index, timer);
}

static void sift_down(nip__heap *heap, size_t index)
{
    nip__timer *timer = heap->items[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child + 1 < heap->count && before(heap->items[child + 1], heap->items[child]))
            child++;
        if (child >= heap->count || !before(heap->items[child], timer))
            break;
        place(heap, index, heap->items[child]);
        index = child;
    }
    place(heap, index, timer);
}

static void take_out(nip__heap *heap, nip__timer *timer)
{
    size_t index = timer->index;
    nip__timer *last = heap->items[--heap->count];
    if (last != timer) {
        place(heap, index, last);
        sift_up(heap, index);
        sift_down(heap, last->index);
    }
    timer->loop = NULL;
}

nip_time nip__heap_top(const nip__heap *heap)
{
    return heap->count > 0 ? heap->items[0]->at : NIP_TIME_MAX;
}

int nip__heap_fire(nip__heap *heap, nip_time now)
{
    /* A callback that sets a timer for this very instant must not keep us here for ever. */
    uint64_t newest = heap->count > 0 ? heap->items[0]->loop->order : 0;
    int fired = 0;
    while (heap->count > 0 && heap->items[0]->at <= now && heap->items[0]->order <= newest) {
        nip__timer *timer = heap->items[0];
        take_out(heap, timer);
        if (timer->fire != NULL)
            timer->fire(timer->data); /* the timer may be gone after this */
        fired++;
    }
    return fired;
}

void nip__heap_clear(nip__heap *heap)
{
    nip__free(heap->items);
    *heap = (nip__heap){0};
}

static nip__heap *heap_of(nip__loop *loop, bool real)
{
    return real ? &loop->real_timers : &loop->timers;
}

static int set(nip__loop *loop, nip__timer *timer, bool real, nip_time at, void (*fire)(void *data), void *data,
               nip_error **err)
{
    nip__heap *heap = heap_of(loop, real);
    nip__timer_stop(timer); /* one that is set already leaves room for itself: setting it again cannot fail */
    if (heap->count == heap->capacity) {
        nip__timer **items = nip__grow(heap->items, &heap->capacity, heap->count, sizeof *items);
        if (items == NULL)
            return nip__nomem(err);
        heap->items = items;
    }
    *timer = (nip__timer){.loop = loop, .at = at, .order = ++loop->order, .real = real, .fire = fire, .data = data};
    place(heap, heap->count++, timer);
    sift_up(heap, timer->index);
    return 0;
}

int nip__timer_set(nip__loop *loop, nip__timer *timer, nip_time at, void (*fire)(void *data), void *data,
                   nip_error **err)
{
    return set(loop, timer, false, at, fire, data, err);
}

int nip__timer_set_real(nip__loop *loop, nip__timer *timer, nip_duration after, void (*fire)(void *data), void *data,
                        nip_error **err)
{
    return set(loop, timer, true, nip__time_add(nip__system_monotonic(), after), fire, data, err);
}

void nip__timer_stop(nip__timer *timer)
{
    if (timer->loop != NULL)
        take_out(heap_of(timer->loop, timer->real), timer);
}
