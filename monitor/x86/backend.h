/* SPDX-License-Identifier: Apache-2.0 */
/* What a processor's virtualization must offer: one const table, chosen at boot. */
#pragma once

#include "core/config.h"
#include "x86/vcpu.h"

struct pcpu;
struct vm;

struct backend {
    const char *name;
    /* What this processor lacks and how it is switched on, or NULL if it has everything. */
    const char *(*missing)(void);
    /* Switch virtualization on. Each core. */
    void (*enable_cpu)(struct pcpu *cpu);

    /* Let a pending NMI (or, in the second form, interrupts too) in for an instant. */
    void (*open_window)(void);
    void (*open_window_interrupts)(void);
    /* HLT with NMIs let in until *FLAG is set by the NMI handler. */
    void (*sleep)(const uint32_t *flag);

    /* Make the VM's nested tables and bitmaps, everything denied; false: out of memory. */
    bool (*vm_init)(struct vm *vm);
    /* Give back what vm_init and vcpu_init took. No core runs the VM. */
    void (*vm_free)(struct vm *vm);
    void (*vcpu_free)(struct vcpu *vcpu);
    /* Nested paging: map or unmap; multiples of 4 KiB; largest pages that fit. */
    bool (*map)(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t size);
    bool (*unmap)(struct vm *vm, gpa_t gpa, uint64_t size);
    /* Which accesses do not leave the guest. */
    void (*pass_port)(struct vm *vm, uint16_t port, bool pass);
    void (*pass_msr)(struct vm *vm, uint32_t msr, enum control_access access, bool pass);

    bool (*vcpu_init)(struct vcpu *vcpu);
    /* Processor state as after START; registers are the caller's. */
    void (*vcpu_reset)(struct vcpu *vcpu, const struct vcpu_start *start);
    /* The vCPU forgets translations of the nested tables before it runs again. Its core. */
    void (*flush)(struct vcpu *vcpu);
    /* Run the guest and handle its exits until the vCPU stops or an NMI was taken between exits.
     * This core's vCPU. */
    void (*run)(struct vcpu *vcpu);

    /* The following are for exit handlers, on the vCPU's own core. */
    uint64_t (*read_cr0)(struct vcpu *vcpu);
    uint64_t (*read_cr4)(struct vcpu *vcpu);
    uint64_t (*read_efer)(struct vcpu *vcpu);
    void (*write_efer)(struct vcpu *vcpu, uint64_t value);
    /* Translate vm->controls, and HLT and MWAIT for a core that is leaving, into what the control
     * block reports. */
    void (*set_controls)(struct vcpu *vcpu);
    /* Would the processor enter the guest with these? NULL: yes, or why not. The op is NULL where
     * it always would. */
    const char *(*refuses)(struct vcpu *vcpu);
    /* What CONTROLS ask of this processor that it cannot do, and what to write; NULL: nothing. */
    const char *(*lacks)(const struct controls *controls);
    /* See step.h. Page GPA alone is PAGE while the guest executes one instruction. */
    bool (*step_begin)(struct vcpu *vcpu, gpa_t gpa, void *page);
};

extern const struct backend *backend;
extern const struct backend svm_backend;
extern const struct backend vmx_backend;
