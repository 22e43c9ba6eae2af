/* Why a transfer failed, in one word. Reasons on our own side (descriptors, memory) are never mistaken for the
 * peer's. */
#include "op/http_inside.h"

#include <errno.h>

#include "op/descriptors.h"

static const struct {
    CURLcode code;
    const char *reason;
} by_code[] = {
    {CURLE_OPERATION_TIMEDOUT, "timeout"},
    {CURLE_COULDNT_RESOLVE_HOST, "resolve_failed"},
    {CURLE_SSL_CONNECT_ERROR, "tls_failed"},
    {CURLE_PEER_FAILED_VERIFICATION, "tls_failed"},
    {CURLE_SSL_CERTPROBLEM, "tls_failed"},
    {CURLE_SSL_CIPHER, "tls_failed"},
    {CURLE_SSL_CACERT_BADFILE, "tls_failed"},
    {CURLE_SSL_ISSUER_ERROR, "tls_failed"},
    {CURLE_SSL_CLIENTCERT, "tls_failed"},
    {CURLE_USE_SSL_FAILED, "tls_failed"},
    {CURLE_RECV_ERROR, "reset"},
    {CURLE_SEND_ERROR, "reset"},
    {CURLE_GOT_NOTHING, "reset"},
    {CURLE_PARTIAL_FILE, "truncated"},
    {CURLE_FILESIZE_EXCEEDED, "too_large"},
    {CURLE_OUT_OF_MEMORY, "no_memory"},
    {CURLE_ABORTED_BY_CALLBACK, "no_memory"}, /* only a failed callback of our own aborts */
};

static const struct {
    int os_errno;
    const char *reason;
} by_errno[] = {
    {EMFILE, "no_descriptors"},
    {ENFILE, "no_descriptors"},
    {EADDRNOTAVAIL, "no_descriptors"}, /* no local port is left */
    {ENOBUFS, "no_memory"},
    {ENOMEM, "no_memory"},
    {ECONNREFUSED, "connection_refused"},
    {ECONNRESET, "reset"},
    {ETIMEDOUT, "timeout"},
};

static const char *connect_reason(int os_errno)
{
    for (size_t i = 0; i < sizeof by_errno / sizeof by_errno[0]; i++)
        if (by_errno[i].os_errno == os_errno)
            return by_errno[i].reason;
    return "unreachable";
}

const char *nip__http_reason(CURLcode code, int os_errno)
{
    if (code == CURLE_COULDNT_CONNECT)
        return connect_reason(os_errno);
    /* A resolver that could open no socket says only that it failed. */
    if ((code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_OUT_OF_MEMORY) && !nip__descriptors_left())
        return "no_descriptors";
    for (size_t i = 0; i < sizeof by_code / sizeof by_code[0]; i++)
        if (by_code[i].code == code)
            return by_code[i].reason;
    return "protocol";
}
