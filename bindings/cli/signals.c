/* Signals, while a run is driven. Handlers only count; SIGHUP and SIGPIPE get handlers that do nothing rather than SIG_IGN, which
 * children would inherit. */
#include "cli.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t interrupts;
static volatile sig_atomic_t terminated;
static volatile sig_atomic_t resized;
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    if (number == SIGINT)
        interrupts = interrupts < 2 ? interrupts + 1 : 2;
    else if (number == SIGTERM)
        terminated = 1;
    else if (number == SIGWINCH)
        resized = 1;
    else if (number == SIGTSTP)
        stopped = 1;
}

static void take(const int *numbers, size_t count)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal; /* no SA_RESTART: a wait ends at once */
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < count; i++)
        sigaction(numbers[i], &action, NULL);
}

void signals_take(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    take(numbers, sizeof numbers / sizeof numbers[0]);
}

void signals_take_screen(void)
{
    static const int numbers[] = {SIGWINCH, SIGTSTP};
    take(numbers, sizeof numbers / sizeof numbers[0]);
}

bool signals_resized(void)
{
    bool was = resized != 0;
    resized = 0;
    return was;
}

bool signals_stopped(void)
{
    bool was = stopped != 0;
    stopped = 0;
    return was;
}

int signals_interrupts(void)
{
    return interrupts;
}

bool signals_terminated(void)
{
    return terminated != 0;
}
