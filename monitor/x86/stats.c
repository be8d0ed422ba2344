/* SPDX-License-Identifier: Apache-2.0 */
/* Exits by VM, core and reason, to the log. Read while the cores count: each number is whole. */
#include "x86/stats.h"

#include "core/log.h"
#include "lib/fmt.h"
#include "x86/cpu.h"

#define CPU_LIST_MAX 160u

/* "0-2,5": the set as a configuration would list it. */
static void format_cpus(char *text, size_t size, const struct cpu_set *set)
{
    size_t at = 0;
    text[0] = '\0';
    for (cpu_id_t first = 0; first < MAX_CPUS; first++) {
        if (!cpu_set_has(set, first))
            continue;
        cpu_id_t last = first;
        while (cpu_set_has(set, last + 1))
            last++;
        at += fmt_text(text + at, size - at, at == 0 ? "%u" : ",%u", first);
        if (last > first)
            at += fmt_text(text + at, size - at, "-%u", last);
        first = last;
    }
}

static void print_exits(const struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        for (unsigned reason = 0; reason < EXIT_REASONS; reason++)
            if (vm->vcpus[i].exits[reason] != 0)
                log_info("exits %s cpu%u %s %lu", vm->config->name, vm->vcpus[i].cpu->id,
                         exit_reason_name(reason), vm->vcpus[i].exits[reason]);
}

static void print_device(const struct vm *vm, struct virtio_device *device)
{
    struct virtio_counters *c = &device->counters;
    if (device->class != NULL)
        log_info("device %s %s rx-packets %lu rx-bytes %lu tx-packets %lu tx-bytes %lu drops %lu "
                 "kicks %lu interrupts %lu",
                 vm->config->name, device->class->name, c->rx_packets, c->rx_bytes, c->tx_packets,
                 c->tx_bytes, c->drops, c->kicks, c->interrupts);
}

void stats_print_vm(struct vm *vm)
{
    char list[CPU_LIST_MAX];
    char memory[24];
    format_cpus(list, sizeof(list), &vm->cpu_set);
    fmt_size(memory, sizeof(memory), vm->config->memory);
    log_info("vm %s state %s cpus %s node %u memory %s", vm->config->name, vm_state_name(vm), list,
             vm->place->node, memory);
    log_info("denied %s ports %lu msrs %lu memory %lu ipis %lu", vm->config->name,
             atomic_load(&vm->denied_ports), atomic_load(&vm->denied_msrs),
             atomic_load(&vm->denied_memory), atomic_load(&vm->denied_ipis));
    log_info("milestones %s scrubbed %lu loaded %lu entered %lu cores-up %lu us", vm->config->name,
             vm->milestones.scrubbed, vm->milestones.loaded, vm->milestones.entered,
             vm->milestones.cores_up);
    print_device(vm, &vm->net.device);
    print_device(vm, &vm->socket.device);
    print_exits(vm);
}

void stats_print_all(void)
{
    log_info("stats begin");
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i] != NULL)
            stats_print_vm(vms[i]);
    log_info("stats end");
}
