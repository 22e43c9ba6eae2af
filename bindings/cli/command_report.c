/* metrics, trace: what journals tell other systems. */
#include "cli.h"

int command_metrics(const cli_options *given)
{
    cli_world world;
    char *text = NULL;
    nip_error *err = NULL;
    int status = world_open_existing(given, &world);
    if (status == 0 && nip_metrics_text(world.store, nip_ctx_now(world.ctx), &text, &err) < 0)
        status = fail(err);
    if (status == 0 && given->out != NULL)
        status = output_write_file(given->out, text, "the metrics", 0644); /* for a collector that runs as somebody else */
    else if (status == 0)
        fputs(text, stdout);
    nip_free(text);
    world_close(&world);
    return status;
}

int command_trace(const cli_options *given)
{
    cli_world world;
    char *json = NULL;
    nip_error *err = NULL;
    int status = world_open_existing(given, &world);
    if (status == 0 && nip_run_spans(world.store, given->arguments[0], &json, &err) < 0)
        status = fail(err);
    if (status == 0)
        print_json(json);
    nip_free(json);
    world_close(&world);
    return status;
}
