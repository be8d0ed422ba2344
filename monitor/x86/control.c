/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of the control service, and what carries them: the socket endpoint of CID 2. */
#include "x86/control.h"

#include "core/config_write.h"
#include "core/endpoint.h"
#include "core/log.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/guest_port.h"
#include "x86/lifecycle.h"
#include "x86/live.h"
#include "x86/memory.h"
#include "x86/setup.h"
#include "x86/vm_memory.h"

#define PROTOCOL 1u
#define LOG_MOST (32 * KIB) /* of a ring in one answer */

/* Cores that it could get while it runs, and those that its kernel has switched off. */
static void say_cores(struct text *text, const struct vm *vm)
{
    struct cpu_set may = {0}, parked = {0};
    for (cpu_id_t core = 0; core < MAX_CPUS; core++)
        if ((cpu_set_has(&vm->place->told, core) || cpu_set_has(&vm->place->may, core)) &&
            !cpu_set_has(&vm->cpu_set, core))
            cpu_set_add(&may, core);
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        if (!vm->vcpus[i].away && atomic_load(&vm->vcpus[i].left) != VCPU_STAYS)
            cpu_set_add(&parked, vm->vcpus[i].cpu->id);
    if (cpu_set_count(&may) > 0)
        text_print(text, " may ");
    text_cpus(text, &may, false);
    if (cpu_set_count(&parked) > 0)
        text_print(text, " parked ");
    text_cpus(text, &parked, false);
}

static void say_vm(struct text *text, struct vm *vm)
{
    const struct config_vm *config = vm->config;
    text_print(text, "vm name %s slot %u state %s service %s cpus ", config->name, vm->index,
               vm_state_name(vm), vm->service ? "yes" : "no");
    text_cpus(text, &vm->cpu_set, false);
    say_cores(text, vm);
    text_print(text, " memory %lu", vm->service ? config->memory : vm_memory_now(vm));
    if (vm->ram.device.class != NULL)
        text_print(text, " memory-asked %lu memory-most %lu", config->memory, config->memory_most);
    text_print(text, " node %u starts %u cid %lu network %s mac ", vm->place->node, vm->starts,
               vm->vsock_port.cid, config->network[0] != '\0' ? config->network : "none");
    for (unsigned i = 0; i < SWITCH_MAC_BYTES; i++)
        text_print(text, i == 0 ? "%02x" : ":%02x", vm->switch_port.mac[i]);
    text_print(text, " kernel ");
    text_quote(text, config->kernel);
    text_print(text, " initrd ");
    text_quote(text, config->initrd);
    text_print(text, " cmdline ");
    text_quote(text, config->cmdline);
    text_print(text, "\n");
}

static bool run_version(struct control *control)
{
    text_print(&control->answer, "version monitor " MULLION_VERSION " protocol %u generation %u\n",
               PROTOCOL, live_generation);
    return true;
}

static bool run_list(struct control *control)
{
    lifecycle_reap();
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i] != NULL)
            say_vm(&control->answer, vms[i]);
    return true;
}

/* The VM that word 1 names, the service VM too; NULL, refused, if there is none. */
static struct vm *find_any(struct control *control)
{
    lifecycle_reap();
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i] != NULL && strcmp(vms[i]->config->name, control->words[1]) == 0)
            return vms[i];
    control_refuse(control, "there is no vm \"%s\"; see: list", control->words[1]);
    return NULL;
}

static bool run_show(struct control *control)
{
    struct vm *vm = find_any(control);
    if (vm == NULL)
        return false;
    say_vm(&control->answer, vm);
    config_write_vm(&control->answer, vm->config);
    return true;
}

static const char *owner_of(cpu_id_t cpu)
{
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i] != NULL && cpu_set_has(&vms[i]->cpu_set, cpu))
            return vms[i]->config->name;
    return cpu_set_has(&setup_plan.kept.cpus, cpu) ? "kept" : "pool";
}

static void say_memory(struct text *text, const struct vm *vm, const struct place_extent *extents,
                       unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        text_print(text, "memory base 0x%lx size %lu node %u owner %s\n", extents[i].hpa.v,
                   extents[i].size, extents[i].node, vm->config->name);
}

