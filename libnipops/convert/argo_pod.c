/* What the pod template says: what runs, how it is started, when it is healthy. */
#include "convert/argo.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"

#define TEMPLATE "spec.template.spec"

static const nip__value *container(const nip__argo *argo)
{
    return nip__first(nip__pointer(argo->rollout, "/spec/template/spec/containers"));
}

/* The tag of "registry:5000/shop:1.4.0"; NULL: none, or a digest. */
static const char *tag_of(const char *image)
{
    const char *slash = strrchr(image, '/'), *colon = strrchr(slash != NULL ? slash : image, ':');
    return strchr(image, '@') != NULL || colon == NULL || colon[1] == '\0' ? NULL : colon + 1;
}

static void put_artifact(nip__argo *argo)
{
    const char *image = nip__get_text(container(argo), "image"), *tag = image != NULL ? tag_of(image) : NULL;
    nip__put_text(argo->arena, argo->out, "artifact", image != NULL ? image : "1.0.0");
    nip__put_text(argo->arena, argo->out, "version", tag);
    if (image == NULL)
        nip__argo_note(argo, NIP__ARGO_GUESSED, NULL, TEMPLATE ".containers[0].image", "no image is named: artifact is a placeholder");
    if (nip__count(nip__pointer(argo->rollout, "/spec/template/spec/containers")) > 1)
        nip__argo_note(argo, NIP__ARGO_DROPPED, nip__pointer(argo->rollout, "/spec/template/spec/containers"), TEMPLATE ".containers",
                       "only the first container is what is released");
}

/* ---- target ---- */

static void push_all(nip__argo *argo, nip__value *list, const nip__value *words)
{
    for (NIP__EACH(word, words)) {
        if (!nip__is(word, NIP__LIST) && !nip__is(word, NIP__MAP))
            nip__push(list, nip__copy(argo->arena, word));
        else
            nip__argo_note(argo, NIP__ARGO_DROPPED, word, TEMPLATE ".containers[0]", "a word of its command is no text");
    }
}

static nip__value *command_of(nip__argo *argo)
{
    nip__value *command = nip__list(argo->arena);
    push_all(argo, command, nip__get(container(argo), "command"));
    push_all(argo, command, nip__get(container(argo), "args"));
    bool given = nip__count(command) > 0;
    if (!given) {
        nip__push_text(argo->arena, command, nip__arena_printf(argo->arena, "./%s", nip__get_text(argo->out, "app")));
        nip__push_text(argo->arena, command, "--port");
        nip__push_text(argo->arena, command, "{port}");
    }
    nip__argo_note(argo, NIP__ARGO_GUESSED, container(argo), TEMPLATE ".containers[0]",
                   given ? "target.command is that of the container: make it listen at {port}, and see that it is there on this machine"
                         : "the container names no command: target.command is a placeholder");
    return command;
}

static void put_target(nip__argo *argo)
{
    nip__arena *arena = argo->arena;
    nip__value *target = nip__put(arena, argo->out, "target", nip__map(arena));
    nip_duration grace = nip__argo_duration(nip__pointer(argo->rollout, "/spec/template/spec/terminationGracePeriodSeconds"), 30 * NIP_SECOND);
    nip__put_text(arena, target, "driver", "local");
    nip__put(arena, target, "command", command_of(argo));
    nip__put_text(arena, target, "ports", "9100-9199");
    nip__put_duration(arena, target, "stop_grace", grace);
    if (nip__get(container(argo), "env") != NULL)
        nip__argo_note(argo, NIP__ARGO_DROPPED, nip__get(container(argo), "env"), TEMPLATE ".containers[0].env",
                       "values may be secrets: name them under target.env as text, {env: NAME} or {file: PATH}");
}

/* ---- health ---- */

static void put_probe(nip__argo *argo, nip__value *health, const nip__value *probe)
{
    const nip__value *get = nip__get(probe, "httpGet");
    const char *path = nip__get_text(get, "path"), *scheme = nip__get_text(get, "scheme");
    bool secure = nip__text_equal(scheme, "HTTPS");
    if (get != NULL)
        nip__put_text(argo->arena, health, "url",
                      nip__arena_printf(argo->arena, "%s://{endpoint}%s%s", secure ? "https" : "http", path == NULL || path[0] != '/' ? "/" : "",
                                        path != NULL ? path : ""));
    else
        nip__put_bool(argo->arena, health, "tcp", true);
    if (get == NULL && nip__get(probe, "tcpSocket") == NULL)
        nip__argo_note(argo, NIP__ARGO_DROPPED, probe, TEMPLATE ".containers[0].readinessProbe",
                       "only httpGet and tcpSocket are carried over: health asks for a connection instead");
}

/* Kubernetes asks every 10 s, gives an answer 1 s, and takes one good answer. */
static void put_health(nip__argo *argo)
{
    nip__arena *arena = argo->arena;
    const nip__value *probe = nip__get(container(argo), "readinessProbe"), *deadline = nip__pointer(argo->rollout, "/spec/progressDeadlineSeconds");
    nip__value *health = nip__put(arena, argo->out, "health", nip__map(arena));
    if (probe != NULL)
        put_probe(argo, health, probe);
    else
        nip__put_bool(arena, health, "tcp", true);
    if (probe == NULL)
        nip__argo_note(argo, NIP__ARGO_GUESSED, container(argo), TEMPLATE ".containers[0].readinessProbe",
                       "there is none: an instance counts as healthy once it accepts a connection");
    nip__put_duration(arena, health, "interval", nip__argo_duration(nip__get(probe, "periodSeconds"), 10 * NIP_SECOND));
    nip__put_duration(arena, health, "try_timeout", nip__argo_duration(nip__get(probe, "timeoutSeconds"), NIP_SECOND));
    nip__put_int(arena, health, "successes", nip__get_int(probe, "successThreshold", 1));
    nip__put_duration(arena, health, "timeout", nip__argo_duration(deadline, 600 * NIP_SECOND));
    const nip__value *ready = nip__pointer(argo->rollout, "/spec/minReadySeconds");
    if (ready != NULL)
        nip__argo_note(argo, NIP__ARGO_CHANGED, ready, "spec.minReadySeconds",
                       "use health.successes: so many good answers in a row, health.interval apart");
}

void nip__argo_pod(nip__argo *argo)
{
    put_artifact(argo);
    put_target(argo);
    nip__value *router = nip__put(argo->arena, argo->out, "router", nip__map(argo->arena));
    nip__put_text(argo->arena, router, "driver", "haproxy");
    nip__put_text(argo->arena, router, "socket", "/run/haproxy/admin.sock");
    nip__put_text(argo->arena, router, "backend", nip__get_text(argo->out, "app"));
    nip__argo_note(argo, NIP__ARGO_GUESSED, NULL, "spec.strategy", "router is a placeholder: say which HAProxy or nginx shares the traffic out");
    put_health(argo);
}
