/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's nested root and bitmaps, as far as they are the same on both processors. */
#include "x86/vm_maps.h"

#include "lib/string.h"
#include "x86/memory.h"
#include "x86/pagetable.h"

bool vm_maps_init(struct vm *vm, unsigned port_pages, unsigned msr_pages)
{
    vm->nested_root = memory_pages(1);
    vm->port_map = memory_pages(port_pages);
    vm->msr_map = memory_pages(msr_pages);
    if (vm->nested_root == NULL || vm->port_map == NULL || vm->msr_map == NULL)
        return false;
    memset(vm->port_map, 0xff, port_pages * PAGE_SIZE);
    memset(vm->msr_map, 0xff, msr_pages * PAGE_SIZE);
    return true;
}

void vm_maps_free(struct vm *vm, unsigned port_pages, unsigned msr_pages)
{
    if (vm->nested_root != NULL)
        pagetable_free(vm->nested_root);
    memory_free(vm->port_map, port_pages);
    memory_free(vm->msr_map, msr_pages);
}

void vm_maps_pass_port(struct vm *vm, uint16_t port, bool pass)
{
    uint8_t bit = (uint8_t)(1u << port % 8);
    if (pass)
        vm->port_map[port / 8] &= (uint8_t)~bit;
    else
        vm->port_map[port / 8] |= bit;
}

bool vm_maps_unmap(struct vm *vm, gpa_t gpa, uint64_t size)
{
    return pagetable_unmap(vm->nested_root, gpa.v, size);
}
