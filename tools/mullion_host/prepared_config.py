# SPDX-License-Identifier: Apache-2.0
# Configurations of prepared Linux: a small one that boots on every ground, and a hardened one.

from .small_kernel import SWITCHED_ON, VALUES

# The small kernel's list, less what is chosen anew here.
REPLACED = {"IO_DELAY_NONE", "KERNEL_LZ4", "HZ_PERIODIC"}
SMALL = [name for name in SWITCHED_ON if name not in REPLACED] + """
    KERNEL_GZIP NO_HZ_IDLE MODULES MODULE_UNLOAD INPUT DEVTMPFS_MOUNT IO_DELAY_0X80
    XEN XEN_PVH XEN_PVHVM XEN_PVHVM_GUEST HVC_XEN HVC_XEN_FRONTEND
""".split()
# Modules that execute sensitive instructions, and one that the first needs.
MODULES = ["X86_MSR", "X86_CPUID", "PARPORT", "PARPORT_PC"]

# What rewrites, checks, copies or hides kernel code: if padding disturbed something, it would be here.
HARDENED = [name for name in SMALL if name not in
            {"UNWINDER_FRAME_POINTER", "INIT_STACK_NONE", "HZ_100"}] + """
    HZ_250 RANDOMIZE_KSTACK_OFFSET UNWINDER_ORC X86_KERNEL_IBT STACKPROTECTOR STACKPROTECTOR_STRONG VMAP_STACK INIT_STACK_ALL_ZERO
    FORTIFY_SOURCE HARDENED_USERCOPY SLAB_FREELIST_RANDOM SLAB_FREELIST_HARDENED
    RANDOMIZE_BASE RANDOMIZE_MEMORY RANDOMIZE_KSTACK_OFFSET_DEFAULT JUMP_LABEL
    FTRACE FUNCTION_TRACER DYNAMIC_FTRACE KPROBES PERF_EVENTS BPF_SYSCALL BPF_JIT
    VIRTUALIZATION SUSPEND HIBERNATION SWAP BLOCK KEXEC MICROCODE MTRR X86_MCE X86_MCE_AMD X86_MCE_INTEL
    EFI IA32_EMULATION X86_16BIT MODIFY_LDT_SYSCALL SECCOMP TRANSPARENT_HUGEPAGE NUMA CPUSETS CGROUPS
    X86_UMIP X86_INTEL_MEMORY_PROTECTION_KEYS
""".split()
HARDENED_MODULES = MODULES + ["KVM", "KVM_INTEL", "KVM_AMD"]

# Mitigations have other names in each series.
OWN = {
    "6.1": {"on": "AMD_MEM_ENCRYPT CPU_MITIGATIONS RETPOLINE SLS PAGE_TABLE_ISOLATION CPU_UNRET_ENTRY RETHUNK".split(), "off": set()},
    "6.12": {"on": ["CPU_MITIGATIONS"] + ["MITIGATION_" + name for name in """RETPOLINE SLS PAGE_TABLE_ISOLATION RETHUNK
                    UNRET_ENTRY""".split()],
             "off": {"EMBEDDED", "SLUB", "MICROCODE"}},
}


def wanted(series, hardened):
    """The lines of the configuration that are asked for."""
    on, modules = (HARDENED, HARDENED_MODULES) if hardened else (SMALL, MODULES)
    if hardened:
        on = on + OWN[series]["on"]
    return ([f"CONFIG_{name}=y" for name in on if name not in OWN[series]["off"]]
            + [f"CONFIG_{name}=m" for name in modules]
            + [f"CONFIG_{name}={value}" for name, value in VALUES.items()])
