/* SPDX-License-Identifier: Apache-2.0 */
/* The processor: virtualization and its switch, nested paging, x2APIC, time (AMD APM 3, E.3). */
#include <stdio.h>
#include <string.h>

#include "cpuid.h"
#include "probe.h"
#include "text.h"
#include "tree.h"
#include "vtx.h"

#define CPUINFO_MAX 65536 /* the first processor's part is a few KiB */

#define LEAF1_ECX_VMX        (1u << 5)
#define LEAF1_ECX_X2APIC     (1u << 21)
#define LEAF1_ECX_HYPERVISOR (1u << 31)
#define EXT1_ECX_SVM         (1u << 2)
#define EXT1_EDX_LONG_MODE   (1u << 29)
#define EXT7_EDX_INVARIANT   (1u << 8)
#define SVM_EDX_NESTED       (1u << 0)

#define MSR_VM_CR    0xc0010114u
#define VM_CR_LOCK   (1u << 3)
#define VM_CR_SVMDIS (1u << 4)

struct processor {
    bool has_cpuid; /* else all is taken from /proc/cpuinfo */
    char vendor[64];
    char model[64];
    char flags[8192];
    char vmx_flags[1024];
    char hypervisor[13]; /* its signature; "" if there is none */
    bool mullion;        /* that hypervisor is Mullion */
    enum finding svm, vmx;
    bool intel; /* VT-x is looked at, not SVM */
};

static void copy_registers(char *text, uint32_t a, uint32_t b, uint32_t c)
{
    memcpy(text, &a, 4);
    memcpy(text + 4, &b, 4);
    memcpy(text + 8, &c, 4);
    text[12] = '\0';
    text_clean(text);
}

/* A feature that CPUID has or has not, and that Linux calls FLAG. */
static enum finding feature(const struct processor *p, bool has, const char *flag)
{
    if (!p->has_cpuid && p->flags[0] == '\0')
        return ANSWER_UNKNOWN;
    bool present = p->has_cpuid ? has : text_has_word(p->flags, flag);
    return present ? ANSWER_YES : ANSWER_NO;
}

static void add_feature(struct report *report, enum weight weight, const char *label,
                        enum finding answer, const char *yes, const char *no)
{
    const char *text = answer == ANSWER_YES ? yes : no;
    report_add(report, weight, label, answer, "%s",
               answer == ANSWER_UNKNOWN ? "neither CPUID nor /proc/cpuinfo" : text);
}

static void read_hypervisor(struct processor *p)
{
    if (feature(p, cpuid_read(1).ecx & LEAF1_ECX_HYPERVISOR, "hypervisor") != ANSWER_YES)
        return;
    struct cpuid_leaf leaf = cpuid_read(0x40000000);
    copy_registers(p->hypervisor, leaf.ebx, leaf.ecx, leaf.edx);
    if (p->hypervisor[0] == '\0')
        snprintf(p->hypervisor, sizeof(p->hypervisor), "unnamed");
    p->mullion = strcmp(p->hypervisor, "MullionMulli") == 0;
}

static void read_processor(struct processor *p)
{
    static char cpuinfo[CPUINFO_MAX];
    tree_read("/proc/cpuinfo", cpuinfo, sizeof(cpuinfo));
    text_field(cpuinfo, "vendor_id", p->vendor, sizeof(p->vendor));
    text_field(cpuinfo, "model name", p->model, sizeof(p->model));
    text_field(cpuinfo, "flags", p->flags, sizeof(p->flags));
    text_field(cpuinfo, "vmx flags", p->vmx_flags, sizeof(p->vmx_flags));
    struct cpuid_leaf name = cpuid_read(0);
    p->has_cpuid = name.ebx != 0;
    if (p->has_cpuid)
        copy_registers(p->vendor, name.ebx, name.edx, name.ecx);
    p->svm = feature(p, cpuid_read(0x80000001).ecx & EXT1_ECX_SVM, "svm");
    p->vmx = feature(p, cpuid_read(1).ecx & LEAF1_ECX_VMX, "vmx");
    p->intel =
        p->svm != ANSWER_YES &&
        (p->vmx == ANSWER_YES || (p->vmx == ANSWER_NO && strcmp(p->vendor, "GenuineIntel") == 0));
    read_hypervisor(p);
}

static void add_processor(struct report *report, const struct processor *p)
{
    enum finding answer = feature(p, cpuid_read(0x80000001).edx & EXT1_EDX_LONG_MODE, "lm");
    if (answer == ANSWER_UNKNOWN)
        report_add(report, NEEDED, "processor", answer, "neither CPUID nor /proc/cpuinfo");
    else
        report_add(report, NEEDED, "processor", answer, "%s, %s%s", p->vendor,
                   p->model[0] != '\0' ? p->model : "model not named",
                   answer == ANSWER_NO ? "; use one with 64 bits" : "");
}

static void add_svm(struct report *report, const struct processor *p)
{
    const char *text = "use a processor that has it; in a virtual machine let the hypervisor "
                       "nest (QEMU: -cpu host or +svm)";
    if (p->svm == ANSWER_YES)
        text = "the processor has it";
    else if (p->svm == ANSWER_UNKNOWN)
        text = "neither CPUID nor /proc/cpuinfo";
    else if (p->mullion)
        text = "this is a VM of Mullion, which shows it to nobody; probe without Mullion";
    else if (strcmp(p->vendor, "AuthenticAMD") == 0 && p->hypervisor[0] == '\0')
        text = "switch \"SVM Mode\" on in the firmware's set-up, or use a processor that has it";
    report_add(report, NEEDED, "AMD SVM", p->svm, "%s", text);
}

