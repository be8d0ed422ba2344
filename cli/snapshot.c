/* SPDX-License-Identifier: Apache-2.0 */
/* The machine's configuration as it is now. */
#include "snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "record.h"

int snapshot_ask_generation(uint64_t *generation)
{
    struct records records;
    int status = records_ask(&records, "version");
    if (status != STATUS_OK)
        return status;
    const struct record *version = records_next(&records, "version", NULL);
    bool told = version != NULL && record_text(version, "generation")[0] != '\0';
    if (told)
        *generation = record_number(version, "generation");
    records_free(&records);
    return told ? STATUS_OK : control_garbled("it does not number its configurations");
}

int snapshot_take(struct snapshot *snapshot)
{
    struct answer answer;
    snapshot->text = NULL;
    /* The number first: of a change between the two requests the text would be too new, and what is
       made of it is refused. */
    int status = snapshot_ask_generation(&snapshot->generation);
    if (status == STATUS_OK)
        status = control_do(&answer, NULL, "config");
    if (status != STATUS_OK)
        return status;
    snapshot->text = strdup(answer.text);
    return snapshot->text != NULL ? STATUS_OK : control_garbled("there is no memory for it");
}

void snapshot_free(struct snapshot *snapshot)
{
    free(snapshot->text);
    snapshot->text = NULL;
}

int snapshot_parse(const struct snapshot *snapshot, struct config *config)
{
    static struct config_errors errors;
    if (config_parse(snapshot->text, strlen(snapshot->text), config, &errors))
        return STATUS_OK;
    return control_garbled(errors.list[0].text);
}

void snapshot_explain(const struct snapshot *base, const struct snapshot *now)
{
    fprintf(stderr,
            "mullion: the machine was changed in between (configuration %lu, now %lu), so nothing "
            "is applied",
            base->generation, now->generation);
    fprintf(stderr, strcmp(base->text, now->text) == 0 ? "; it is the same again\n" : ":\n");
    lines_print_difference(stderr, base->text, now->text);
}
