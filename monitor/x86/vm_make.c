/* SPDX-License-Identifier: Apache-2.0 */
/* A VM is made, and taken apart. */
#include "core/log.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/logkey.h"
#include "x86/memory.h"
#include "x86/virtio_pci.h"
#include "x86/vm_boot.h"
#include "x86/vm_memory.h"

#define VM_PAGES ((unsigned)(align_up(sizeof(struct vm), PAGE_SIZE) / PAGE_SIZE))

static bool vcpu_create(struct vm *vm, cpu_id_t id)
{
    struct vcpu *vcpu = &vm->vcpus[vm->vcpu_count];
    if (machine.cpus[id].apic_id.v >= APIC_IDS) {
        log_error("vm \"%s\": core %u has APIC id %u, above %u; list other cores", vm->config->name,
                  id, machine.cpus[id].apic_id.v, APIC_IDS - 1);
        return false;
    }
    vcpu->vm = vm;
    vcpu->index = vm->vcpu_count++;
    vcpu->cpu = cpus[id];
    atomic_store(&vcpu->stopped, true);
    return backend->vcpu_init(vcpu);
}

bool vm_add_vcpu(struct vm *vm)
{
    struct vcpu *vcpu = &vm->vcpus[vm->vcpu_count];
    if (vm->vcpu_count == vm->vcpu_most)
        return false;
    vcpu->vm = vm;
    vcpu->index = vm->vcpu_count;
    vcpu->cpu = vm->vcpus[0].cpu;
    vcpu->away = true;
    atomic_store(&vcpu->stopped, true);
    if (!backend->vcpu_init(vcpu))
        return false;
    atomic_thread_fence(memory_order_release); /* the VM's cores may be looking */
    vm->vcpu_count++;
    return true;
}

static unsigned vcpu_pages(const struct vm *vm)
{
    uint64_t bytes = vm->vcpu_most * sizeof(struct vcpu);
    return (unsigned)(align_up(bytes, PAGE_SIZE) / PAGE_SIZE);
}

static bool vcpus_create(struct vm *vm)
{
    vm->vcpus = memory_pages(vcpu_pages(vm));
    if (vm->vcpus == NULL || !vcpu_create(vm, vm->place->boot_cpu))
        return false;
    for (cpu_id_t id = 0; id < machine.cpu_count; id++)
        if (cpu_set_has(&vm->cpu_set, id) && id != vm->place->boot_cpu && !vcpu_create(vm, id))
            return false;
    return true;
}

struct vm *vm_create(unsigned index, const struct config_vm *config, struct placement *place,
                     struct placement *more)
{
    struct vm *vm = memory_pages(VM_PAGES);
    if (vm == NULL) {
        log_error("vm \"%s\": the monitor's memory is used up", config->name);
        return NULL;
    }
    vm->index = index;
    vm->config = config;
    vm->place = place;
    vm->more = more;
    vm->service = config->service;
    vm->cpu_set = place->cpus;
    vm->vcpu_most = cpu_set_count(&place->cpus);
    if (config->cpus_most > vm->vcpu_most)
        vm->vcpu_most = config->cpus_most;
    vm->memory = (struct guest_memory){place->extents, place->extent_count, NULL};
    vm->control_sets[0] = config->controls;
    atomic_store(&vm->controls, &vm->control_sets[0]);
    console_init(&vm->console, config->name);
    if (!backend->vm_init(vm) || !vcpus_create(vm) || !vm_map_memory(vm) || !virtio_pci_init(vm)) {
        log_error("vm \"%s\" cannot be made: %s", config->name,
                  "the monitor's memory is used up, or a core is out of reach");
        vm_free(vm);
        return NULL;
    }
    exit_port_init(vm);
    exit_msr_init(vm);
    if (backend->lacks(&config->controls) != NULL)
        log_warning("vm \"%s\": %s; it starts without", config->name,
                    backend->lacks(&config->controls));
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        vcpu_of_apic[vm->vcpus[i].cpu->apic_id.v] = &vm->vcpus[i];
        vm->vcpus[i].cpu->vcpu = &vm->vcpus[i];
    }
    vms[index] = vm;
    return vm;
}

/* A core that is parked now loads its vCPU anew before it does anything: it will find none. */
bool vm_release(struct vm *vm)
{
    bool released = true;
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        released = released && !vm->vcpus[i].handing;
        if (vm->vcpus[i].away)
            continue;
        vm->vcpus[i].cpu->vcpu = NULL;
        vcpu_of_apic[vm->vcpus[i].cpu->apic_id.v] = NULL;
        released = atomic_load(&vm->vcpus[i].cpu->parked) && released;
    }
    return released;
}

void vm_free(struct vm *vm)
{
    vms[vm->index] = NULL;
    logkey_forget(vm);
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        backend->vcpu_free(&vm->vcpus[i]);
    virtio_pci_free(vm);
    backend->vm_free(vm);
    vm_memory_free(vm);
    memory_free(vm->vcpus, vcpu_pages(vm));
    memory_free(vm, VM_PAGES);
}
