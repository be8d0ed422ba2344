/* SPDX-License-Identifier: Apache-2.0 */
/* Other cores for VMs that are there, as a part of the change to a whole configuration. */
#include "x86/backend.h"
#include "x86/cores.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/setup.h"

static struct cpu_set claimed; /* by the change that is being made */

static bool is_same(const struct config_vm *a, const struct config_vm *b)
{
    for (unsigned i = 0; i < ARRAY_SIZE(a->cpu_list.bits); i++)
        if (a->cpu_list.bits[i] != b->cpu_list.bits[i])
            return false;
    return a->cpu_count == b->cpu_count && a->cpu_listed == b->cpu_listed;
}

static bool is_off(const struct vm *vm)
{
    int state = atomic_load(&vm->state);
    return state == VM_OFF || state == VM_FAILED;
}

/* Its kernel has let go of the core, or there is no kernel. */
static bool claim(struct vcpu *vcpu)
{
    if (is_off(vcpu->vm))
        atomic_store(&vcpu->left, VCPU_PARKED);
    if (!core_claim(vcpu))
        return false;
    cpu_set_remove(&vcpu->vm->place->cpus, vcpu->cpu->id);
    cpu_set_add(&claimed, vcpu->cpu->id);
    return true;
}

static bool refuse_busy(struct control *control, const struct vcpu *vcpu)
{
    const struct vm *vm = vcpu->vm;
    cpu_id_t core = vcpu->cpu->id;
    unsigned number = place_number(vm->place, core);
    if (vcpu->index == 0)
        return control_refuse(control, "vm \"%s\": core %u is the one that it started on; it stays",
                              vm->config->name, core);
    return control_refuse(control,
                          "vm \"%s\": core %u, its CPU %u, is in use; write in the VM: echo 0 "
                          ">/sys/devices/system/cpu/cpu%u/online, and try again",
                          vm->config->name, core, number, number);
}

/* Any COUNT of its cores. */
static bool claim_any(struct control *control, struct vm *vm, unsigned count)
{
    const struct vcpu *busy = &vm->vcpus[0];
    for (unsigned i = vm->vcpu_count; i-- > 1 && count > 0;) {
        struct vcpu *vcpu = &vm->vcpus[i];
        if (vcpu->away)
            continue;
        if (claim(vcpu))
            count--;
        else if (busy->index == 0)
            busy = vcpu;
    }
    return count == 0 || refuse_busy(control, busy);
}

/* Those of its cores that are not in LIST. */
static bool claim_others(struct control *control, struct vm *vm, const struct cpu_set *list)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = &vm->vcpus[i];
        if (!vcpu->away && !cpu_set_has(list, vcpu->cpu->id) && (i == 0 || !claim(vcpu)))
            return refuse_busy(control, vcpu);
    }
    return true;
}

/* While a VM is on its way, or a core is to or from it, nobody knows what it will have. */
static bool is_settled(const struct vm *vm)
{
    bool settled = atomic_load(&vm->state) == VM_RUNNING || is_off(vm);
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        settled = settled && !vm->vcpus[i].coming && !vm->vcpus[i].handing;
    return settled;
}

bool cores_claim(struct control *control, struct vm *vm, const struct config_vm *wanted)
{
    unsigned has = cpu_set_count(&vm->cpu_set);
    if (vm->service || is_same(vm->config, wanted))
        return true;
    if (!is_settled(vm))
        return control_refuse(control, "vm \"%s\" is %s, or its cores are on their way; try again",
                              vm->config->name, vm_state_name(vm));
    if (wanted->cpu_count > vm->vcpu_most)
        return control_refuse(control,
                              "vm \"%s\": cpus %u is more than the %u that it can have while it is "
                              "there; destroy it, and write cpus-most %u",
                              vm->config->name, wanted->cpu_count, vm->vcpu_most,
                              wanted->cpu_count);
    if (wanted->cpu_listed)
        return claim_others(control, vm, &wanted->cpu_list);
    return wanted->cpu_count >= has || claim_any(control, vm, has - wanted->cpu_count);
}

/* The cores that the VM could use at once: a kernel that runs knows no others. */
static const struct cpu_set *known_cores(const struct vm *vm, struct cpu_set *known)
{
    if (is_off(vm))
        return NULL;
    *known = vm->place->told;
    for (unsigned i = 0; i < ARRAY_SIZE(known->bits); i++)
        known->bits[i] |= vm->place->may.bits[i];
    return known;
}

static bool refuse_none(struct control *control, const struct vm *vm, const struct cpu_set *known)
{
    char buffer[128];
    struct text cores = {buffer, sizeof(buffer) - 1, 0, false};
    if (known != NULL)
        text_cpus(&cores, known, false);
    buffer[cores.length] = '\0';
    return control_refuse(
        control, "vm \"%s\": no core is free that it could have%s%s", vm->config->name,
        known != NULL ? "; until it restarts it can have no others than " : "", buffer);
}

