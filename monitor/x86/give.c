/* SPDX-License-Identifier: Apache-2.0 */
/* Cores and memory between the service VM and the pool. */
#include "x86/backend.h"
#include "x86/cores.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/lifecycle.h"
#include "x86/memory.h"
#include "x86/requests.h"
#include "x86/setup.h"
#include "x86/virtio_pci.h"

#define GIVEN_MAX 16u

/* Memory that the service VM has given, while one of its cores may still see it. */
static struct place_extent given[GIVEN_MAX];
static unsigned given_count;

static struct vm *service_vm(void)
{
    return setup_config.service >= 0 ? vms[setup_config.service] : NULL;
}

/* The service VM's vCPU for core ID, whether the core is there now or not; NULL: not its own. */
static struct vcpu *service_vcpu(uint64_t id)
{
    struct vm *vm = service_vm();
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        if (vm->vcpus[i].cpu->id == id)
            return &vm->vcpus[i];
    return NULL;
}

/* Cores that have let go, memory that no core sees any more: into the pool. */
void lifecycle_reap_given(void)
{
    struct vm *vm = service_vm();
    bool flushed = true, left = false;
    for (unsigned i = 0; vm != NULL && i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = &vm->vcpus[i];
        if (!vcpu->away && !atomic_load(&vcpu->flushed))
            flushed = false;
        if (vcpu->away || !core_claim(vcpu))
            continue;
        core_detach(vcpu);
        left = true;
        setup_config.vms[vm->index].cpu_count--;
        cpu_set_remove(&setup_config.vms[vm->index].cpu_list, vcpu->cpu->id);
        ioapic_confine(vm);
    }
    if (left)
        vm_flush(vm);
    for (; flushed && given_count > 0; given_count--)
        place_memory_cut(&setup_plan.kept, given[given_count - 1].hpa, given[given_count - 1].size);
}

bool lifecycle_give_cpu(struct control *control)
{
    uint64_t id;
    if (!control_number(control, 2, &id))
        return false;
    lifecycle_reap();
    struct vcpu *vcpu = service_vcpu(id);
    if (vcpu == NULL || vcpu->index == 0)
        return control_refuse(control, "core %lu is not the service VM's to give%s", id,
                              vcpu == NULL ? "" : ": it started on it");
    if (vcpu->away)
        return true;
    cpu_kick(vcpu->cpu, REQUEST_LEAVE);
    return true;
}

/* Has another VM the core, or is it to get it? */
static bool is_taken(const struct vm *service, cpu_id_t id)
{
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (vms[i] != NULL && vms[i] != service && cpu_set_has(&vms[i]->cpu_set, id))
            return true;
    return false;
}

bool lifecycle_take_cpu(struct control *control)
{
    uint64_t id;
    if (!control_number(control, 2, &id))
        return false;
    lifecycle_reap();
    struct vm *vm = service_vm();
    struct vcpu *vcpu = service_vcpu(id);
    if (vcpu == NULL || (vcpu->away && is_taken(vm, vcpu->cpu->id)))
        return control_refuse(control, "core %lu is %s", id,
                              vcpu == NULL ? "none that the service VM ever had"
                                           : "another VM's; destroy that first");
    if (cpu_set_has(&setup_plan.kept.cpus, vcpu->cpu->id))
        return control_refuse(control, "core %lu is on its way; try again", id);
    if (!vcpu->away) {
        uint8_t parked = VCPU_PARKED;
        atomic_compare_exchange_strong(&vcpu->left, &parked, VCPU_STAYS);
        cpu_kick(vcpu->cpu, REQUEST_REMAIN);
        return true;
    }
    core_attach(vcpu);
    setup_config.vms[vm->index].cpu_count++;
    cpu_set_add(&setup_config.vms[vm->index].cpu_list, (cpu_id_t)id);
    return true;
}

static bool read_range(struct control *control, struct place_extent *extent)
{
    if (!control_number(control, 2, &extent->hpa.v) || !control_number(control, 3, &extent->size))
        return false;
    extent->gpa.v = extent->hpa.v;
    return (extent->size != 0 && (extent->hpa.v | extent->size) % LARGE_PAGE == 0) ||
           control_refuse(control, "memory goes in multiples of 2 MiB");
}

/* EXTENT becomes the service VM's, or is no more; false: nothing is changed. */
static bool change_memory(struct vm *vm, const struct place_extent *extent, bool add)
{
    virtio_pci_hold(vm, true);
    bool done = add ? place_memory_put(vm->place, extent)
                    : place_memory_cut(vm->place, extent->hpa, extent->size);
    place_memory_join(vm->place);
    vm->memory.count = vm->place->extent_count;
    setup_config.vms[vm->index].memory = 0;
    for (unsigned i = 0; i < vm->memory.count; i++)
        setup_config.vms[vm->index].memory += vm->memory.extents[i].size;
    virtio_pci_hold(vm, false);
    return done;
}

/*
 * EXTENT is the service VM's no more: out of its tables, and to the pool when no core sees it. If
 * the tables cannot be changed, it is nobody's for ever. False then.
 */
static bool withdraw(struct vm *vm, const struct place_extent *extent)
{
    place_memory_put(&setup_plan.kept, extent);
    bool unmapped = backend->unmap(vm, extent->gpa, extent->size);
    if (unmapped)
        given[given_count++] = *extent;
    vm_flush(vm);
    return unmapped;
}

static bool may_withdraw(struct control *control)
{
    return (given_count < GIVEN_MAX && setup_plan.kept.extent_count < PLACE_EXTENTS_MAX) ||
           control_refuse(control, "too many pieces of memory are on their way; try again");
}

bool lifecycle_give_memory(struct control *control)
{
    struct vm *vm = service_vm();
    struct place_extent extent = {0};
    if (!read_range(control, &extent))
        return false;
    lifecycle_reap();
    if (!may_withdraw(control))
        return false;
    if (!change_memory(vm, &extent, false))
        return control_refuse(control,
                              "0x%lx, %lu MiB, is not all the service VM's, or in too many "
                              "pieces",
                              extent.hpa.v, extent.size / MIB);
    return withdraw(vm, &extent) || control_refuse(control, "the monitor's memory is used up");
}

bool lifecycle_take_memory(struct control *control)
{
    struct vm *vm = service_vm();
    struct place_extent extent = {0};
    if (!read_range(control, &extent))
        return false;
    lifecycle_reap();
    if (!may_withdraw(control))
        return false;
    if (!place_is_free(&machine, &setup_plan, &extent))
        return control_refuse(control, "0x%lx, %lu MiB, is not all in the pool", extent.hpa.v,
                              extent.size / MIB);
    memory_scrub((void *)extent.hpa.v, extent.size);
    if (!change_memory(vm, &extent, true))
        return control_refuse(control, "the service VM's memory is in too many pieces");
    if (backend->map(vm, extent.gpa, extent.hpa, extent.size))
        return true;
    change_memory(vm, &extent, false);
    withdraw(vm, &extent);
    return control_refuse(control, "the monitor's memory is used up");
}
