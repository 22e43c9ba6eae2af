/* Text from a format, the same under every locale of the host's: a decimal point stays a point. */
#ifndef NIP__PRINT_H
#define NIP__PRINT_H

#include <locale.h>
#include <stdarg.h>
#include <stddef.h>

/* The locale "C", whatever the host has set. (locale_t)0: there is none, which cannot be with glibc or musl. */
locale_t nip__c_locale(void);

/* vsnprintf in that locale. The thread has its own again when this returns. */
int nip__vprint(char *out, size_t size, const char *format, va_list arguments) __attribute__((format(printf, 3, 0)));

#endif