/* vCPUs for as many cores more. */
static bool add_vcpus(struct control *control, struct vm *vm, unsigned count)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        count -= count > 0 && vm->vcpus[i].away ? 1 : 0;
    for (; count > 0; count--)
        if (!vm_add_vcpu(vm))
            return control_refuse(control,
                                  "vm \"%s\": cores come and go at once; first let some go",
                                  vm->config->name);
    return true;
}

bool cores_set_aside(struct control *control, struct vm *vm, const struct config_vm *wanted)
{
    struct cpu_set *planned = &vm->place->cpus;
    struct cpu_set all, some;
    const struct cpu_set *known = known_cores(vm, &all);
    unsigned added = 0;
    if (vm->service || is_same(vm->config, wanted))
        return true;
    for (; cpu_set_count(planned) < wanted->cpu_count; added++) {
        cpu_id_t core;
        some = wanted->cpu_list;
        for (unsigned i = 0; known != NULL && i < ARRAY_SIZE(some.bits); i++)
            some.bits[i] &= known->bits[i];
        if (!place_core(&machine, &setup_config, &setup_plan, vm->index,
                        wanted->cpu_listed ? &some : known, &core) ||
            machine.cpus[core].apic_id.v >= APIC_IDS)
            return refuse_none(control, vm, known);
        cpu_set_add(planned, core);
    }
    return add_vcpus(control, vm, added);
}

void cores_keep(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(claimed.bits); i++)
        setup_plan.kept.cpus.bits[i] |= claimed.bits[i];
}

void cores_forget(void)
{
    for (unsigned i = 0; i < MAX_VMS; i++) {
        if (vms[i] == NULL)
            continue;
        vms[i]->place->cpus = vms[i]->cpu_set;
        for (unsigned j = 0; j < vms[i]->vcpu_count; j++) {
            struct vcpu *vcpu = &vms[i]->vcpus[j];
            if (!vcpu->away && cpu_set_has(&claimed, vcpu->cpu->id))
                atomic_store(&vcpu->left, VCPU_PARKED);
        }
    }
    for (unsigned i = 0; i < ARRAY_SIZE(claimed.bits); i++)
        setup_plan.kept.cpus.bits[i] &= ~claimed.bits[i];
    claimed = (struct cpu_set){0};
}

static void say_cpus(struct text *text, const struct config_vm *vm)
{
    if (vm->cpu_listed)
        text_cpus(text, &vm->cpu_list, true);
    else
        text_print(text, "%u", vm->cpu_count);
}

static void say_core(struct text *text, const struct vm *vm, cpu_id_t core, const char *way)
{
    if (!is_off(vm))
        text_print(text, "core vm %s id %u cpu %u way %s\n", vm->config->name, core,
                   place_number(vm->place, core), way);
}

/* A vCPU for CORE, the one that had it before if there is one. */
static struct vcpu *find_vcpu(struct vm *vm, cpu_id_t core)
{
    struct vcpu *found = NULL;
    for (unsigned i = vm->vcpu_count; i-- > 0;) {
        struct vcpu *vcpu = &vm->vcpus[i];
        if (!vcpu->away || vcpu->handing || vcpu->coming)
            continue;
        if (found == NULL || vcpu->cpu->id == core)
            found = vcpu;
    }
    return found;
}

static void begin_arrival(struct vm *vm, cpu_id_t core)
{
    struct vcpu *vcpu = find_vcpu(vm, core);
    for (unsigned reason = 0; vcpu->cpu->id != core && reason < EXIT_REASONS; reason++)
        vcpu->exits[reason] = 0; /* they were another core's */
    vcpu->cpu = cpus[core];
    vcpu->coming = true;
}

bool cores_change(struct text *text, struct vm *vm, const struct config_vm *wanted)
{
    struct config_vm *config = &setup_config.vms[vm->index];
    const struct cpu_set next = vm->place->cpus, before = vm->cpu_set;
    if (vm->service || is_same(config, wanted))
        return false;
    text_print(text, "changed vm %s what cpus old ", config->name);
    say_cpus(text, config);
    text_print(text, " new ");
    say_cpus(text, wanted);
    text_print(text, "\n");
    config->cpu_count = wanted->cpu_count;
    config->cpu_listed = wanted->cpu_listed;
    config->cpu_list = wanted->cpu_list;
    for (cpu_id_t core = 0; core < MAX_CPUS; core++)
        if (cpu_set_has(&next, core) && !cpu_set_has(&before, core)) {
            say_core(text, vm, core, "to");
            begin_arrival(vm, core);
        }
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        if (!vm->vcpus[i].away && !cpu_set_has(&next, vm->vcpus[i].cpu->id)) {
            say_core(text, vm, vm->vcpus[i].cpu->id, "from");
            cpu_set_remove(&claimed, vm->vcpus[i].cpu->id);
            core_detach(&vm->vcpus[i]);
        }
    vm->place->cpus = vm->cpu_set = next;
    exit_msr_set_errors(vm);
    vm_flush(vm); /* also: the bitmaps may be kept by the processor */
    return true;
}
