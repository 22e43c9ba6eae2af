/* The locale "C" for this thread and for one call: setlocale would be felt by the whole process. */
#include "base/print.h"

#include <pthread.h>
#include <stdio.h>

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void)
{
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* glibc and musl have it built in: cannot fail there */
}

locale_t nip__c_locale(void)
{
    pthread_once(&c_locale_once, make_c_locale);
    return c_locale;
}

int nip__vprint(char *out, size_t size, const char *format, va_list arguments)
{
    locale_t plain = nip__c_locale(), before = plain != (locale_t)0 ? uselocale(plain) : (locale_t)0;
    int length = vsnprintf(out, size, format, arguments);
    if (before != (locale_t)0)
        uselocale(before);
    return length;
}
