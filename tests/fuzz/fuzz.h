/* What fuzz targets share. A target is one file with LLVMFuzzerTestOneInput; it states properties with must(), so that not only
 * crashes are findings. Inputs are copied to exactly their length first: a read behind the end shows. */
#ifndef NIP_TEST_FUZZ_H
#define NIP_TEST_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nipops.h"
#include "doc/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property of the code under test; what does not hold is a finding. */
#define must(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: this must hold: %s\n", __FILE__, __LINE__, #condition);                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A call that failed says why: a negative code, the same in the error, and a message of one line. Frees the error. */
void fuzz_refused(int rc, nip_error *err);
/* The input as owned text with a NUL behind it; free() it. */
char *fuzz_text(const uint8_t *data, size_t size);
/* Cuts `rest` at the next line that is `separator` alone, or at its end; returns the part before, NULL when nothing is left. */
char *fuzz_part(char **rest, const char *separator);
/* JSON text is read and written again to the same bytes. */
void fuzz_json(const char *json);
/* The tree written as JSON, read back and written again is the same text, and the same tree. */
void fuzz_tree(const nip__value *value);
/* A plan's JSON gives the same plan again, and it can be explained. */
void fuzz_plan(const nip_plan *plan);

#endif
