/* SPDX-License-Identifier: Apache-2.0 */
/* A whole configuration applied to VMs that run. */
#include "x86/live.h"

#include "core/config_write.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cores.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/lifecycle.h"
#include "x86/msr_policy.h"
#include "x86/setup.h"
#include "x86/vm_memory.h"

#define EVENTS_MOST 400u

unsigned live_generation = 1;
static uint32_t changed_vms; /* by index: those of the last change */
static uint32_t changed_memory;
static uint64_t changed_tsc; /* when it was asked for */

/* What is written of the VM but for what can change while it runs is in TEXT. */
static void write_fixed(struct text *text, const struct config_vm *vm)
{
    static struct config_vm bare; /* control_lock is held */
    bare = *vm;
    memset(&bare.controls, 0, sizeof(bare.controls));
    bare.cpu_count = 1;
    bare.cpu_listed = false;
    bare.peer_count = 0;
    memset(bare.network, 0, sizeof(bare.network));
    if (vm->memory_most != 0)
        bare.memory = CONFIG_MEMORY_MIN;
    bare.network[0] = vm->network[0] != '\0' ? 'x' : '\0'; /* a card neither comes nor goes */
    config_write_vm(text, &bare);
}

static bool check_rules(struct control *control, const struct vm *vm, const struct controls *wanted)
{
    for (unsigned i = 0; i < wanted->msrs.count; i++) {
        const struct control_rule *rule = &wanted->msrs.list[i];
        const char *refused = msr_rule_refused(rule);
        if (refused != NULL)
            return control_refuse(control, "vm \"%s\": msr 0x%x-0x%x: %s", vm->config->name,
                                  rule->first, rule->last, refused);
    }
    for (unsigned i = 0; i < wanted->ports.count; i++) {
        const struct control_rule *rule = &wanted->ports.list[i];
        if (!exit_port_rule_holds(vm, rule))
            return control_refuse(control,
                                  "vm \"%s\": port 0x%x-0x%x: some of these belong to the monitor "
                                  "and stay as they are; write a range without them",
                                  vm->config->name, rule->first, rule->last);
    }
    return true;
}

static bool have_same_controls(const struct controls *a, const struct controls *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

bool live_check_processor(struct control *control, const struct config_vm *wanted)
{
    const char *lacks = backend->lacks(&wanted->controls);
    return lacks == NULL || control_refuse(control, "vm \"%s\": %s", wanted->name, lacks);
}

static bool check_vm(struct control *control, const struct vm *vm, struct config_vm *wanted,
                     char *buffer, size_t length)
{
    struct text now = {buffer, length / 2, 0, false};
    struct text then = {buffer + length / 2, length / 2, 0, false};
    if (vm->service) { /* it gives cores and memory to the others */
        wanted->cpu_listed = vm->config->cpu_listed;
        wanted->cpu_count = vm->config->cpu_count;
        wanted->cpu_list = vm->config->cpu_list;
        wanted->memory = vm->config->memory;
    }
    write_fixed(&now, vm->config);
    write_fixed(&then, wanted);
    if (now.length != then.length || memcmp(now.buffer, then.buffer, now.length) != 0 ||
        atomic_load(&vm->doomed))
        return control_refuse(control,
                              "vm \"%s\" is another one in more than its cores, controls, "
                              "network, peers and (up to memory-most) memory; destroy it first, or "
                              "write it as it is (see: show)",
                              vm->config->name);
    if (have_same_controls(&vm->config->controls, &wanted->controls))
        return true;
    if (!vm_is_settled(vm) || atomic_load(&vm->hold) != VM_NOT_HELD)
        return control_refuse(control, "vm \"%s\": its last change is still on its way; try again",
                              vm->config->name);
    return live_check_processor(control, wanted) && check_rules(control, vm, &wanted->controls);
}

/* What some VMs give up others may get. */
static bool check_cores(struct control *control, const struct config *parsed)
{
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < parsed->vm_count; i++) {
            struct vm *vm = lifecycle_find_any(parsed->vms[i].name);
            if (vm != NULL &&
                !(pass == 0 ? cores_claim : cores_set_aside)(control, vm, &parsed->vms[i]))
                return false;
        }
    cores_keep();
    return true;
}

bool live_check(struct control *control, struct config *parsed, char *buffer, size_t length)
{
    const struct vm *service = vms[setup_config.service];
    if (parsed->service < 0 ||
        strcmp(parsed->vms[parsed->service].name, service->config->name) != 0)
        return control_refuse(control, "the service VM \"%s\" must be in it: write service %s { }",
                              service->config->name, service->config->name);
    if (parsed->strict != setup_config.strict || parsed->poweroff != setup_config.poweroff)
        return control_refuse(control, "strict and poweroff cannot change before the next boot");
    for (unsigned i = 0; i < parsed->vm_count; i++) {
        const struct vm *vm = lifecycle_find_any(parsed->vms[i].name);
        if (vm != NULL && !check_vm(control, vm, &parsed->vms[i], buffer, length))
            return false;
    }
    return check_cores(control, parsed);
}

bool live_reserve(struct control *control, const struct config *parsed)
{
    for (unsigned i = 0; i < parsed->vm_count; i++) {
        struct vm *vm = lifecycle_find_any(parsed->vms[i].name);
        if (vm != NULL && vm->config->memory != parsed->vms[i].memory && !vm->service &&
            !vm_memory_reserve(control, vm, &parsed->vms[i]))
            return false;
    }
    return true;
}

