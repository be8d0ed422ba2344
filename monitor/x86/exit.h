/* SPDX-License-Identifier: Apache-2.0 */
/* What the back ends call for each exit. All run on the vCPU's own core, interrupts off. */
#pragma once

#include "x86/vcpu.h"
#include "x86/vm.h"

struct port_access {
    uint16_t port;
    uint8_t size; /* 1, 2, 4 */
    bool in;
    bool string; /* INS or OUTS, perhaps repeated */
    uint64_t rip, next_rip;
};

/* CPUID: the answer goes to the registers; the caller advances RIP. */
void exit_cpuid(struct vcpu *vcpu);
/* RDMSR and WRMSR of an intercepted MSR; false: the caller leaves RIP, a fault is queued. */
bool exit_msr_read(struct vcpu *vcpu, uint32_t msr);
bool exit_msr_write(struct vcpu *vcpu, uint32_t msr);
/* IN, OUT and their string forms; sets RIP. Returns the reason to count. */
enum exit_reason exit_port(struct vcpu *vcpu, const struct port_access *access);
/* Nested paging: an address that is not mapped. Returns the reason to count. */
enum exit_reason exit_memory(struct vcpu *vcpu, gpa_t gpa, bool write, bool fetch);
/* The same at the delivery of an interrupt or exception: the VM starts anew. */
enum exit_reason exit_memory_delivery(struct vcpu *vcpu, gpa_t gpa);
/* The root of tables in which the page at GPA alone is PAGE with FLAGS (PTE_*), else as the VM's
 * own; NULL: out of memory. */
uint64_t *step_overlay(struct vcpu *vcpu, gpa_t gpa, const void *page, uint64_t flags);
/* Give back what steps of VCPU took. */
void step_free(struct vcpu *vcpu);
/* An NMI left the guest. Returns the reason to count. */
enum exit_reason exit_nmi(struct vcpu *vcpu);
/* An instruction that the VM's controls watch; false: it is denied, and a fault is queued. */
bool exit_control(struct vcpu *vcpu, enum control_event event, uint64_t operand);
/* RDTSC, or with AUX RDTSCP; the caller advances RIP. */
void exit_tsc(struct vcpu *vcpu, bool aux);
/* The exceptions that leave the guest when it is not stepping: a bit a vector. */
uint32_t exit_exceptions(const struct vcpu *vcpu);
/* An exception has left the guest: what the controls want done. ADDRESS: a page fault's. */
enum exit_reason exit_exception(struct vcpu *vcpu, unsigned vector, uint64_t address);
/* The guest gets it, or what it makes of FIRST, an event that was being delivered (0: none). */
void exit_give_exception(struct vcpu *vcpu, unsigned vector, uint32_t error, uint64_t first);
/* The VM pauses, once what this core does for it now is done; the log says WHAT it was. */
void exit_stop(struct vcpu *vcpu, const char *what);
/* A record for the VM's ring of events; KIND as in struct event. */
void exit_log_event(struct vcpu *vcpu, uint64_t rip, uint32_t kind, uint64_t operand);
/* An access that nothing lists; OPERAND as of such an event. */
void exit_unlisted(struct vcpu *vcpu, uint64_t rip, const struct unlisted_use *use,
                   uint64_t operand);
/* HLT of a core that leaves, or MWAIT; OFF_LINE: interrupts are off, nothing in the guest wakes it.
 */
enum exit_reason exit_idle(struct vcpu *vcpu, bool off_line);
/* VMMCALL or VMCALL at privilege level CPL; false: #UD is queued, and nothing has changed. */
bool exit_hypercall(struct vcpu *vcpu, unsigned cpl);
/* An instruction that a guest may not use: #UD, and a line in the log. */
void exit_undefined(struct vcpu *vcpu, const char *what);

/* Set the VM's bitmaps to what stock kernels need, its controls say, and isolation allows. */
void exit_msr_init(struct vm *vm);
/* The VM has, or lacks, cores that its kernel was told of: its APICs' error register. */
void exit_msr_set_errors(struct vm *vm);
/* The same for those in ticks of the TSC alone. */
void exit_msr_time(struct vm *vm);
void exit_port_init(struct vm *vm);
/* Are all ports of RULE the user's to open or close? */
bool exit_port_rule_holds(const struct vm *vm, const struct control_rule *rule);
/* May the user's lines open or close PORT? Does a line, or what is built in, say what it is? */
bool exit_port_configurable(const struct vm *vm, uint32_t port);
bool exit_port_listed(const struct vm *vm, uint32_t port);
/* A device of the monitor's has left PORT: as it was before. */
void exit_port_restore(struct vm *vm, uint16_t port);

/* The x2APIC interrupt command register; false: #GP. */
bool ipi_command(struct vcpu *vcpu, uint64_t command);
/* The guest writes that register: the commonest commands, quickly. False: nothing is done. */
bool ipi_plain(struct vcpu *vcpu);
/* A fixed interrupt to each core of MASK's bits, from the APIC id FIRST on; those left out. */
uint64_t ipi_send_many(struct vcpu *vcpu, uint64_t vector, uint32_t first, uint64_t mask);
/* A message-signalled interrupt of an emulated device, to the VM's own cores. Any core. */
void ipi_message(struct vm *vm, uint64_t address, uint32_t data);

/* The VM's kvm-clock. */
bool clock_write_wall(struct vcpu *vcpu, uint64_t value);
bool clock_write_system(struct vcpu *vcpu, uint64_t value);
/* The time stamp offset has changed; no core of VM is in the guest. Any core. */
void clock_rewrite(struct vm *vm);

/* The service VM's IO-APIC: every access comes here, each entry is confined to its own cores. */
void ioapic_init(const struct acpi_info *acpi);
void ioapic_enable_log_nmi(apic_id_t to);
void ioapic_mask_all(void);
bool ioapic_owns(gpa_t gpa);
bool ioapic_access(struct vcpu *vcpu, gpa_t gpa, bool write);
void ioapic_unmap(struct vm *vm);
/* VM has lost a core: entries that went there are masked. */
void ioapic_confine(const struct vm *vm);
