/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that are not mapped: trap and step. The guest executes the one instruction itself, on
 * tables in which the page is a page of ours; afterwards that page tells what it wrote. So no
 * instruction is ever decoded.
 */
#include "core/log.h"
#include "lib/string.h"
#include "x86/backend.h"
#include "x86/exit.h"
#include "x86/memory.h"
#include "x86/pagetable.h"

#define STEP_TABLES 4u /* pages of vcpu.step_tables */

uint64_t *step_overlay(struct vcpu *vcpu, gpa_t gpa, const void *page, uint64_t flags)
{
    if (vcpu->step_tables == NULL)
        vcpu->step_tables = memory_pages(STEP_TABLES);
    if (vcpu->step_tables == NULL)
        return NULL;
    uint8_t *tables = vcpu->step_tables;
    uint64_t *const below[3] = {(uint64_t *)tables, (uint64_t *)(tables + PAGE_SIZE),
                                (uint64_t *)(tables + 2 * PAGE_SIZE)};
    uint64_t *overlay = (uint64_t *)(tables + 3 * PAGE_SIZE);
    pagetable_overlay(overlay, below, vcpu->vm->nested_root, gpa.v, (uint64_t)page, flags);
    return overlay;
}

void step_free(struct vcpu *vcpu)
{
    memory_free(vcpu->step_page, 1);
    memory_free(vcpu->step_tables, STEP_TABLES);
}

static void memory_deny(struct vcpu *vcpu, gpa_t gpa, bool write, bool fetch)
{
    struct vm *vm = vcpu->vm;
    atomic_fetch_add(&vm->denied_memory, 1);
    if (vm_may_log(vm, DENIED_MEMORY))
        log_warning("vm \"%s\": %s of address %lx at %lx denied: it is not this VM's memory",
                    vm->config->name,
                    fetch   ? "execution"
                    : write ? "write"
                            : "read",
                    gpa.v, vcpu->rip);
}

enum exit_reason exit_memory(struct vcpu *vcpu, gpa_t gpa, bool write, bool fetch)
{
    if (vcpu->step_page == NULL)
        vcpu->step_page = memory_pages(1);
    if (vcpu->step_page == NULL || vcpu->stepping) {
        /* Two foreign pages in one instruction, or no memory left for the trick. */
        memory_deny(vcpu, gpa, write, fetch);
        vcpu_fault_gp(vcpu);
        return EXIT_MEMORY;
    }
    vcpu->step_gpa = gpa.v;
    vcpu->step_done = NULL;
    bool device = vcpu->vm->service && ioapic_owns(gpa) && ioapic_access(vcpu, gpa, write);
    if (!device) {
        memory_deny(vcpu, gpa, write, fetch);
        memset(vcpu->step_page, 0xff, PAGE_SIZE); /* what an absent device answers */
    }
    gpa_t page = {align_down(gpa.v, PAGE_SIZE)};
    if (!backend->step_begin(vcpu, page, vcpu->step_page))
        vcpu_fault_gp(vcpu);
    return device ? EXIT_IOAPIC : EXIT_MEMORY;
}

enum exit_reason exit_memory_delivery(struct vcpu *vcpu, gpa_t gpa)
{
    log_warning("vm \"%s\": an interrupt at %lx went to address %lx outside its memory",
                vcpu->vm->config->name, vcpu->rip, gpa.v);
    vm_stop(vcpu, true, "interrupt delivery outside its memory");
    return EXIT_MEMORY;
}

void exit_undefined(struct vcpu *vcpu, const char *what)
{
    if (vm_may_log(vcpu->vm, DENIED_INSTRUCTION))
        log_warning("vm \"%s\": %s at %lx denied: a VM has no virtualization of its own",
                    vcpu->vm->config->name, what, vcpu->rip);
    vcpu_fault(vcpu, 6);
}
