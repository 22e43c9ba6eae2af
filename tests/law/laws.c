/* Proves the laws over many runs: every action of every strategy is hit by every fate and every crash, and then luck
 * is let loose.
 *
 *     laws [--seed N] [--strategy NAME] [--mood NAME] [--hasty] [--trace]
 *          [--sweep [--full]] [--wild [--runs N]]
 *          [--spot STEP/PURPOSE/INDEX --fate FATE] [--crash WHERE --record N --gap SECONDS]
 *
 * Without options: the sweep over all strategies, then wild runs. What is printed with a broken law is the command line
 * that shows it again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "laws.h"

typedef struct options {
    uint64_t seed;
    int64_t runs;
    const char *strategy, *mood;
    bool one; /* exactly one case */
    law_case single;
    bool sweep_only, wild_only;
    bool full; /* every spot and record, not one of each kind */
} options;

static law_counts counts;
static int64_t fates_hit[NIP__SIM_NO_DATA + 1][LAW_CRASHES];
static uint64_t spots_seen;

/* ---- comparing ---- */

/* A broken run tells how things stand, but what else of its last step was under way may have come through or not. */
static bool is_same(const law_end *a, const law_end *b)
{
    return strcmp(a->state, b->state) == 0 && (strcmp(a->state, "broken") == 0 || strcmp(a->stands, b->stands) == 0);
}

/* A write whose refusal nobody heard is settled after the crash: where there was nothing to do it is in force, and the
 * refusal never counts. */
static bool may_be_spared(const law_case *law)
{
    bool refused = law->fate.kind == NIP__SIM_FAILS_FOR_GOOD || law->fate.kind == NIP__SIM_FAILS ||
                   law->fate.kind == NIP__SIM_FAILS_MIDWAY;
    return law->aimed && refused && law->spot.purpose == NIP__FOR_ACT && law->crash != LAW_AFTER_ANSWER;
}

/* Law 4: the same world answering, a run that was killed ends as the one that was not. `fine`: how it ends when
 * nothing goes wrong. */
static void compare(const law_case *law, const law_end *whole, const law_end *fine, const law_end *killed)
{
    if (law->mood->luck || law->strategy->goal == LAW_PLAN) /* what may be done once is left to a person */
        return;
    if (is_same(whole, killed) || (may_be_spared(law) && is_same(fine, killed)))
        return;
    counts.broken++;
    printf("LAW 4 BROKEN: killed, the run ends %s (%s), else %s (%s)\n", killed->state, killed->stands, whole->state,
           whole->stands);
    law_print_case(law);
    if (counts.hasty)
        exit(1);
}

/* ---- the sweep ---- */

static void sweep_spot(law_case law, const law_end *fine)
{
    static const nip__sim_fate fates[] = {
        {.kind = NIP__SIM_FINE},
        {.kind = NIP__SIM_FAILS},
        {.kind = NIP__SIM_FAILS_FOR_GOOD},
        {.kind = NIP__SIM_FAILS_MIDWAY},
        {.kind = NIP__SIM_LOST_BEFORE},
        {.kind = NIP__SIM_LOST_AFTER},
        {.kind = NIP__SIM_LATE, .delay = 100 * NIP_SECOND},
        {.kind = NIP__SIM_REPEATED},
        {.kind = NIP__SIM_NO_DATA},
    };
    for (size_t f = 0; f < sizeof fates / sizeof fates[0]; f++) {
        law_end whole, killed;
        bool hit = false;
        if (fates[f].kind == NIP__SIM_NO_DATA && law.spot.purpose != NIP__FOR_GUARD)
            continue;
        law.fate = fates[f];
        law.crash = LAW_NO_CRASH;
        if (!law_run_case(&law, &counts, &whole, NULL, NULL, &hit))
            continue;
        fates_hit[f][LAW_NO_CRASH] += hit;
        for (law.crash = LAW_BEFORE_START; law.crash < LAW_AFTER_RECORD; law.crash++) {
            law.gap = law.crash % 2 == 0 ? 90 * NIP_SECOND : 0;
            if (!law_run_case(&law, &counts, &killed, NULL, NULL, &hit))
                continue;
            fates_hit[f][law.crash] += hit;
            counts.blows += hit;
            counts.missed += !hit;
            if (hit)
                compare(&law, &whole, fine, &killed);
        }
    }
}

static void sweep_records(law_case law, const law_end *whole, int64_t stride)
{
    law.aimed = false;
    law.crash = LAW_AFTER_RECORD;
    for (law.record = 1 + (int64_t)(law.seed % (uint64_t)stride); law.record <= whole->records; law.record += stride) {
        law_end killed;
        bool hit = false;
        law.gap = law.record % 2 == 0 ? 90 * NIP_SECOND : 0;
        if (!law_run_case(&law, &counts, &killed, NULL, NULL, &hit))
            continue;
        fates_hit[NIP__SIM_FINE][LAW_AFTER_RECORD] += hit;
        if (hit)
            compare(&law, whole, whole, &killed);
    }
}