/* Intel's counterpart: that the processor has it; vtx_report says the rest. */
static void add_vtx(struct report *report, const struct processor *p)
{
    const char *text = "the processor has it";
    if (p->mullion)
        text = "this is a VM of Mullion, which shows it to nobody; probe without Mullion";
    else if (p->vmx != ANSWER_YES && p->hypervisor[0] == '\0')
        text = "switch \"Intel Virtualization Technology\" on in the firmware's set-up, or use a "
               "processor that has it";
    else if (p->vmx != ANSWER_YES)
        text = "let the hypervisor nest (QEMU: -cpu host or +vmx; KVM: kvm_intel nested=1)";
    report_add(report, NEEDED, "Intel VT-x", p->vmx, "%s", text);
}

bool probe_kvm_runs(const char *initstate)
{
    char state[16];
    tree_read(initstate, state, sizeof(state));
    return strcmp(state, "live\n") == 0;
}

static void add_svm_switch(struct report *report, const struct processor *p)
{
    static const char label[] = "SVM switched on";
    uint64_t vm_cr;
    if (msr_read(MSR_VM_CR, &vm_cr) && (vm_cr & VM_CR_SVMDIS) != 0)
        report_add(report, NEEDED, label, ANSWER_NO,
                   "the firmware has switched SVM off%s; set \"SVM Mode\" to enabled in its set-up",
                   (vm_cr & VM_CR_LOCK) != 0 ? " and locked it" : "");
    else if (msr_read(MSR_VM_CR, &vm_cr))
        report_add(report, NEEDED, label, ANSWER_YES, "VM_CR.SVMDIS is 0");
    else if (p->has_cpuid && p->flags[0] != '\0' && !text_has_word(p->flags, "svm"))
        report_add(report, NEEDED, label, ANSWER_NO,
                   "the kernel found SVM switched off; set \"SVM Mode\" to enabled in the "
                   "firmware's set-up");
    else if (probe_kvm_runs("/sys/module/kvm_amd/initstate"))
        report_add(report, NEEDED, label, ANSWER_YES, "the kernel's kvm_amd has it in use");
    else
        report_add(report, NEEDED, label, ANSWER_UNKNOWN, "%s", PROBE_AS_ROOT);
}

static void add_npt(struct report *report, const struct processor *p)
{
    add_feature(report, NEEDED, "nested paging",
                feature(p, cpuid_read(0x8000000a).edx & SVM_EDX_NESTED, "npt"), "NPT",
                "use a processor with NPT; in a virtual machine let the hypervisor show it "
                "(QEMU: +npt)");
}

static void add_x2apic(struct report *report, const struct processor *p)
{
    add_feature(report, NEEDED, "x2APIC",
                feature(p, cpuid_read(1).ecx & LEAF1_ECX_X2APIC, "x2apic"), "the processor has it",
                "switch x2APIC (\"Local APIC Mode\") on in the firmware's set-up; AMD has it from "
                "Zen 2 on");
}

static void add_tsc(struct report *report, const struct processor *p)
{
    add_feature(report, USEFUL, "invariant TSC",
                feature(p, cpuid_read(0x80000007).edx & EXT7_EDX_INVARIANT, "nonstop_tsc"),
                "the clock runs evenly",
                "clocks of VMs may drift, though they are told otherwise; use a processor that "
                "has it");
}

static void add_hypervisor(struct report *report, const struct processor *p)
{
    static const char label[] = "bare hardware";
    if (!p->has_cpuid && p->flags[0] == '\0')
        report_add(report, USEFUL, label, ANSWER_UNKNOWN, "neither CPUID nor /proc/cpuinfo");
    else if (p->mullion)
        report_add(report, USEFUL, label, ANSWER_NO,
                   "Mullion runs already and this is one of its VMs; cores and memory are its own");
    else if (p->hypervisor[0] != '\0')
        report_add(report, USEFUL, label, ANSWER_NO,
                   "a hypervisor (%s) is beneath; it must nest %s nested=1, and -cpu host)",
                   p->hypervisor, p->intel ? "VT-x (KVM: kvm_intel" : "SVM (KVM: kvm_amd");
    else
        report_add(report, USEFUL, label, ANSWER_YES, "no hypervisor beneath");
}

void probe_cpu(struct report *report)
{
    static struct processor p;
    p = (struct processor){0};
    read_processor(&p);
    add_processor(report, &p);
    if (p.intel)
        add_vtx(report, &p);
    else
        add_svm(report, &p);
    if (p.svm == ANSWER_YES) {
        add_svm_switch(report, &p);
        add_npt(report, &p);
    } else if (p.vmx == ANSWER_YES) {
        bool hidden = p.has_cpuid && p.flags[0] != '\0' && !text_has_word(p.flags, "vmx");
        vtx_report(report, &(struct vtx_seen){.hidden = hidden, .flags = p.vmx_flags});
    } else {
        report_add(report, USEFUL, "nested paging", ANSWER_UNKNOWN, "not to be seen without %s",
                   p.intel ? "VT-x" : "SVM");
    }
    add_x2apic(report, &p);
    add_tsc(report, &p);
    add_hypervisor(report, &p);
}