static void apply_memory(struct text *text, struct vm *vm, uint64_t wanted)
{
    char old[24], new[24];
    struct config_vm *now = &setup_config.vms[vm->index];
    if (now->memory == wanted || vm->service)
        return;
    text_print(text, "changed vm %s what memory old %s new %s\n", now->name,
               fmt_size(old, sizeof(old), now->memory), fmt_size(new, sizeof(new), wanted));
    now->memory = wanted;
    changed_memory |= 1u << vm->index;
    vm_memory_ask(vm);
}

static void say_peers(struct text *text, const struct config_vm *vm)
{
    for (unsigned i = 0; i < vm->peer_count; i++)
        text_print(text, "%s%s", i == 0 ? "" : ",", vm->peers[i]);
    if (vm->peer_count == 0)
        text_print(text, "none");
}

/* Who VM talks to from now on. */
static void apply_network(struct text *text, struct vm *vm, const struct config_vm *wanted)
{
    struct config_vm *now = &setup_config.vms[vm->index];
    if (strcmp(now->network, wanted->network) != 0) {
        text_print(text, "changed vm %s what network old %s new %s\n", now->name, now->network,
                   wanted->network);
        memcpy(now->network, wanted->network, sizeof(now->network));
        switch_move(&vm->switch_port, now->network);
    }
    if (now->peer_count != wanted->peer_count ||
        memcmp(now->peers, wanted->peers, sizeof(now->peers)) != 0) {
        text_print(text, "changed vm %s what peers old ", now->name);
        say_peers(text, now);
        text_print(text, " new ");
        say_peers(text, wanted);
        text_print(text, "\n");
        now->peer_count = wanted->peer_count;
        memcpy(now->peers, wanted->peers, sizeof(now->peers));
        vsock_change_peers();
    }
}

static void apply_vm(struct control *control, struct vm *vm, const struct config_vm *wanted)
{
    if (cores_change(&control->answer, vm, wanted))
        changed_vms |= 1u << vm->index;
    apply_network(&control->answer, vm, wanted);
    apply_memory(&control->answer, vm, wanted->memory);
    if (have_same_controls(&vm->config->controls, &wanted->controls))
        return;
    changed_vms |= 1u << vm->index;
    /* The same rules in another order say nothing here, but may mean something else. */
    controls_differences(&control->answer, vm->config->name, &vm->config->controls,
                         &wanted->controls);
    live_change_controls(vm, &wanted->controls);
}

void live_apply(struct control *control, const struct config *parsed)
{
    changed_vms = changed_memory = 0;
    changed_tsc = rdtsc();
    for (unsigned i = 0; i < MAX_VMS; i++) {
        const struct config_vm *wanted = NULL;
        for (unsigned j = 0; vms[i] != NULL && j < parsed->vm_count; j++)
            if (strcmp(parsed->vms[j].name, vms[i]->config->name) == 0)
                wanted = &parsed->vms[j];
        if (wanted != NULL) {
            apply_vm(control, vms[i], wanted);
        } else if (vms[i] != NULL) {
            text_print(&control->answer, "destroyed name %s\n", vms[i]->config->name);
            vm_destroy(vms[i]);
        }
    }
}

bool live_settle(struct control *control)
{
    unsigned cores = 0, taken = 0;
    lifecycle_reap();
    uint64_t last = changed_tsc;
    for (unsigned i = 0; i < MAX_VMS; i++) {
        if ((changed_memory & 1u << i) != 0 && vms[i] != NULL)
            text_print(&control->answer, "memory vm %s asked %lu now %lu driver %s\n",
                       vms[i]->config->name, vms[i]->config->memory, vm_memory_now(vms[i]),
                       vm_memory_driven(vms[i]) ? "yes" : "no");
        const struct vm *vm = (changed_vms & 1u << i) != 0 ? vms[i] : NULL;
        if (vm == NULL)
            continue;
        cores += vm_count_cores(vm, &taken);
        if (live_was_refused(vm))
            text_print(&control->answer, "refused vm %s\n", vm->config->name);
        vm_release_hold(vms[i]); /* if who would have done it has left the VM */
        for (unsigned j = 0; j < vm->vcpu_count; j++) {
            uint64_t tsc = atomic_load(&vm->vcpus[j].controls_tsc);
            last = tsc > last ? tsc : last;
        }
    }
    text_print(&control->answer, "settle generation %u cores %u taken %u ticks %lu\n",
               live_generation, cores, taken, last - changed_tsc);
    return true;
}

bool live_resume(struct control *control)
{
    struct vm *vm = lifecycle_find(control);
    if (vm == NULL)
        return false;
    if (atomic_load(&vm->state) != VM_RUNNING || !atomic_load(&vm->paused))
        return control_refuse(control, "vm \"%s\" is %s, not paused", vm->config->name,
                              vm_state_name(vm));
    vm_pause(vm, false);
    return true;
}

bool live_trace(struct control *control)
{
    uint64_t from;
    struct vm *vm = lifecycle_find_any(control->words[1]);
    if (vm == NULL)
        return control_refuse(control, "there is no vm \"%s\"; see: list", control->words[1]);
    if (!control_number(control, 2, &from))
        return false;
    events_write(&control->answer, &vm->events, from, EVENTS_MOST);
    return true;
}
