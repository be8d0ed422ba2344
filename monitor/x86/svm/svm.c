/* SPDX-License-Identifier: Apache-2.0 */
/* AMD SVM: what it needs, switching it on, a VM's bitmaps and nested tables (AMD APM 2, 15). */
#include "x86/svm/svm.h"

#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/cpu.h"
#include "x86/memory.h"
#include "x86/msr.h"
#include "x86/pagetable.h"
#include "x86/trap.h"
#include "x86/vm_maps.h"

#define CPUID_SVM           (1u << 2)  /* 8000_0001 ECX */
#define CPUID_NESTED_PAGING (1u << 0)  /* 8000_000A EDX */
#define CPUID_PAUSE_FILTER  (1u << 10) /* 8000_000A EDX */
#define CPUID_PAUSE_WINDOW  (1u << 12) /* 8000_000A EDX */
#define CPUID_X2APIC        (1u << 21) /* 1 ECX */
#define PORT_MAP_PAGES      3u
#define MSR_MAP_PAGES       2u
#define NESTED_FLAGS        (PTE_PRESENT | PTE_WRITE | PTE_USER)

void svm_save_host(uint64_t host_state);

static const char *svm_missing(void)
{
    if (cpuid(0x80000000, 0).eax < 0x8000000a || (cpuid(0x80000001, 0).ecx & CPUID_SVM) == 0)
        return "the processor has no AMD SVM; on a machine that has it switch \"SVM Mode\" on in "
               "the firmware's set-up (QEMU: -cpu EPYC,+svm)";
    if ((rdmsr(MSR_VM_CR) & VM_CR_SVMDIS) != 0)
        return "SVM is locked by the firmware; switch \"SVM Mode\" on in its set-up";
    if ((cpuid(0x8000000a, 0).edx & CPUID_NESTED_PAGING) == 0)
        return "the processor has no nested paging (QEMU: -cpu EPYC,+npt)";
    if ((cpuid(1, 0).ecx & CPUID_X2APIC) == 0)
        return "the processor has no x2APIC; switch it on in the firmware's set-up (QEMU 9 or "
               "newer: -cpu EPYC,+x2apic)";
    return NULL;
}

static const char *svm_lacks(const struct controls *controls)
{
    uint32_t features = cpuid(0x8000000a, 0).edx;
    if (controls->pause_count != 0 && (features & CPUID_PAUSE_FILTER) == 0)
        return "this processor has no PAUSE filter; leave pause-filter out";
    if (controls->pause_window != 0 && (features & CPUID_PAUSE_WINDOW) == 0)
        return "this processor's PAUSE filter has no window; write pause-filter with the count "
               "alone";
    return NULL;
}

static void svm_enable_cpu(struct pcpu *cpu)
{
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
    void *save_area = memory_pages_or_panic(1);
    wrmsr(MSR_VM_HSAVE_PA, (uint64_t)save_area);
    __asm__ volatile("clgi");
    svm_save_host((uint64_t)cpu->host_state);
}

static void svm_open_window(void)
{
    __asm__ volatile("stgi; nop; nop; clgi" : : : "memory");
}

static void svm_open_window_interrupts(void)
{
    __asm__ volatile("stgi; sti; nop; nop; cli; clgi" : : : "memory");
}

static void svm_sleep(const uint32_t *flag)
{
    __asm__ volatile("stgi" : : : "memory");
    trap_sleep(flag);
    __asm__ volatile("clgi" : : : "memory");
}

static bool svm_vm_init(struct vm *vm)
{
    return vm_maps_init(vm, PORT_MAP_PAGES, MSR_MAP_PAGES);
}

static void svm_vm_free(struct vm *vm)
{
    vm_maps_free(vm, PORT_MAP_PAGES, MSR_MAP_PAGES);
}

static bool svm_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t size)
{
    uint64_t largest = (cpuid(0x80000001, 0).edx & 1u << 26) != 0 ? HUGE_PAGE : LARGE_PAGE;
    return pagetable_map(vm->nested_root, gpa.v, hpa.v, size, NESTED_FLAGS, largest);
}

/* Two bits an MSR, read and write, in three ranges of 8192 (AMD APM 2, 15.11). */
static void svm_pass_msr(struct vm *vm, uint32_t msr, enum control_access access, bool pass)
{
    uint32_t base;
    if (msr < 0x2000)
        base = 0;
    else if (msr - 0xc0000000u < 0x2000)
        base = 0x800;
    else if (msr - 0xc0010000u < 0x2000)
        base = 0x1000;
    else
        return; /* all others always leave the guest */
    uint8_t *byte = &vm->msr_map[base + (msr & 0x1fff) / 4];
    unsigned bits =
        ((access & CONTROL_READ) != 0 ? 1u : 0) | ((access & CONTROL_WRITE) != 0 ? 2u : 0);
    bits <<= msr % 4 * 2;
    *byte = (uint8_t)(pass ? *byte & ~bits : *byte | bits);
}

/* A step on tables of its own is taken back: it begins anew on those that have changed. */
static void svm_flush(struct vcpu *vcpu)
{
    if (vcpu->stepping && vmcb_of(vcpu)->nested_cr3 != (uint64_t)vcpu->vm->nested_root)
        svm_step_cancel(vcpu);
    vmcb_of(vcpu)->tlb_control = TLB_FLUSH_ALL;
}

static uint64_t svm_read_cr0(struct vcpu *vcpu)
{
    return vmcb_of(vcpu)->cr0;
}

static uint64_t svm_read_cr4(struct vcpu *vcpu)
{
    return vmcb_of(vcpu)->cr4;
}

static uint64_t svm_read_efer(struct vcpu *vcpu)
{
    return vmcb_of(vcpu)->efer & ~EFER_SVME;
}

static void svm_write_efer(struct vcpu *vcpu, uint64_t value)
{
    vmcb_of(vcpu)->efer = value | EFER_SVME;
}

const struct backend svm_backend = {
    .name = "AMD SVM",
    .missing = svm_missing,
    .enable_cpu = svm_enable_cpu,
    .open_window = svm_open_window,
    .open_window_interrupts = svm_open_window_interrupts,
    .sleep = svm_sleep,
    .vm_init = svm_vm_init,
    .vm_free = svm_vm_free,
    .vcpu_free = svm_vcpu_free,
    .map = svm_map,
    .unmap = vm_maps_unmap,
    .pass_port = vm_maps_pass_port,
    .pass_msr = svm_pass_msr,
    .vcpu_init = svm_vcpu_init,
    .vcpu_reset = svm_vcpu_reset,
    .flush = svm_flush,
    .run = svm_run,
    .read_cr0 = svm_read_cr0,
    .read_cr4 = svm_read_cr4,
    .read_efer = svm_read_efer,
    .write_efer = svm_write_efer,
    .set_controls = svm_set_controls,
    .lacks = svm_lacks,
    .step_begin = svm_step_begin,
};
