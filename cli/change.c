/* SPDX-License-Identifier: Apache-2.0 */
/* One change: fill the monitor's pool, upload what is missing, ask. */
#include "change.h"

#include <stdio.h>
#include <string.h>

#include "module.h"
#include "record.h"

int change_plan(struct change *change, const struct config_vm *vm)
{
    struct records machine;
    need_add(&change->need, vm);
    int status = records_ask(&machine, "machine");
    if (status == STATUS_OK)
        status = module_find(vm, change->path, &machine);
    records_free(&machine);
    return status;
}

/* One try. *REFUSED if the monitor does not take a module: it may want more memory for that. */
static int try_change(struct change *change, struct answer *answer, bool *refused)
{
    struct body body = {change->text, change->length, NULL};
    *refused = false;
    int status = give_fill(&change->need);
    if (status == STATUS_OK)
        status = module_upload_found(refused);
    if (status != STATUS_OK)
        return status;
    status = control_ask(answer, &body, "%s", change->request);
    if (status == STATUS_ERRORS && change->complain != NULL)
        change->complain(answer);
    else if (status == STATUS_ERRORS)
        control_complain(answer, change->path);
    return status;
}

static void print_vm(const struct record *record)
{
    printf("%s: %s", record_text(record, "name"), record->kind);
    if (record_text(record, "cpus")[0] != '\0')
        printf(", cores %s", record_text(record, "cpus"));
    if (record_number(record, "memory") > 0)
        printf(", memory %lu MiB", record_number(record, "memory") / MIB);
    printf("\n");
}

/* Nothing tells a VM that it has a core more: who uses it has to. */
static void print_core(const struct record *record)
{
    unsigned cpu = (unsigned)record_number(record, "cpu");
    printf("%s: core %s, its CPU %u, ", record_text(record, "vm"), record_text(record, "id"), cpu);
    if (record_is(record, "way", "to"))
        printf("is there; write in the VM: echo 1 >/sys/devices/system/cpu/cpu%u/online\n", cpu);
    else
        printf("is gone\n");
}

static int print_outcome(const struct answer *answer, struct outcome *outcome)
{
    struct records records;
    if (!records_read(&records, answer->text, answer->length)) {
        records_free(&records);
        return control_garbled("it does not say what has changed");
    }
    *outcome = (struct outcome){.lines = records.count};
    for (const struct record *r = records.list; r < records.list + records.count; r++) {
        bool setting = strcmp(r->kind, "changed") == 0, core = strcmp(r->kind, "core") == 0;
        outcome->settings += setting || core ? 1 : 0;
        if (core)
            print_core(r);
        else if (setting)
            printf("%s: %s %s -> %s\n", record_text(r, "vm"), record_text(r, "what"),
                   record_text(r, "old"), record_text(r, "new"));
        else
            print_vm(r);
    }
    fflush(stdout);
    records_free(&records);
    return STATUS_OK;
}

int change_carry_out(struct change *change, struct outcome *outcome)
{
    struct answer answer;
    bool refused;
    change->need.memory[MAX_NODES] += module_found_size();
    int status = try_change(change, &answer, &refused);
    if (status == STATUS_ERRORS && refused) {
        fprintf(stderr, "mullion: trying again with more memory for these files\n");
        change->need.memory[MAX_NODES] += module_found_size();
        status = try_change(change, &answer, &refused);
    }
    if (status == STATUS_OK)
        return print_outcome(&answer, outcome);
    if (status != STATUS_NO_CONTROL)
        module_undo();
    if (give_undo() != STATUS_OK)
        fprintf(stderr, "mullion: not all cores and memory came back; see: mullion machine\n");
    return status;
}