static bool run_machine(struct control *control)
{
    struct text *text = &control->answer;
    hpa_t base;
    uint64_t size, used;
    lifecycle_reap();
    for (cpu_id_t id = 0; id < machine.cpu_count; id++)
        text_print(text, "cpu id %u apic %u node %u core %u owner %s\n", id,
                   machine.cpus[id].apic_id.v, machine.cpus[id].node, machine.cpus[id].core_id,
                   owner_of(id));
    for (unsigned i = 0; i < machine.ram_count; i++)
        text_print(text, "ram base 0x%lx size %lu node %u\n", machine.ram[i].base.v,
                   machine.ram[i].size, machine.ram[i].node);
    for (unsigned i = 0; i < MAX_VMS; i++) {
        if (vms[i] == NULL)
            continue;
        say_memory(text, vms[i], vms[i]->memory.extents, vms[i]->memory.count);
        say_memory(text, vms[i], vms[i]->more->extents, vms[i]->more->extent_count);
    }
    const struct boot_module *module;
    bool uploaded;
    for (unsigned i = 0; (module = lifecycle_module(i, &uploaded)) != NULL; i++)
        if (module->name[0] != '\0')
            text_print(text, "module name %s size %lu uploaded %s\n", module->name, module->size,
                       uploaded ? "yes" : "no");
    struct place_memory pool = place_memory_count(&machine, &setup_plan, CONFIG_NODE_ANY);
    memory_pool(&base, &size, &used);
    text_print(text, "pool memory-free %lu memory-largest %lu\nmonitor memory %lu used %lu\n",
               pool.free, pool.largest, size, used);
    return true;
}

static void say_device(struct text *text, const struct vm *vm, const struct virtio_device *device)
{
    const struct virtio_counters *c = &device->counters;
    if (device->class != NULL)
        text_print(text,
                   "device vm %s kind %s rx-packets %lu rx-bytes %lu tx-packets %lu tx-bytes %lu "
                   "drops %lu kicks %lu interrupts %lu\n",
                   vm->config->name, device->class->name, c->rx_packets, c->rx_bytes, c->tx_packets,
                   c->tx_bytes, c->drops, c->kicks, c->interrupts);
}

static void say_stats(struct text *text, const struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        for (unsigned reason = 0; reason < EXIT_REASONS; reason++)
            if (vm->vcpus[i].exits[reason] != 0)
                text_print(text, "exits vm %s cpu %u reason %s count %lu\n", vm->config->name,
                           vm->vcpus[i].cpu->id, exit_reason_name(reason),
                           vm->vcpus[i].exits[reason]);
    text_print(text, "denied vm %s ports %lu msrs %lu memory %lu ipis %lu\n", vm->config->name,
               vm->denied_ports, vm->denied_msrs, vm->denied_memory, vm->denied_ipis);
    say_device(text, vm, &vm->net.device);
    say_device(text, vm, &vm->socket.device);
    say_device(text, vm, &vm->ram.device);
}

static bool run_stats(struct control *control)
{
    lifecycle_reap();
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i] != NULL)
            say_stats(&control->answer, vms[i]);
    return true;
}

static bool run_stats_of(struct control *control)
{
    struct vm *vm = find_any(control);
    if (vm != NULL)
        say_stats(&control->answer, vm);
    return vm != NULL;
}

static bool run_config(struct control *control)
{
    lifecycle_reap();
    if (setup_config.strict)
        text_print(&control->answer, "strict\n");
    if (setup_config.poweroff == CONFIG_POWEROFF_SERVICE)
        text_print(&control->answer, "poweroff service\n");
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i] != NULL)
            config_write_vm(&control->answer, vms[i]->config);
    return true;
}

/* A record of what part of a ring it is, and that part, of VM's console or, for NULL, the log. */
static bool say_ring(struct control *control, struct vm *vm, unsigned word)
{
    uint64_t from;
    if (!control_number(control, word, &from))
        return false;
    struct text *text = &control->answer;
    /* The record stands before the bytes, but its length depends on them: leave room. */
    char *bytes = text->buffer + CONTROL_LINE_MAX;
    size_t length = vm != NULL ? console_copy(&vm->console, &from, bytes, LOG_MOST)
                               : log_copy(&from, bytes, LOG_MOST);
    text_print(text, "ring from %lu to %lu\n", from, from + length);
    memmove(text->buffer + text->length, bytes, length);
    text->length += length;
    return true;
}

