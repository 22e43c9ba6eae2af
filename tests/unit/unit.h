/* What every unit test includes. */
#ifndef NIP_TEST_UNIT_H
#define NIP_TEST_UNIT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As a host may do: what the library writes and reads does not depend on it (tests/support/elsewhere.sh has decimal commas). */
__attribute__((constructor)) static void take_the_locale(void)
{
    setlocale(LC_ALL, "");
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* `text` contains `part`; else both are printed. */
static inline void assert_contains_at(const char *text, const char *part, const char *file, int line)
{
    if (text != NULL && strstr(text, part) != NULL)
        return;
    print_error("\"%s\" should contain \"%s\"\n", text == NULL ? "(null)" : text, part);
    _fail(file, line);
}
#define assert_contains(text, part) assert_contains_at((text), (part), __FILE__, __LINE__)

#endif
