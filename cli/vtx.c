/* SPDX-License-Identifier: Apache-2.0 */
/* Intel VT-x: its switch, EPT, and the monitor's own judgement of the capability MSRs. */
#include "vtx.h"

#include "core/types.h"
#include "cpuid.h"
#include "text.h"
#include "x86/msr.h"
#include "x86/vmx/capability.h"
#include "x86/vmx/vmcs.h"

/* Intel SDM 3, 24.7: the firmware sets the lock; without it the monitor switches VT-x on itself. */
static void add_switch(struct report *report, const struct vtx_seen *seen)
{
    static const char label[] = "VT-x switched on";
    uint64_t control = 0;
    bool known = msr_read(MSR_FEATURE_CONTROL, &control);
    bool locked = (control & FEATURE_CONTROL_LOCKED) != 0;
    bool off = known && locked && (control & FEATURE_CONTROL_VMX) == 0;
    if (off || (!known && seen->hidden))
        report_add(report, NEEDED, label, ANSWER_NO,
                   "the firmware has switched VT-x off; set \"Intel Virtualization Technology\" to "
                   "enabled in its set-up");
    else if (known)
        report_add(report, NEEDED, label, ANSWER_YES, "%s",
                   locked ? "IA32_FEATURE_CONTROL allows it"
                          : "IA32_FEATURE_CONTROL is not locked; the monitor sets it");
    else if (probe_kvm_runs("/sys/module/kvm_intel/initstate"))
        report_add(report, NEEDED, label, ANSWER_YES, "the kernel's kvm_intel has it in use");
    else
        report_add(report, NEEDED, label, ANSWER_UNKNOWN, "%s", PROBE_AS_ROOT);
}

static uint64_t read_or_zero(uint32_t msr)
{
    uint64_t value;
    return msr_read(msr, &value) ? value : 0;
}

static void add_ept(struct report *report, bool has)
{
    report_add(report, NEEDED, "nested paging", has ? ANSWER_YES : ANSWER_NO, "%s",
               has ? "EPT"
                   : "no EPT; use a newer processor, or let the hypervisor show it (KVM: "
                     "kvm_intel.ept=1)");
}

/* The same code as the monitor's: what it would say at its start. */
static void add_controls(struct report *report, const struct vmx_capability *capability)
{
    struct vmx_controls controls;
    const char *lack = vmx_compute(capability, &controls);
    report_add(report, NEEDED, "VT-x controls", lack == NULL ? ANSWER_YES : ANSWER_NO, "%s",
               lack != NULL ? lack : "unrestricted guest, VPID, and all else that Mullion sets");
}

/* The flags are fewer than the controls, so a yes is less than root's. */
static void add_controls_listed(struct report *report, const char *flags)
{
    static const struct {
        const char *flag, *name;
    } needed[] = {
        {"unrestricted_guest", "unrestricted guest"},
        {"vpid", "VPID"},
        {"vnmi", "virtual NMIs"},
        {"mtf", "monitor trap flag"},
        {"tsc_offset", "TSC offset"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        if (text_has_word(flags, needed[i].flag))
            continue;
        report_add(report, NEEDED, "VT-x controls", ANSWER_NO,
                   "no %s; use a newer processor, or let the hypervisor show it (KVM: -cpu host)",
                   needed[i].name);
        return;
    }
    report_add(report, NEEDED, "VT-x controls", ANSWER_YES,
               "unrestricted guest and VPID are listed; %s", "root sees the rest");
}

void vtx_report(struct report *report, const struct vtx_seen *seen)
{
    struct vmx_capability capability = {0};
    add_switch(report, seen);
    if (msr_read(MSR_VMX_BASIC, &capability.basic)) {
        vmx_read(read_or_zero, &capability);
        add_ept(report, vmx_may_set(capability.cpu2, VMX_CPU2_EPT));
        add_controls(report, &capability);
    } else if (seen->flags[0] != '\0') {
        add_ept(report, text_has_word(seen->flags, "ept"));
        add_controls_listed(report, seen->flags);
    } else {
        report_add(report, NEEDED, "nested paging", ANSWER_UNKNOWN, "%s", PROBE_AS_ROOT);
        report_add(report, NEEDED, "VT-x controls", ANSWER_UNKNOWN, "%s", PROBE_AS_ROOT);
    }
}