/* "grow-2" and "grow-3" are the same step of another batch. */
static bool is_same_kind(const law_spot *a, const law_spot *b)
{
    const char *x = a->step, *y = b->step;
    while (*x != '\0' && *x == *y && (*x < '0' || *x > '9'))
        x++, y++;
    bool numbers = (*x == '\0' || (*x >= '0' && *x <= '9')) && (*y == '\0' || (*y >= '0' && *y <= '9'));
    return numbers && a->purpose == b->purpose && (a->purpose == NIP__FOR_GUARD || a->index == b->index);
}

/* Of the spots of a kind the seed chooses one. What other moods than fine have to show is the way back. */
static bool is_swept(const law_case *law, const law_spot *spots, size_t count, size_t index)
{
    size_t before = 0, all = 0;
    bool back = strncmp(spots[index].step, "back-", 5) == 0 || spots[index].purpose == NIP__FOR_GUARD;
    bool fine = strcmp(law->mood->name, "fine") == 0, slow = strcmp(law->mood->name, "slow") == 0;
    if ((!fine && !back) || slow || law->mood->luck) /* slow is taken back as faulty is, and luck has the wild runs */
        return false;
    for (size_t i = 0; i < count; i++) {
        bool same = is_same_kind(&spots[i], &spots[index]);
        before += same && i < index;
        all += same;
    }
    return before == law->seed % all;
}

static void sweep(const law_strategy *strategy, const law_mood *mood, const options *o)
{
    law_case law = {.seed = o->seed, .strategy = strategy, .mood = mood};
    law_end whole;
    law_spot *spots = NULL;
    size_t count = 0;
    if (law_run_case(&law, &counts, &whole, &spots, &count, NULL)) {
        printf("  %-20s %-10s %-10s %4lld records, %3zu spots: %s\n", strategy->name, mood->name, whole.state,
               (long long)whole.records, count, whole.stands);
        sweep_records(law, &whole, o->full ? 1 : 7);
        law.aimed = true;
        for (size_t i = 0; i < count; i++) {
            if (!o->full && !is_swept(&law, spots, count, i))
                continue;
            law.spot = spots[i];
            spots_seen++;
            sweep_spot(law, &whole);
        }
    }
    nip__free(spots);
}

static bool fits(const law_strategy *strategy, const law_mood *mood)
{
    return strcmp(mood->name, "fine") == 0 || strategy->goal == LAW_ROLLOUT || strategy->goal == LAW_SHADOW;
}

static bool is_chosen(const char *wanted, const char *name)
{
    return wanted == NULL || strcmp(wanted, name) == 0;
}

static void sweep_all(const options *o)
{
    for (const law_strategy *s = law_strategies; s->name != NULL; s++) {
        for (const law_mood *m = law_moods; m->name != NULL; m++) {
            if (is_chosen(o->strategy, s->name) && is_chosen(o->mood, m->name) && fits(s, m))
                sweep(s, m, o);
        }
    }
}

/* ---- luck ---- */

static void wild_run(const options *o, uint64_t seed)
{
    nip__random random;
    size_t strategies = 0, moods = 0;
    while (law_strategies[strategies].name != NULL)
        strategies++;
    while (law_moods[moods].name != NULL)
        moods++;
    nip__random_seed(&random, seed);
    law_case law = {.seed = seed, .wild = true, .trace = o->single.trace};
    do {
        law.strategy = &law_strategies[nip__random_below(&random, strategies)];
        law.mood = &law_moods[nip__random_below(&random, moods)];
    } while (!is_chosen(o->strategy, law.strategy->name) || !is_chosen(o->mood, law.mood->name) ||
             !fits(law.strategy, law.mood));
    law.faults = nip__random_unit(&random) < 0.7 ? nip__random_unit(&random) * 0.15 : 0;
    law.crashes = nip__random_unit(&random) < 0.7 ? nip__random_unit(&random) * 0.03 : 0;
    law.requests = nip__random_unit(&random) < 0.5 ? nip__random_unit(&random) * 0.02 : 0;
    law.jumps = nip__random_unit(&random) < 0.3 ? 0.01 : 0;
    law.restarts = nip__random_unit(&random) < 0.3;
    law_end end;
    law_run_case(&law, &counts, &end, NULL, NULL, NULL);
}

/* ---- reading the command line ---- */

static const law_strategy *strategy_named(const char *name)
{
    const law_strategy *s = law_strategies;
    while (s->name != NULL && strcmp(s->name, name) != 0)
        s++;
    return s->name != NULL ? s : &law_strategies[0];
}

static const law_mood *mood_named(const char *name)
{
    const law_mood *m = law_moods;
    while (m->name != NULL && strcmp(m->name, name) != 0)
        m++;
    return m->name != NULL ? m : &law_moods[0];
}

static void read_spot(law_case *law, const char *text)
{
    char purpose[32] = "";
    long long index = 0;
    size_t length = strcspn(text, "/");
    snprintf(law->spot.step, sizeof law->spot.step, "%.*s", (int)length, text);
    if (text[length] == '/' && sscanf(text + length + 1, "%31[^/]/%lld", purpose, &index) == 2)
        law->spot.index = index;
    for (int p = NIP__FOR_ACT; p <= NIP__FOR_SETTLE; p++) {
        if (strcmp(purpose, nip__purpose_name((nip__purpose)p)) == 0)
            law->spot.purpose = (nip__purpose)p;
    }
    law->aimed = true;
}

