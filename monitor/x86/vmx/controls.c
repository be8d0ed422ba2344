/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's controls as VMCS fields, and the instructions that they report (Intel SDM 3, 25.6, 26.1).
 */
#include "x86/asm.h"
#include "x86/exit.h"
#include "x86/msr.h"
#include "x86/vmx/vmx.h"

#define PLE_GAP           128u /* ticks between two PAUSEs of a loop, if the line names none */
#define CR_NUMBER(info)   ((info)&15u)
#define CR_TYPE(info)     ((info) >> 4 & 3u)
#define CR_CLTS           2u
#define CR_LMSW           3u
#define CR_REGISTER(info) ((info) >> 8 & 15u)
#define CR_SOURCE(info)   ((info) >> 16 & 0xffffu)
#define REGISTER_RSP      4u
#define CR0_TS            (1ull << 3)
#define LMSW_BITS         0xfull
#define TABLES_LOAD       (1u << 29) /* of the instruction's information: LGDT, LIDT, LLDT, LTR */

/* What makes each event leave the guest; 0, 0: it does in any case, or by the masks of CR0 and CR4.
 */
static const struct {
    uint32_t cpu, cpu2;
} bits_of[CONTROL_EVENTS] = {
    [CONTROL_HLT] = {VMX_CPU_HLT, 0},
    [CONTROL_PAUSE] = {VMX_CPU_PAUSE, 0},
    [CONTROL_MONITOR] = {VMX_CPU_MONITOR, 0},
    [CONTROL_MWAIT] = {VMX_CPU_MWAIT, 0},
    [CONTROL_RDTSC] = {VMX_CPU_RDTSC, 0},
    [CONTROL_RDTSCP] = {VMX_CPU_RDTSC, 0}, /* the same bit */
    [CONTROL_RDPMC] = {VMX_CPU_RDPMC, 0},
    [CONTROL_INVLPG] = {VMX_CPU_INVLPG, 0},
    [CONTROL_WBINVD] = {0, VMX_CPU2_WBINVD},
    [CONTROL_CR3] = {VMX_CPU_CR3_LOAD, 0},
    [CONTROL_DR] = {VMX_CPU_MOV_DR, 0},
    [CONTROL_TABLES] = {0, VMX_CPU2_DESCRIPTOR},
};

/* The event of each exit reason, + 1. */
static const uint8_t events[] = {
    [REASON_CPUID] = CONTROL_CPUID + 1,
    [REASON_HLT] = CONTROL_HLT + 1,
    [REASON_INVD] = CONTROL_INVD + 1,
    [REASON_INVLPG] = CONTROL_INVLPG + 1,
    [REASON_RDPMC] = CONTROL_RDPMC + 1,
    [REASON_RDTSC] = CONTROL_RDTSC + 1,
    [REASON_DR] = CONTROL_DR + 1,
    [REASON_MWAIT] = CONTROL_MWAIT + 1,
    [REASON_MONITOR] = CONTROL_MONITOR + 1,
    [REASON_PAUSE] = CONTROL_PAUSE + 1,
    [REASON_GDTR_IDTR] = CONTROL_TABLES + 1,
    [REASON_LDTR_TR] = CONTROL_TABLES + 1,
    [REASON_RDTSCP] = CONTROL_RDTSCP + 1,
    [REASON_WBINVD] = CONTROL_WBINVD + 1,
    [REASON_XSETBV] = CONTROL_XSETBV + 1,
    [REASON_INVPCID] = CONTROL_INVLPG + 1,
};

static bool watches(const struct vcpu *vcpu, const struct controls *controls, unsigned event)
{
    return control_watches(controls->events[event]) && vcpu->step_over != event + 1;
}

const char *vmx_lacks(const struct controls *controls)
{
    if (control_watches(controls->events[CONTROL_SWINT]))
        return "Intel processors do not report INT n; leave software-interrupts out";
    for (unsigned event = 0; event < CONTROL_EVENTS; event++)
        if (control_watches(controls->events[event]) &&
            (!vmx_may_set(vmx_capability.cpu, bits_of[event].cpu) ||
             !vmx_may_set(vmx_capability.cpu2, bits_of[event].cpu2)))
            return "this processor cannot report WBINVD or loads of descriptor tables; leave "
                   "wbinvd and "
                   "descriptor-tables out";
    if (controls->pause_count != 0 && !vmx_may_set(vmx_capability.cpu2, VMX_CPU2_PAUSE_LOOP))
        return "this processor has no PAUSE-loop exiting; leave pause-filter out";
    return NULL;
}

