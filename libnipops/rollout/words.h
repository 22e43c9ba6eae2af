/* Words of a rollout document that a plan would read as something else. */
#ifndef NIP__ROLLOUT_WORDS_H
#define NIP__ROLLOUT_WORDS_H

#include "base/error.h"
#include "doc/value.h"

/* Each problem names its place in `file`. `rollout` is the normalized inner map. */
void nip__rollout_check_words(const nip__value *rollout, const char *file, nip__problems *problems);

#endif
