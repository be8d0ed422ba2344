/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's exits: one table from exit reason to handler (Intel SDM 3, 28 and appendix C). */
#include "core/log.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/msr.h"
#include "x86/vmx/vmx.h"

enum vmx_entered { ENTERED, CALLED, REFUSED };

#define IO_SIZE(info)   (uint8_t)(((info)&7u) + 1)
#define IO_IN           (1u << 3)
#define IO_STRING       (1u << 4)
#define IO_PORT(info)   (uint16_t)((info) >> 16)
#define NESTED_WRITE    (1u << 1)
#define NESTED_FETCH    (1u << 2)
#define NESTED_UNBLOCKS (1u << 12) /* an IRET, which had unblocked NMIs already */

/* No interrupt shadow lasts longer than one instruction, and each may end in a single step. */
void vmx_end_shadow(void)
{
    if ((vmread(VMCS_GUEST_INTERRUPTIBILITY) & SHADOW) != 0)
        vmx_clear_bits(VMCS_GUEST_INTERRUPTIBILITY, SHADOW);
    if ((vmread(VMCS_GUEST_RFLAGS) & RFLAGS_TF) != 0)
        vmx_set_bits(VMCS_GUEST_PENDING_DEBUG, DEBUG_STEP);
}

void vmx_advance(struct vcpu *vcpu)
{
    vcpu->rip += vmread(VMCS_EXIT_LENGTH);
    vmx_end_shadow();
}

static __attribute__((noinline)) enum exit_reason handle_any_msr(struct vcpu *vcpu, bool write)
{
    uint32_t msr = (uint32_t)vcpu->regs.rcx;
    if (write ? exit_msr_write(vcpu, msr) : exit_msr_read(vcpu, msr))
        vmx_advance(vcpu);
    return msr == X2APIC_ICR ? EXIT_ICR : EXIT_MSR;
}

static enum exit_reason handle_rdmsr(struct vcpu *vcpu)
{
    return handle_any_msr(vcpu, false);
}

static enum exit_reason handle_wrmsr(struct vcpu *vcpu)
{
    if ((uint32_t)vcpu->regs.rcx != X2APIC_ICR || !ipi_plain(vcpu))
        return handle_any_msr(vcpu, true);
    vmx_advance(vcpu);
    return EXIT_ICR;
}

static enum exit_reason handle_port(struct vcpu *vcpu)
{
    uint64_t info = vmread(VMCS_QUALIFICATION);
    const uint64_t rip = vcpu->rip;
    struct port_access access = {
        .port = IO_PORT(info),
        .size = IO_SIZE(info),
        .in = (info & IO_IN) != 0,
        .string = (info & IO_STRING) != 0,
        .rip = rip,
        .next_rip = rip + vmread(VMCS_EXIT_LENGTH),
    };
    enum exit_reason reason = exit_port(vcpu, &access);
    if (vcpu->rip != rip)
        vmx_end_shadow();
    return reason;
}

static enum exit_reason handle_nested(struct vcpu *vcpu, bool was_stepping)
{
    gpa_t gpa = {vmread(VMCS_GUEST_PHYSICAL)};
    uint64_t info = vmread(VMCS_QUALIFICATION);
    if (vmx_event_in_delivery() != 0)
        return exit_memory_delivery(vcpu, gpa);
    if ((info & NESTED_UNBLOCKS) != 0)
        vmx_set_bits(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_NMI);
    vcpu->stepping = was_stepping;
    enum exit_reason reason =
        exit_memory(vcpu, gpa, (info & NESTED_WRITE) != 0, (info & NESTED_FETCH) != 0);
    if (was_stepping)
        vcpu->stepping = false;
    return reason;
}

static enum exit_reason handle_exception_or_nmi(struct vcpu *vcpu)
{
    bool nmi = (vmread(VMCS_EXIT_EVENT) & VMX_EVENT_TYPE) == VMX_EVENT_NMI;
    return nmi ? exit_nmi(vcpu) : vmx_handle_exception(vcpu);
}

/* The guest may take an NMI now; the one that waits goes in with the next entry. */
static enum exit_reason handle_nmi_window(struct vcpu *vcpu)
{
    (void)vcpu;
    vmx_clear_bits(VMCS_CPU, VMX_CPU_NMI_WINDOW);
    return EXIT_IRET;
}

static enum exit_reason handle_shutdown(struct vcpu *vcpu)
{
    vm_stop(vcpu, true, "triple fault");
    return EXIT_SHUTDOWN;
}

static enum exit_reason handle_virt(struct vcpu *vcpu)
{
    exit_undefined(vcpu, "an instruction of VT-x, SMX or SGX");
    return EXIT_VIRT;
}

static enum exit_reason handle_vmcall(struct vcpu *vcpu)
{
    if (exit_hypercall(vcpu, vmread(VMCS_GUEST_SS_RIGHTS) >> RIGHTS_DPL_SHIFT & 3))
        vmx_advance(vcpu);
    return EXIT_HYPERCALL;
}

/* 32-bit code's; a 64-bit kernel has none. The processor leaves all of it to us: not done. */
static enum exit_reason handle_task_switch(struct vcpu *vcpu)
{
    if (vmx_event_in_delivery() != 0) {
        vm_stop(vcpu, true, "a task gate");
        return EXIT_OTHER;
    }
    if (vm_may_log(vcpu->vm, DENIED_INSTRUCTION))
        log_warning("vm \"%s\": task switch at %lx denied: not done on VT-x",
                    vcpu->vm->config->name, vcpu->rip);
    vcpu_fault_gp(vcpu);
    return EXIT_OTHER;
}

