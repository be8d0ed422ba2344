/* SPDX-License-Identifier: Apache-2.0 */
/* Intel VT-x: what it needs, switching it on, a VM's bitmaps and nested tables (Intel SDM 3, 24 to
 * 32). */
#include "x86/vmx/vmx.h"

#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/memory.h"
#include "x86/msr.h"
#include "x86/pagetable.h"
#include "x86/trap.h"
#include "x86/vm_maps.h"
#include "x86/vmx/mtrr.h"

#define CPUID_VMX          (1u << 5)  /* 1 ECX */
#define CPUID_X2APIC       (1u << 21) /* 1 ECX */
#define CPUID_XSAVE        (1u << 26) /* 1 ECX */
#define PORT_MAP_PAGES     2u
#define MSR_MAP_PAGES      1u
#define MSR_MAP_HIGH       0x400u /* bytes: c0000000 on; then the same for writes */
#define MSR_MAP_WRITE      0x800u
#define EPT_ALL            (PTE_PRESENT | PTE_WRITE | PTE_USER) /* read, write, execute */
#define INVALIDATE_ONE     1ull
#define INVALIDATE_ALL     2ull
#define SELECTOR_HOST_CODE 8
#define SELECTOR_HOST_DATA 16

struct vmx_capability vmx_capability;
struct vmx_controls vmx_controls;

static struct mtrr mtrr;

static const char *vmx_missing(void)
{
    uint32_t features = cpuid(1, 0).ecx;
    if ((features & CPUID_VMX) == 0)
        return vmx_compute(&vmx_capability, &vmx_controls); /* nothing is read: it says so */
    uint64_t control = rdmsr(MSR_FEATURE_CONTROL);
    if ((control & FEATURE_CONTROL_LOCKED) != 0 && (control & FEATURE_CONTROL_VMX) == 0)
        return "VT-x is locked by the firmware; switch \"Intel Virtualization Technology\" on in "
               "its set-up";
    if ((features & CPUID_X2APIC) == 0)
        return "the processor has no x2APIC; switch it on in the firmware's set-up (\"Local APIC "
               "Mode\")";
    vmx_read(rdmsr, &vmx_capability);
    mtrr_read(&mtrr);
    return vmx_compute(&vmx_capability, &vmx_controls);
}

/* Drop what is cached of the tables at POINTER, and of the one VPID; of others, too, where the
 * processor knows no less (Intel SDM 3, 29.4.3). */
static void forget(uint64_t pointer)
{
    uint64_t caps = vmx_capability.ept_vpid;
    uint64_t tables[2] = {pointer, 0}, guest[2] = {1, 0};
    uint64_t ept = (caps & VMX_INVEPT_SINGLE) != 0 ? INVALIDATE_ONE : INVALIDATE_ALL;
    uint64_t vpid = (caps & VMX_INVVPID_SINGLE) != 0 ? INVALIDATE_ONE : INVALIDATE_ALL;
    __asm__ volatile("invept %0, %1" : : "m"(tables), "r"(ept) : "cc", "memory");
    __asm__ volatile("invvpid %0, %1" : : "m"(guest), "r"(vpid) : "cc", "memory");
}

static void vmx_enable_cpu(struct pcpu *cpu)
{
    uint64_t control = rdmsr(MSR_FEATURE_CONTROL);
    uint64_t revision = vmx_capability.basic & VMX_BASIC_REVISION;
    uint64_t *region = memory_pages_or_panic(1), *vmcs = cpu->host_state;
    if ((control & FEATURE_CONTROL_LOCKED) == 0)
        wrmsr(MSR_FEATURE_CONTROL, control | FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX);
    write_cr4(read_cr4() | CR4_VMXE |
              ((cpuid(1, 0).ecx & CPUID_XSAVE) != 0 ? CR4_OSXSAVE : 0)); /* for guests' XSETBV */
    *region = *vmcs = revision;
    bool failed;
    __asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "memory");
    if (failed)
        panic("VMXON failed on core %u", cpu->id);
    __asm__ volatile("vmclear %0\n\tvmptrld %0" : : "m"(vmcs) : "cc", "memory");
    vmx_set_host(cpu);
}

