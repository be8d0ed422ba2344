/* SPDX-License-Identifier: Apache-2.0 */
/* What both back ends do alike with a VM's nested tables and bitmaps: a set bit leaves the guest.
 */
#pragma once

#include "x86/vm.h"

/* Make the nested root and the bitmaps of so many pages, all bits set; false: out of memory. */
bool vm_maps_init(struct vm *vm, unsigned port_pages, unsigned msr_pages);
/* Give back what vm_maps_init took, and the tables. No core runs the VM. */
void vm_maps_free(struct vm *vm, unsigned port_pages, unsigned msr_pages);
/* A bit a port, from 0 on (AMD APM 2, 15.10.1; Intel SDM 3, 25.6.4). */
void vm_maps_pass_port(struct vm *vm, uint16_t port, bool pass);
bool vm_maps_unmap(struct vm *vm, gpa_t gpa, uint64_t size);