uint64_t vmx_read_cr0(struct vcpu *vcpu)
{
    (void)vcpu;
    return (vmread(VMCS_GUEST_CR0) & ~CR0_FLOOR) | (vmread(VMCS_CR0_SHADOW) & CR0_FLOOR);
}

uint64_t vmx_read_cr4(struct vcpu *vcpu)
{
    (void)vcpu;
    return (vmread(VMCS_GUEST_CR4) & ~CR4_FLOOR) | (vmread(VMCS_CR4_SHADOW) & CR4_FLOOR);
}

/* Which bits of a register the guest does not write by itself: the floor's, and those watched. */
static uint64_t mask_of(const struct vcpu *vcpu, const struct controls *controls,
                        enum control_event event, uint64_t floor)
{
    if (!watches(vcpu, controls, event))
        return floor;
    return controls->bits[event] != 0 ? controls->bits[event] | floor : UINT64_MAX;
}

/* A filter of COUNT PAUSEs at most a gap apart is, here, a loop that lasts so many gaps. */
static void set_pause_loop(const struct controls *controls)
{
    uint64_t gap = controls->pause_window != 0 ? controls->pause_window : PLE_GAP;
    vmwrite(VMCS_PLE_GAP, gap);
    vmwrite(VMCS_PLE_WINDOW, gap * controls->pause_count);
}

/* The isolation floor, and what the controls add to it. */
void vmx_set_controls(struct vcpu *vcpu)
{
    const struct controls *controls = atomic_load(&vcpu->vm->controls);
    uint64_t kept = vmread(VMCS_CPU) & (VMX_CPU_MTF | VMX_CPU_NMI_WINDOW);
    uint32_t cpu = vmx_controls.cpu | (uint32_t)kept, cpu2 = vmx_controls.cpu2;
    for (unsigned event = 0; event < CONTROL_EVENTS; event++) {
        if (watches(vcpu, controls, event)) {
            cpu |= bits_of[event].cpu & (uint32_t)(vmx_capability.cpu >> 32);
            cpu2 |= bits_of[event].cpu2 & (uint32_t)(vmx_capability.cpu2 >> 32);
        }
    }
    if (controls->pause_count != 0 && vmx_may_set(vmx_capability.cpu2, VMX_CPU2_PAUSE_LOOP)) {
        cpu2 |= VMX_CPU2_PAUSE_LOOP;
        set_pause_loop(controls);
    }
    if (vcpu->leaving)
        cpu |= VMX_CPU_HLT | VMX_CPU_MWAIT;
    uint64_t cr0 = vmx_read_cr0(vcpu), cr4 = vmx_read_cr4(vcpu);
    vmwrite(VMCS_CPU, cpu);
    vmwrite(VMCS_CPU2, cpu2);
    vmwrite(VMCS_CR0_MASK, mask_of(vcpu, controls, CONTROL_CR0, CR0_FLOOR));
    vmwrite(VMCS_CR0_SHADOW, cr0);
    vmwrite(VMCS_CR4_MASK, mask_of(vcpu, controls, CONTROL_CR4, CR4_FLOOR));
    vmwrite(VMCS_CR4_SHADOW, cr4);
    vmwrite(VMCS_TSC_OFFSET, (uint64_t)vcpu->tsc_offset);
    if (!vcpu->stepping)
        vmwrite(VMCS_EXCEPTIONS, exit_exceptions(vcpu));
}

static uint64_t source(const struct vcpu *vcpu, uint64_t info)
{
    const uint64_t *registers = &vcpu->regs.rax;
    unsigned number = CR_REGISTER(info);
    return number == REGISTER_RSP ? vmread(VMCS_GUEST_RSP) : registers[number];
}

/* What the instruction makes of CR0, which now is OLD. */
static uint64_t new_cr0(const struct vcpu *vcpu, uint64_t info, uint64_t old)
{
    if (CR_TYPE(info) == CR_CLTS)
        return old & ~CR0_TS;
    if (CR_TYPE(info) == CR_LMSW) /* it can set PE, not clear it */
        return (old & ~(LMSW_BITS & ~CR0_PE)) | (CR_SOURCE(info) & LMSW_BITS);
    return source(vcpu, info);
}

/*
 * A write of CR0 or CR4 that changes a bit of the mask. The floor's bits go to the shadow, where
 * the guest may have them; the guest then writes the others itself.
 */