static enum exit_reason (*const exit_table[])(struct vcpu *vcpu) = {
    [REASON_EXCEPTION_OR_NMI] = handle_exception_or_nmi,
    [REASON_TRIPLE_FAULT] = handle_shutdown,
    [REASON_NMI_WINDOW] = handle_nmi_window,
    [REASON_TASK_SWITCH] = handle_task_switch,
    [REASON_GETSEC] = handle_virt,
    [REASON_VMCALL] = handle_vmcall,
    [REASON_VMCLEAR... REASON_VMXON] = handle_virt,
    [REASON_IO] = handle_port,
    [REASON_RDMSR] = handle_rdmsr,
    [REASON_WRMSR] = handle_wrmsr,
    [REASON_INVEPT] = handle_virt,
    [REASON_INVVPID] = handle_virt,
    [REASON_VMFUNC] = handle_virt,
    [REASON_ENCLS] = handle_virt,
    [REASON_ENCLV] = handle_virt,
};

static __attribute__((cold)) enum exit_reason handle_other(struct vcpu *vcpu, uint32_t reason,
                                                           const char *what)
{
    log_error("vm \"%s\": %s (%x) at %lx; the VM starts anew", vcpu->vm->config->name, what, reason,
              vcpu->rip);
    vm_stop(vcpu, true, what);
    return EXIT_OTHER;
}

static enum exit_reason handle_listed(struct vcpu *vcpu, uint32_t reason)
{
    if (reason < ARRAY_SIZE(exit_table) && exit_table[reason] != NULL)
        return exit_table[reason](vcpu);
    enum exit_reason counted = vmx_handle_control(vcpu, reason);
    if (counted != EXIT_OTHER)
        return counted;
    if ((reason & REASON_ENTRY_FAILED) != 0)
        return handle_other(vcpu, reason, vmx_why_state());
    return handle_other(vcpu, reason, "unknown exit");
}

/* While single-stepping: the trap flag's exit is the end, anything else but an NMI ends it early.
 */
static __attribute__((cold)) enum exit_reason handle_stepping(struct vcpu *vcpu, uint32_t reason)
{
    if (reason == REASON_MTF)
        return vmx_step_end(vcpu);
    bool event = reason == REASON_EXCEPTION_OR_NMI;
    if (event && (vmread(VMCS_EXIT_EVENT) & VMX_EVENT_TYPE) == VMX_EVENT_NMI)
        return exit_nmi(vcpu);
    vmx_step_cancel(vcpu);
    if (reason == REASON_EPT_VIOLATION)
        return handle_nested(vcpu, true);
    if (event) {
        unsigned vector = vmread(VMCS_EXIT_EVENT) & VMX_EVENT_VECTOR;
        enum exit_reason counted = vmx_handle_exception(vcpu);
        return (exit_exceptions(vcpu) & 1u << vector) != 0 ? counted : EXIT_STEP;
    }
    return handle_listed(vcpu, reason);
}

static enum exit_reason handle(struct vcpu *vcpu, uint32_t reason)
{
    if (vcpu->stepping)
        return handle_stepping(vcpu, reason);
    return reason == REASON_EPT_VIOLATION ? handle_nested(vcpu, false)
                                          : handle_listed(vcpu, reason);
}

/* Back with the next exit. The guest's registers pass through the processor's: none is kept. */
static inline enum vmx_entered enter(struct vcpu *vcpu)
{
    struct registers *regs = &vcpu->regs;
    const uint32_t *seen = &vcpu->cpu->nmi_seen;
    unsigned result;
    uint64_t launched = vcpu->launched;
    __asm__ volatile("call vmx_enter"
                     : "=a"(result), "+D"(regs), "+S"(seen), "+d"(launched)
                     :
                     : "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory",
                       "cc");
    return (enum vmx_entered)result;
}

/* What is injected is an exit of the monitor trap flag, which waits (Intel SDM 3, 27.6.2). */
const char *vmx_refuses(struct vcpu *vcpu)
{
    const char *why = NULL;
    vmwrite(VMCS_ENTRY_EVENT, VMX_EVENT_VALID | VMX_EVENT_OTHER);
    vmwrite(VMCS_GUEST_RIP, vcpu->rip);
    enum vmx_entered entered = enter(vcpu);
    uint32_t reason = entered == ENTERED ? (uint32_t)vmread(VMCS_EXIT_REASON) : REASON_MTF;
    vcpu->launched |= entered == ENTERED && (reason & REASON_ENTRY_FAILED) == 0;
    if (entered == REFUSED)
        why = vmx_why_instruction();
    else if ((reason & REASON_ENTRY_FAILED) != 0)
        why = vmx_why_state();
    else if (reason == REASON_EXCEPTION_OR_NMI) /* nothing else can come before it */
        vcpu->cpu->nmi_seen = 1;
    vmwrite(VMCS_ENTRY_EVENT, 0);
    return why;
}

void vmx_run(struct vcpu *vcpu)
{
    do {
        uint64_t event = vmx_prepare_event(vcpu);
        vmwrite(VMCS_GUEST_RIP, vcpu->rip);
        enum vmx_entered entered = enter(vcpu);
        if (entered == CALLED) {
            if (event != 0)
                vmwrite(VMCS_ENTRY_EVENT, 0);
            return;
        }
        if (entered == REFUSED) {
            vcpu_count(vcpu, handle_other(vcpu, 0, vmx_why_instruction()));
            return;
        }
        uint32_t reason = (uint32_t)vmread(VMCS_EXIT_REASON);
        vcpu->launched |= (reason & REASON_ENTRY_FAILED) == 0;
        if (event != 0)
            vmx_event_done(vcpu);
        vcpu->rip = vmread(VMCS_GUEST_RIP);
        vcpu_count(vcpu, handle(vcpu, reason));
    } while (vcpu->state == VCPU_RUNNING && vcpu->cpu->nmi_seen == 0);
}
