/* SPDX-License-Identifier: Apache-2.0 */
/* Cores of VMs that are there: what more of them takes, and whether those that are to go are free.
 */
#include "cores.h"

#include <string.h>

#include "core/config_units.h"

#include "create.h"
#include "record.h"
#include "take.h"
#include "timer.h"

#define PATIENCE_MS 1500u
#define POLL_MS     20u

/* "0-2,5" as a set; what is no core is left out. */
static struct cpu_set read_cores(const char *text)
{
    struct cpu_set set = {0};
    for (size_t length; *text != '\0'; text += length + (text[length] == ',' ? 1 : 0)) {
        uint64_t first, last;
        length = strcspn(text, ",");
        if (config_units_range(text, length, &first, &last))
            for (uint64_t core = first; core <= last && core < MAX_CPUS; core++)
                cpu_set_add(&set, (cpu_id_t)core);
    }
    return set;
}

/* Which of OWN the VM is to give up, or how many of them. */
static unsigned count_leaving(const struct config_vm *vm, const struct cpu_set *own,
                              struct cpu_set *which)
{
    unsigned has = cpu_set_count(own);
    *which = *own;
    if (!vm->cpu_listed)
        return has > vm->cpu_count ? has - vm->cpu_count : 0;
    for (cpu_id_t core = 0; core < MAX_CPUS; core++)
        if (cpu_set_has(&vm->cpu_list, core))
            cpu_set_remove(which, core);
    return cpu_set_count(which);
}

/* Cores that VMs of LIST have switched off and are to give up as FILE says. */
static struct cpu_set find_freed(const struct records *list, const struct config *file)
{
    struct cpu_set freed = {0}, which;
    const struct record *record = NULL;
    while ((record = records_next(list, "vm", record)) != NULL) {
        const struct config_vm *vm = create_find(file, record_text(record, "name"));
        struct cpu_set own = read_cores(record_text(record, "cpus"));
        struct cpu_set parked = read_cores(record_text(record, "parked"));
        unsigned count = vm != NULL && !vm->service ? count_leaving(vm, &own, &which) : 0;
        for (cpu_id_t core = 0; core < MAX_CPUS && count > 0; core++)
            if (cpu_set_has(&which, core) && cpu_set_has(&parked, core)) {
                cpu_set_add(&freed, core);
                count--;
            }
    }
    return freed;
}

/* What of the pool, and of the service VM, makes COUNT more of the cores that the VM can have. */
static void need_some(struct need *need, const struct records *machine, const char *service,
                      const struct cpu_set *may, unsigned count)
{
    const char *const owners[] = {POOL, service};
    for (unsigned i = 0; i < 2; i++)
        for (unsigned j = machine->count; j-- > 0 && count > 0;) {
            const struct record *cpu = &machine->list[j];
            cpu_id_t core = (cpu_id_t)record_number(cpu, "id");
            if (strcmp(cpu->kind, "cpu") != 0 || !record_is(cpu, "owner", owners[i]) ||
                !cpu_set_has(may, core) || cpu_set_has(&need->listed, core))
                continue;
            cpu_set_add(&need->listed, core);
            count--;
        }
}

static void need_of_vm(struct need *need, const struct records *machine, const char *service,
                       const struct record *record, const struct config_vm *vm,
                       struct cpu_set *freed)
{
    struct cpu_set own = read_cores(record_text(record, "cpus"));
    struct cpu_set may = read_cores(record_text(record, "may"));
    unsigned has = cpu_set_count(&own);
    for (cpu_id_t core = 0; core < MAX_CPUS && vm->cpu_listed; core++)
        if (cpu_set_has(&vm->cpu_list, core) && !cpu_set_has(&own, core))
            cpu_set_add(&need->listed, core);
    if (vm->cpu_listed || vm->cpu_count <= has)
        return;
    for (cpu_id_t core = 0; core < MAX_CPUS && vm->cpu_count > has; core++)
        if (cpu_set_has(freed, core) && cpu_set_has(&may, core)) {
            cpu_set_remove(freed, core);
            has++;
        }
    if (record_is(record, "state", "off") && vm->cpu_count > has)
        need->cores[vm->node < MAX_NODES ? vm->node : ANY_NODE] += vm->cpu_count - has;
    else
        need_some(need, machine, service, &may, vm->cpu_count - has);
}

int cores_need(struct need *need, const struct config *file)
{
    struct records list, machine;
    int status = records_ask(&list, "list");
    if (status != STATUS_OK)
        return status;
    status = records_ask(&machine, "machine");
    struct cpu_set freed = find_freed(&list, file);
    const struct record *record = NULL, *service = records_find(&list, "vm", "service", "yes");
    while (status == STATUS_OK && (record = records_next(&list, "vm", record)) != NULL) {
        const struct config_vm *vm = create_find(file, record_text(record, "name"));
        if (vm != NULL && record != service)
            need_of_vm(need, &machine, service != NULL ? record_text(service, "name") : "", record,
                       vm, &freed);
    }
    if (status == STATUS_OK)
        records_free(&machine);
    records_free(&list);
    return status;
}

/* Whether the VM of RECORD still uses cores that it is to give up. */
static bool is_waited_for(const struct record *record, const struct config *file)
{
    const struct config_vm *vm = create_find(file, record_text(record, "name"));
    struct cpu_set own = read_cores(record_text(record, "cpus")), which;
    struct cpu_set parked = read_cores(record_text(record, "parked"));
    if (vm == NULL || vm->service || !record_is(record, "state", "running"))
        return false;
    unsigned count = count_leaving(vm, &own, &which);
    for (cpu_id_t core = 0; core < MAX_CPUS && count > 0; core++)
        count -= cpu_set_has(&which, core) && cpu_set_has(&parked, core) ? 1 : 0;
    return count > 0;
}

/* Ask the VMs that are waited for to REQUEST; *COUNT is how many there are. Returns a STATUS_. */
static int ask_each(const struct config *file, const char *request, unsigned *count)
{
    struct records list;
    struct answer answer;
    *count = 0;
    int status = records_ask(&list, "list");
    if (status != STATUS_OK)
        return status;
    const struct record *record = NULL;
    while (status == STATUS_OK && (record = records_next(&list, "vm", record)) != NULL) {
        if (!is_waited_for(record, file))
            continue;
        (*count)++;
        if (request != NULL)
            status = control_do(&answer, NULL, "%s %s", request, record_text(record, "name"));
    }
    records_free(&list);
    return status;
}

int cores_look(const struct config *file)
{
    uint64_t limit = timer_now() + PATIENCE_MS;
    unsigned count;
    int status = ask_each(file, "leave", &count);
    while (status == STATUS_OK && count > 0 && !timer_passed(limit)) {
        timer_sleep(POLL_MS);
        status = ask_each(file, NULL, &count);
    }
    return status == STATUS_OK && count > 0 ? ask_each(file, "remain", &count) : status;
}