static bool run_log(struct control *control)
{
    return say_ring(control, NULL, 1);
}

static bool has_console(struct control *control, const struct vm *vm)
{
    return (!vm->service && vm->config->console != CONFIG_CONSOLE_NONE) ||
           control_refuse(control, "vm \"%s\" has no console of the monitor's", vm->config->name);
}

static bool run_console(struct control *control)
{
    struct vm *vm = find_any(control);
    return vm != NULL && has_console(control, vm) && say_ring(control, vm, 2);
}

static bool run_input(struct control *control)
{
    uint64_t taken = 0;
    struct vm *vm = find_any(control);
    if (vm == NULL || !has_console(control, vm))
        return false;
    while (taken < control->body_length && guest_console_input(vm, control->body[taken]))
        taken++;
    text_print(&control->answer, "taken %lu\n", taken);
    return true;
}

/* Magic SysRq on the serial console: sync, remount read-only, power off. */
static bool run_stop(struct control *control)
{
    static const char keys[] = {'s', 'u', 'o'};
    struct vm *vm = lifecycle_find(control);
    if (vm == NULL || !has_console(control, vm))
        return false;
    if (atomic_load(&vm->state) != VM_RUNNING)
        return control_refuse(control, "vm \"%s\" is %s, not running", vm->config->name,
                              vm_state_name(vm));
    for (unsigned i = 0; i < sizeof(keys); i++)
        if (!guest_console_input(vm, SERIAL_BREAK) || !guest_console_input(vm, (uint8_t)keys[i]))
            return control_refuse(control, "vm \"%s\" does not read its console; try kill",
                                  vm->config->name);
    return true;
}

static const struct control_command commands[] = {
    {"version", NULL, run_version, NULL},
    {"list", NULL, run_list, NULL},
    {"show VM", NULL, run_show, NULL},
    {"machine", NULL, run_machine, NULL},
    {"stats", NULL, run_stats, NULL},
    {"stats VM", NULL, run_stats_of, NULL},
    {"config", NULL, run_config, NULL},
    {"log FROM", NULL, run_log, NULL},
    {"console VM FROM", NULL, run_console, NULL},
    {"input VM LENGTH", NULL, run_input, NULL},
    {"upload NAME LENGTH", lifecycle_upload_begin, lifecycle_upload, lifecycle_upload_abort},
    {"forget NAME", NULL, lifecycle_forget, NULL},
    {"create LENGTH", NULL, lifecycle_create, NULL},
    {"apply LENGTH", NULL, lifecycle_create, NULL},
    {"apply GENERATION LENGTH", NULL, lifecycle_apply_at, NULL},
    {"settle", NULL, live_settle, NULL},
    {"resume VM", NULL, live_resume, NULL},
    {"trace VM FROM", NULL, live_trace, NULL},
    {"audit VM", NULL, live_audit, NULL},
    {"start VM", NULL, lifecycle_start, NULL},
    {"stop VM", NULL, run_stop, NULL},
    {"kill VM", NULL, lifecycle_kill, NULL},
    {"reboot VM", NULL, lifecycle_kill, NULL},
    {"destroy VM", NULL, lifecycle_destroy, NULL},
    {"leave VM", NULL, lifecycle_leave, NULL},
    {"remain VM", NULL, lifecycle_leave, NULL},
    {"give cpu ID", NULL, lifecycle_give_cpu, NULL},
    {"give memory BASE SIZE", NULL, lifecycle_give_memory, NULL},
    {"take cpu ID", NULL, lifecycle_take_cpu, NULL},
    {"take memory BASE SIZE", NULL, lifecycle_take_memory, NULL},
    {0},
};

bool control_service_init(void)
{
    uint8_t *memory = memory_pages(ENDPOINT_MEMORY / PAGE_SIZE);
    if (memory == NULL)
        return false;
    endpoint_init(commands, memory);
    return true;
}