static void read_fate(law_case *law, const char *text)
{
    for (int f = 0; f <= NIP__SIM_NO_DATA; f++) {
        if (strcmp(text, law_fate_name((nip__sim_fate_kind)f)) == 0)
            law->fate = (nip__sim_fate){(nip__sim_fate_kind)f, f == NIP__SIM_LATE ? 100 * NIP_SECOND : 0};
    }
}

static void read_crash(law_case *law, const char *text)
{
    for (int c = 0; c < LAW_CRASHES; c++) {
        if (strcmp(text, law_crash_name((law_crash)c)) == 0)
            law->crash = (law_crash)c;
    }
}

static void read_option(options *o, const char *name, const char *value)
{
    int64_t number = 0;
    nip__text_int(value, &number);
    if (strcmp(name, "--seed") == 0)
        o->seed = (uint64_t)number;
    else if (strcmp(name, "--runs") == 0)
        o->runs = number;
    else if (strcmp(name, "--strategy") == 0)
        o->strategy = value;
    else if (strcmp(name, "--mood") == 0)
        o->mood = value;
    else if (strcmp(name, "--spot") == 0)
        read_spot(&o->single, value);
    else if (strcmp(name, "--fate") == 0)
        read_fate(&o->single, value);
    else if (strcmp(name, "--crash") == 0)
        read_crash(&o->single, value);
    else if (strcmp(name, "--record") == 0)
        o->single.record = number;
    else if (strcmp(name, "--gap") == 0)
        o->single.gap = number * NIP_SECOND;
}

static options read_options(int argc, char **argv)
{
    options o = {.seed = 1, .runs = 1500};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--wild") == 0)
            o.wild_only = true;
        else if (strcmp(argv[i], "--sweep") == 0)
            o.sweep_only = true;
        else if (strcmp(argv[i], "--hasty") == 0)
            counts.hasty = true;
        else if (strcmp(argv[i], "--full") == 0)
            o.full = true;
        else if (strcmp(argv[i], "--trace") == 0)
            o.single.trace = true;
        else if (i + 1 < argc) {
            read_option(&o, argv[i], argv[i + 1]);
            i++;
        }
    }
    o.one = o.single.aimed || o.single.crash != LAW_NO_CRASH || (o.single.trace && !o.wild_only);
    return o;
}

/* ---- the whole ---- */

static int run_one(options *o)
{
    law_end end, whole, fine;
    law_case *law = &o->single;
    bool hit = false;
    law->seed = o->seed;
    law->strategy = strategy_named(o->strategy != NULL ? o->strategy : "");
    law->mood = mood_named(o->mood != NULL ? o->mood : "");
    law_run_case(law, &counts, &end, NULL, NULL, &hit);
    printf("%s: %s%s\n", end.state, end.stands, hit ? "" : " (not hit)");
    law_case calm = *law;
    calm.trace = false;
    calm.crash = LAW_NO_CRASH;
    law_case blessed = calm;
    blessed.aimed = false;
    if (counts.broken == 0 && hit && law_run_case(&calm, &counts, &whole, NULL, NULL, NULL) &&
        law_run_case(&blessed, &counts, &fine, NULL, NULL, NULL))
        compare(law, &whole, &fine, &end);
    return counts.broken > 0;
}

static void print_counts(void)
{
    printf("fate x crash point, runs that hit:\n  %-15s", "");
    for (int c = 0; c < LAW_CRASHES; c++)
        printf("%14s", law_crash_name((law_crash)c));
    for (int f = 0; f <= NIP__SIM_NO_DATA; f++) {
        printf("\n  %-15s", law_fate_name((nip__sim_fate_kind)f));
        for (int c = 0; c < LAW_CRASHES; c++)
            printf("%14lld", (long long)fates_hit[f][c]);
    }
    printf("\n%lld runs, %lld records, %lld writes, %lld crashes, %lld requests, %llu spots; ends:",
           (long long)counts.runs, (long long)counts.records, (long long)counts.writes, (long long)counts.crashes,
           (long long)counts.requests, (unsigned long long)spots_seen);
    for (int p = NIP__SUCCEEDED; p <= NIP__BROKEN; p++)
        printf(" %s %lld", nip__phase_name((nip__phase)p), (long long)counts.ends[p]);
    printf("\n%lld broken\n", (long long)counts.broken);
}

int main(int argc, char **argv)
{
    options o = read_options(argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (o.one)
        return run_one(&o);
    printf("seed %llu\n", (unsigned long long)o.seed);
    if (!o.wild_only)
        sweep_all(&o);
    for (int64_t i = 0; i < o.runs && !o.sweep_only; i++)
        wild_run(&o, o.wild_only && o.runs == 1 ? o.seed : o.seed * 1000003 + (uint64_t)i);
    print_counts();
    return counts.broken > 0;
}