/* An NMI that has left the guest blocks further ones until IRET. */
static void vmx_open_window(void)
{
    __asm__ volatile("movq %%rsp, %%rax\n\t"
                     "pushq %0\n\t"
                     "pushq %%rax\n\t"
                     "pushfq\n\t"
                     "pushq %1\n\t"
                     "pushq $1f\n\t"
                     "iretq\n"
                     "1:"
                     :
                     : "i"(SELECTOR_HOST_DATA), "i"(SELECTOR_HOST_CODE)
                     : "rax", "memory", "cc");
}

static void vmx_open_window_interrupts(void)
{
    vmx_open_window();
    __asm__ volatile("sti; nop; nop; cli" : : : "memory");
}

static bool vmx_vm_init(struct vm *vm)
{
    return vm_maps_init(vm, PORT_MAP_PAGES, MSR_MAP_PAGES);
}

static void vmx_vm_free(struct vm *vm)
{
    vm_maps_free(vm, PORT_MAP_PAGES, MSR_MAP_PAGES);
}

static bool vmx_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t size)
{
    uint64_t largest = (vmx_capability.ept_vpid & VMX_EPT_1G) != 0 ? HUGE_PAGE : LARGE_PAGE;
    while (size > 0) {
        unsigned type;
        uint64_t run = mtrr_type_run(&mtrr, hpa.v, size, &type);
        uint64_t flags = EPT_ALL | (uint64_t)type << EPTE_TYPE_SHIFT;
        if (!pagetable_map(vm->nested_root, gpa.v, hpa.v, run, flags, largest))
            return false;
        gpa.v += run;
        hpa.v += run;
        size -= run;
    }
    return true;
}

/* A bit an MSR in two ranges of 8192, for reads, and again for writes (Intel SDM 3, 25.6.9). */
static void vmx_pass_msr(struct vm *vm, uint32_t msr, enum control_access access, bool pass)
{
    uint32_t number = msr & 0x1fff;
    uint32_t base = msr >= 0xc0000000u ? MSR_MAP_HIGH : 0;
    if (msr - number != (base != 0 ? 0xc0000000u : 0))
        return; /* all others always leave the guest */
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *byte = &vm->msr_map[base + i * MSR_MAP_WRITE + number / 8];
        if ((access & (i == 0 ? CONTROL_READ : CONTROL_WRITE)) != 0)
            *byte = (uint8_t)(pass ? *byte & ~(1u << number % 8) : *byte | 1u << number % 8);
    }
}

void vmx_set_ept(const uint64_t *root)
{
    uint64_t pointer = (uint64_t)root | EPTP_WB | EPTP_WALK_4;
    vmwrite(VMCS_EPT_POINTER, pointer);
    forget(pointer);
}

/* A step on tables of its own is taken back: it begins anew on those that have changed. */
static void vmx_flush(struct vcpu *vcpu)
{
    if (vcpu->stepping)
        vmx_step_cancel(vcpu);
    vmx_set_ept(vcpu->vm->nested_root);
}

static uint64_t vmx_read_efer(struct vcpu *vcpu)
{
    (void)vcpu;
    return vmread(VMCS_GUEST_EFER);
}

static void vmx_write_efer(struct vcpu *vcpu, uint64_t value)
{
    (void)vcpu;
    vmwrite(VMCS_GUEST_EFER, value);
}

const struct backend vmx_backend = {
    .name = "Intel VT-x",
    .missing = vmx_missing,
    .enable_cpu = vmx_enable_cpu,
    .open_window = vmx_open_window,
    .open_window_interrupts = vmx_open_window_interrupts,
    .sleep = trap_sleep,
    .vm_init = vmx_vm_init,
    .vm_free = vmx_vm_free,
    .vcpu_free = step_free,
    .map = vmx_map,
    .unmap = vm_maps_unmap,
    .pass_port = vm_maps_pass_port,
    .pass_msr = vmx_pass_msr,
    .vcpu_init = vmx_vcpu_init,
    .vcpu_reset = vmx_vcpu_reset,
    .flush = vmx_flush,
    .run = vmx_run,
    .read_cr0 = vmx_read_cr0,
    .read_cr4 = vmx_read_cr4,
    .read_efer = vmx_read_efer,
    .write_efer = vmx_write_efer,
    .set_controls = vmx_set_controls,
    .refuses = vmx_refuses,
    .lacks = vmx_lacks,
    .step_begin = vmx_step_begin,
};
