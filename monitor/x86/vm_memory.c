/* SPDX-License-Identifier: Apache-2.0 */
/* A running VM's memory: frames between the pool, its virtio-mem device and its nested tables. */
#include "x86/vm_memory.h"

#include "lib/fmt.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/memory.h"
#include "x86/setup.h"
#include "x86/virtio_pci.h"

#define SCRUBS 64u /* large pages that one request clears at most: another one goes on */

static bool map_block(void *vm, gpa_t block, hpa_t frame)
{
    return backend->map(vm, block, frame, MEMORY_DEVICE_BLOCK);
}

static bool unmap_block(void *vm, gpa_t block)
{
    return backend->unmap(vm, block, MEMORY_DEVICE_BLOCK);
}

/* Whoever copies for one of the VM's queues is done when its locks have been had. */
static void forget(void *vm)
{
    virtio_pci_hold(vm, true);
    virtio_pci_hold(vm, false);
    vm_flush(vm);
}

static bool has_forgotten(void *context)
{
    const struct vm *vm = context;
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        if (!vm->vcpus[i].away && !atomic_load(&vm->vcpus[i].flushed))
            return false;
    return true;
}

static void scrub_frame(hpa_t frame)
{
    memory_scrub((void *)frame.v, MEMORY_DEVICE_BLOCK);
}

static const struct memory_host host = {map_block, unmap_block, forget, has_forgotten, scrub_frame};

uint64_t vm_memory_growth(const struct config_vm *config)
{
    return config->memory_most > config->memory ? config->memory_most - config->memory : 0;
}

static unsigned table_pages(uint64_t growth)
{
    return (unsigned)(align_up(memory_device_table(growth), PAGE_SIZE) / PAGE_SIZE);
}

uint64_t vm_memory_need(const struct config_vm *config)
{
    uint64_t growth = vm_memory_growth(config);
    uint64_t nested = memory_device_blocks(growth) * LARGE_PAGE / HUGE_PAGE; /* tables */
    return growth == 0 ? 0 : (table_pages(growth) + nested + 3) * PAGE_SIZE;
}

static uint64_t size_of(const struct place_extent *extents, unsigned count)
{
    uint64_t size = 0;
    for (unsigned i = 0; i < count; i++)
        size += extents[i].size;
    return size;
}

/* What the VM was made with, which it keeps. */
static uint64_t first_size(const struct vm *vm)
{
    return size_of(vm->memory.extents, vm->memory.count);
}

bool vm_memory_init(struct vm *vm)
{
    uint64_t growth = vm_memory_growth(vm->config);
    const struct place_extent *last = &vm->memory.extents[vm->memory.count - 1];
    uint64_t end = last->gpa.v + last->size;
    gpa_t base = {align_up(end > 4 * GIB ? end : 4 * GIB, MEMORY_DEVICE_ALIGN)};
    vm->block_table = memory_pages(table_pages(growth));
    if (vm->block_table == NULL)
        return false;
    memory_device_join(&vm->memory_device, &vm->ram.device, &host, base, growth, vm->block_table);
    vm->memory.blocks = &vm->memory_device.blocks;
    return true;
}

void vm_memory_free(struct vm *vm)
{
    memory_free(vm->block_table, table_pages(vm->memory_device.blocks.count * LARGE_PAGE));
}

bool vm_memory_reserve(struct control *control, struct vm *vm, const struct config_vm *wanted)
{
    uint64_t first = first_size(vm);
    char size[24];
    if (wanted->memory < first)
        return control_refuse(control,
                              "vm \"%s\" was made with %s, which stay its own until it is "
                              "destroyed; write at least that",
                              wanted->name, fmt_size(size, sizeof(size), first));
    uint64_t have = memory_device_have(&vm->memory_device);
    while (have < wanted->memory - first) {
        struct place_extent extent;
        if (!place_more(&machine, &setup_plan, vm->index, wanted->node,
                        wanted->memory - first - have, &extent))
            return control_refuse(control, "vm \"%s\": the pool has no %s more for it",
                                  wanted->name,
                                  fmt_size(size, sizeof(size), wanted->memory - first - have));
        memory_device_add(&vm->memory_device, extent.hpa, extent.size);
        have += extent.size;
    }
    return true;
}

void vm_memory_ask(struct vm *vm)
{
    memory_device_request(&vm->memory_device, vm->config->memory - first_size(vm));
}

static bool release(void *vm, hpa_t frame)
{
    return place_memory_cut(((struct vm *)vm)->more, frame, MEMORY_DEVICE_BLOCK);
}

void vm_memory_reap(struct vm *vm)
{
    if (vm->ram.device.class != NULL && !atomic_load(&vm->doomed)) /* or it is being cleared */
        memory_device_trim(&vm->memory_device, SCRUBS, release, vm);
}

uint64_t vm_memory_now(const struct vm *vm)
{
    return first_size(vm) + vm->memory_device.plugged * MEMORY_DEVICE_BLOCK;
}

bool vm_memory_driven(const struct vm *vm)
{
    return atomic_load(&vm->state) == VM_RUNNING &&
           (vm->ram.device.status & VIRTIO_STATUS_DRIVER_OK) != 0;
}