static enum exit_reason handle_register(struct vcpu *vcpu)
{
    const struct controls *controls = atomic_load(&vcpu->vm->controls);
    uint64_t info = vmread(VMCS_QUALIFICATION);
    enum control_event event = CR_NUMBER(info) == 0 ? CONTROL_CR0 : CONTROL_CR4;
    enum exit_reason reason = (enum exit_reason)(EXIT_CONTROL + event);
    uint64_t old = event == CONTROL_CR0 ? vmx_read_cr0(vcpu) : vmx_read_cr4(vcpu);
    uint64_t value = event == CONTROL_CR0 ? new_cr0(vcpu, info, old) : source(vcpu, info);
    uint64_t about = controls->bits[event] != 0 ? controls->bits[event] : UINT64_MAX;
    bool watched = watches(vcpu, controls, event) && ((old ^ value) & about) != 0;
    if (event == CONTROL_CR4 && (value & CR4_FLOOR) != 0) {
        vcpu_fault_gp(vcpu);
        return watched ? reason : EXIT_VIRT;
    }
    if (watched && !exit_control(vcpu, event, value))
        return reason;
    if (event == CONTROL_CR0)
        vmwrite(VMCS_CR0_SHADOW, (vmread(VMCS_CR0_SHADOW) & ~CR0_FLOOR) | (value & CR0_FLOOR));
    if (watched)
        vmx_step_over(vcpu, event);
    return watched ? reason : EXIT_STEP; /* else it is tried again, with the bit in the shadow */
}

static enum exit_reason handle_cr(struct vcpu *vcpu)
{
    uint64_t info = vmread(VMCS_QUALIFICATION);
    if (CR_NUMBER(info) != 3)
        return handle_register(vcpu);
    if (exit_control(vcpu, CONTROL_CR3, source(vcpu, info)))
        vmx_step_over(vcpu, CONTROL_CR3);
    return (enum exit_reason)(EXIT_CONTROL + CONTROL_CR3);
}

static void set_xcr(struct vcpu *vcpu)
{
    uint64_t value = vcpu->regs.rdx << 32 | (uint32_t)vcpu->regs.rax;
    if (xsetbv_safe((uint32_t)vcpu->regs.rcx, value))
        vmx_advance(vcpu);
    else
        vcpu_fault_gp(vcpu);
}

/* Do what the guest wanted: here where the processor is not needed for it, else by a step. */
static void carry_out(struct vcpu *vcpu, enum control_event event)
{
    switch (event) {
    case CONTROL_CPUID:
        exit_cpuid(vcpu);
        vmx_advance(vcpu);
        break;
    case CONTROL_HLT: /* the processor does the rest, with its interrupts */
        vmx_advance(vcpu);
        vmwrite(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
        break;
    case CONTROL_PAUSE:
    case CONTROL_MONITOR: /* MWAIT may always end at once */
    case CONTROL_MWAIT:
        vmx_advance(vcpu);
        break;
    case CONTROL_INVD: /* it would drop the others' data, too */
    case CONTROL_WBINVD:
        __asm__ volatile("wbinvd" : : : "memory");
        vmx_advance(vcpu);
        break;
    case CONTROL_RDTSC:
    case CONTROL_RDTSCP:
        exit_tsc(vcpu, event == CONTROL_RDTSCP);
        vmx_advance(vcpu);
        break;
    case CONTROL_XSETBV:
        set_xcr(vcpu);
        break;
    default:
        vmx_step_over(vcpu, event);
        break;
    }
}

/* SGDT and the like leave the guest with the loads; they are none. */
static bool is_store(uint32_t reason)
{
    return (reason == REASON_GDTR_IDTR || reason == REASON_LDTR_TR) &&
           (vmread(VMCS_EXIT_INSTRUCTION) & TABLES_LOAD) == 0;
}

enum exit_reason vmx_handle_control(struct vcpu *vcpu, uint32_t reason)
{
    if (reason == REASON_CR)
        return handle_cr(vcpu);
    if (reason >= ARRAY_SIZE(events) || events[reason] == 0)
        return EXIT_OTHER;
    enum control_event event = (enum control_event)(events[reason] - 1);
    if (vcpu->leaving && (event == CONTROL_HLT || event == CONTROL_MWAIT))
        return exit_idle(vcpu, (vmread(VMCS_GUEST_RFLAGS) & RFLAGS_IF) == 0);
    if (is_store(reason)) {
        vmx_step_over(vcpu, event);
        return EXIT_STEP;
    }
    uint64_t operand = event == CONTROL_CPUID ? (uint32_t)vcpu->regs.rax | vcpu->regs.rcx << 32
                                              : vmread(VMCS_QUALIFICATION);
    if (exit_control(vcpu, event, operand))
        carry_out(vcpu, event);
    return (enum exit_reason)(EXIT_CONTROL + event);
}
