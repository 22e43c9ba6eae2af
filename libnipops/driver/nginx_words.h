/* Words and statements of nginx's configuration. Nothing is copied: words point into the text that was given. */
#ifndef NIP__NGINX_WORDS_H
#define NIP__NGINX_WORDS_H

#include <stdbool.h>
#include <stddef.h>

enum { NIP__NGINX_WORDS_MAX = 8 }; /* of a statement; further ones are passed over */

typedef struct nip__nginx_word {
    const char *text; /* without its quotes; escapes as they were written */
    size_t length;
} nip__nginx_word;

typedef struct nip__nginx_statement {
    nip__nginx_word words[NIP__NGINX_WORDS_MAX];
    size_t count;
    char end; /* ';', '{' of a block that begins, '}' of one that ends */
} nip__nginx_statement;

/* The next statement of a whole file. False: there is none, or it does not end. */
bool nip__nginx_next_statement(const char **at, const char *end, nip__nginx_statement *statement);
bool nip__nginx_word_is(const nip__nginx_word *word, const char *text);
/* Is $variable or ${variable} in it? Quotes of neither kind keep nginx from filling variables in. */
bool nip__nginx_word_uses(const nip__nginx_word *word, const char *variable);

#endif
