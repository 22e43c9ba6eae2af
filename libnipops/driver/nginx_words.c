/* Words and statements of nginx's configuration, as nginx itself reads them: a '#' begins a comment only where a word
 * may begin, quotes only there too, a backslash takes the meaning from what follows, and ${name} is no block. */
#include <string.h>
#include "driver/nginx_words.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (is_space(*at) || *at == '#')) {
        if (*at == '#')
            while (at < end && *at != '\n')
                at++;
        else
            at++;
    }
    return at;
}

/* Up to the closing quote; without one it is no word. */
static bool read_quoted(const char **at, const char *end, nip__nginx_word *word)
{
    char quote = **at;
    const char *from = ++*at;
    while (*at < end && **at != quote)
        *at += **at == '\\' && end - *at > 1 ? 2 : 1;
    if (*at >= end)
        return false;
    *word = (nip__nginx_word){from, (size_t)(*at - from)};
    ++*at;
    return true;
}

static void read_plain(const char **at, const char *end, nip__nginx_word *word)
{
    const char *from = *at;
    while (*at < end && !is_space(**at) && **at != ';' && (**at != '{' || (*at > from && (*at)[-1] == '$')))
        *at += **at == '\\' && end - *at > 1 ? 2 : 1;
    *word = (nip__nginx_word){from, (size_t)(*at - from)};
}

bool nip__nginx_next_statement(const char **at, const char *end, nip__nginx_statement *statement)
{
    statement->count = 0;
    for (;;) {
        nip__nginx_word word;
        *at = skip_blanks(*at, end);
        if (*at >= end)
            return false;
        if (**at == ';' || **at == '{' || **at == '}') {
            statement->end = *(*at)++;
            return true;
        }
        if (**at != '"' && **at != '\'')
            read_plain(at, end, &word);
        else if (!read_quoted(at, end, &word))
            return false;
        if (statement->count < NIP__NGINX_WORDS_MAX)
            statement->words[statement->count++] = word;
    }
}

bool nip__nginx_word_is(const nip__nginx_word *word, const char *text)
{
    return strlen(text) == word->length && memcmp(word->text, text, word->length) == 0;
}

static bool continues_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool nip__nginx_word_uses(const nip__nginx_word *word, const char *variable)
{
    const char *at = word->text, *end = at + word->length;
    size_t length = strlen(variable);
    while ((at = memchr(at, '$', (size_t)(end - at))) != NULL) {
        at++;
        bool braces = at < end && *at == '{';
        at += braces;
        if ((size_t)(end - at) < length)
            return false;
        char after = (size_t)(end - at) > length ? at[length] : '\0';
        if (memcmp(at, variable, length) == 0 && (braces ? after == '}' : !continues_name(after)))
            return true;
    }
    return false;
}
