/* SPDX-License-Identifier: Apache-2.0 */
/* A core's VMCS: what an exit restores, and the state a vCPU begins in (Intel SDM 3, 25.4, 25.5).
 */
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/memory.h"
#include "x86/msr.h"
#include "x86/vmx/vmx.h"

/* Rights of segments. */
#define RIGHTS_CODE_REAL 0x009bu
#define RIGHTS_DATA_REAL 0x0093u
#define RIGHTS_CODE_32   0xc09bu
#define RIGHTS_CODE_64   0xa09bu
#define RIGHTS_DATA_FLAT 0xc093u
#define RIGHTS_TSS       0x008bu
#define DR6_RESET        0xffff0ff0ull
#define DR7_RESET        0x400ull
#define LIMIT_REAL       0xffffu
#define LIMIT_FLAT       0xffffffffu
#define SELECTOR_CODE    0x10u /* what the Linux boot protocol calls __BOOT_CS and __BOOT_DS */
#define SELECTOR_DATA    0x18u
#define HOST_SELECTOR    8u /* code; data, then the task state */
#define FIELDS_APART     2u

extern const uint8_t vmx_left[];

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

void vmx_set_host(struct pcpu *cpu)
{
    struct table_pointer gdt, idt;
    uint64_t cr0, cr3;
    __asm__("sgdt %0; sidt %1" : "=m"(gdt), "=m"(idt));
    __asm__("mov %%cr0, %0; mov %%cr3, %1" : "=r"(cr0), "=r"(cr3));
    const struct {
        uint32_t field;
        uint64_t value;
    } fields[] = {
        {VMCS_HOST_CR0, cr0},
        {VMCS_HOST_CR3, cr3},
        {VMCS_HOST_CR4, read_cr4()},
        {VMCS_HOST_EFER, rdmsr(MSR_EFER)},
        {VMCS_HOST_PAT, rdmsr(MSR_PAT)},
        {VMCS_HOST_CS, HOST_SELECTOR},
        {VMCS_HOST_SS, 2 * HOST_SELECTOR},
        {VMCS_HOST_DS, 2 * HOST_SELECTOR},
        {VMCS_HOST_ES, 2 * HOST_SELECTOR},
        {VMCS_HOST_FS, 0},
        {VMCS_HOST_GS, 0},
        {VMCS_HOST_TR, 4 * HOST_SELECTOR},
        {VMCS_HOST_FS_BASE, 0},
        {VMCS_HOST_GS_BASE, (uint64_t)cpu},
        {VMCS_HOST_TR_BASE, (uint64_t)&cpu->tss},
        {VMCS_HOST_GDTR_BASE, gdt.base},
        {VMCS_HOST_IDTR_BASE, idt.base},
        {VMCS_HOST_SYSENTER_CS, 0},
        {VMCS_HOST_SYSENTER_ESP, 0},
        {VMCS_HOST_SYSENTER_EIP, 0},
        {VMCS_HOST_RIP, (uint64_t)vmx_left},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
        vmwrite(fields[i].field, fields[i].value);
}

bool vmx_vcpu_init(struct vcpu *vcpu)
{
    vcpu->control = NULL; /* its core's, once it has one */
    return true;
}

static void reset_controls(struct vcpu *vcpu)
{
    const struct vm *vm = vcpu->vm;
    const struct {
        uint32_t field;
        uint64_t value;
    } fields[] = {
        {VMCS_PIN, vmx_controls.pin},
        {VMCS_CPU, vmx_controls.cpu},
        {VMCS_EXIT, vmx_controls.exit},
        {VMCS_ENTRY, vmx_controls.entry},
        {VMCS_PAGE_FAULT_MASK, 0},
        {VMCS_PAGE_FAULT_MATCH, 0},
        {VMCS_CR3_TARGETS, 0},
        {VMCS_EXIT_MSR_STORE_COUNT, 0},
        {VMCS_EXIT_MSR_LOAD_COUNT, 0},
        {VMCS_ENTRY_MSR_LOAD_COUNT, 0},
        {VMCS_ENTRY_EVENT, 0},
        {VMCS_IO_BITMAP_A, (uint64_t)vm->port_map},
        {VMCS_IO_BITMAP_B, (uint64_t)vm->port_map + PAGE_SIZE},
        {VMCS_MSR_BITMAPS, (uint64_t)vm->msr_map},
        {VMCS_VPID, 1}, /* one guest a core */
        {VMCS_LINK_POINTER, UINT64_MAX},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
        vmwrite(fields[i].field, fields[i].value);
    if ((vmx_controls.cpu2 & VMX_CPU2_XSAVES) != 0)
        vmwrite(VMCS_XSS_BITMAP, 0);
    if ((vmx_controls.cpu2 & VMX_CPU2_ENCLS) != 0)
        vmwrite(VMCS_ENCLS_BITMAP, UINT64_MAX);
    if ((vmx_controls.cpu2 & VMX_CPU2_ENCLV) != 0)
        vmwrite(VMCS_ENCLV_BITMAP, UINT64_MAX);
}

static void set_segment(uint32_t selector_field, uint64_t selector, uint64_t limit, uint64_t rights)
{
    uint32_t apart = selector_field - VMCS_GUEST_ES;
    vmwrite(selector_field, selector);
    vmwrite(VMCS_GUEST_ES_LIMIT + apart, limit);
    vmwrite(VMCS_GUEST_ES_RIGHTS + apart, rights);
    vmwrite(VMCS_GUEST_ES_BASE + apart, 0);
}

static void set_segments(uint64_t code, uint64_t data, uint64_t limit)
{
    bool flat = limit == LIMIT_FLAT;
    for (uint32_t field = VMCS_GUEST_ES; field <= VMCS_GUEST_GS; field += FIELDS_APART)
        set_segment(field, flat ? SELECTOR_DATA : 0, limit, data);
    set_segment(VMCS_GUEST_CS, flat ? SELECTOR_CODE : 0, limit, code);
    set_segment(VMCS_GUEST_LDTR, 0, LIMIT_REAL, RIGHTS_UNUSABLE);
    set_segment(VMCS_GUEST_TR, 0, LIMIT_REAL, RIGHTS_TSS);
}

/* What the processor resets, or keeps from the VM that was here before. */
static void reset_registers(void)
{
    static const uint32_t zeroes[] = {
        VMCS_GUEST_RSP,          VMCS_GUEST_CR3,         VMCS_GUEST_EFER,
        VMCS_GUEST_DEBUGCTL,     VMCS_GUEST_SYSENTER_CS, VMCS_GUEST_SYSENTER_ESP,
        VMCS_GUEST_SYSENTER_EIP, VMCS_GUEST_ACTIVITY,    VMCS_GUEST_INTERRUPTIBILITY,
        VMCS_GUEST_GDTR_BASE,    VMCS_GUEST_IDTR_BASE,   VMCS_GUEST_PENDING_DEBUG,
        VMCS_CR0_SHADOW,         VMCS_CR4_SHADOW,
    };
    for (unsigned i = 0; i < ARRAY_SIZE(zeroes); i++)
        vmwrite(zeroes[i], 0);
    for (uint32_t msr = MSR_STAR; msr <= MSR_SFMASK; msr++)
        wrmsr(msr, 0);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    vmwrite(VMCS_GUEST_GDTR_LIMIT, LIMIT_REAL);
    vmwrite(VMCS_GUEST_IDTR_LIMIT, LIMIT_REAL);
    vmwrite(VMCS_GUEST_DR7, DR7_RESET);
    vmwrite(VMCS_GUEST_PAT, PAT_RESET);
    vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
    __asm__ volatile("mov %0, %%cr2; mov %1, %%dr6" : : "r"(0ull), "r"(DR6_RESET));
}

static void set_mode(struct vcpu *vcpu, const struct vcpu_start *start)
{
    uint64_t cr0 = CR0_ET | CR0_PE, cr4 = 0;
    vcpu->rip = start->rip;
    switch (start->mode) {
    case VCPU_REAL:
        set_segments(RIGHTS_CODE_REAL, RIGHTS_DATA_REAL, LIMIT_REAL);
        vmwrite(VMCS_GUEST_CS, start->rip >> 4);
        vmwrite(VMCS_GUEST_CS_BASE, start->rip);
        vcpu->rip = 0;
        cr0 = CR0_CD | CR0_NW | CR0_ET;
        break;
    case VCPU_PROTECTED:
        set_segments(RIGHTS_CODE_32, RIGHTS_DATA_FLAT, LIMIT_FLAT);
        break;
    case VCPU_LONG:
        set_segments(RIGHTS_CODE_64, RIGHTS_DATA_FLAT, LIMIT_FLAT);
        cr0 |= CR0_PG;
        cr4 = CR4_PAE;
        vmwrite(VMCS_GUEST_CR3, start->cr3);
        vmwrite(VMCS_GUEST_EFER, EFER_LME | EFER_LMA);
        vmx_set_bits(VMCS_ENTRY, VMX_ENTRY_IA32E);
        break;
    }
    vmwrite(VMCS_GUEST_CR0, cr0 | CR0_FLOOR);
    vmwrite(VMCS_GUEST_CR4, cr4 | CR4_VMXE);
}

void vmx_vcpu_reset(struct vcpu *vcpu, const struct vcpu_start *start)
{
    vcpu->control = vcpu->cpu->host_state;
    __asm__ volatile("vmclear %0\n\tvmptrld %0" : : "m"(vcpu->control) : "cc", "memory");
    vcpu->launched = vcpu->stepping = vcpu->step_elsewhere = false;
    vcpu->step_over = 0;
    reset_controls(vcpu);
    reset_registers();
    set_mode(vcpu, start);
    vmx_set_controls(vcpu);
    vmx_set_ept(vcpu->vm->nested_root);
}
