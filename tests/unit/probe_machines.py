# SPDX-License-Identifier: Apache-2.0
# Constructed machines for the tests of `mullion probe`: {path: text or bytes} of a copied tree.

import os

KERNEL = "6.1.0-18-amd64"
MSR_VM_CR, MSR_FEATURE_CONTROL = 0xc0010114, 0x3a
# Those of a Core i7-5600U (Broadwell) as tests/unit/test_vmx_capability.c has them.
VMX_CONTROLS2 = 0x57cff00000000
VMX_MSRS = {0x480: 0xda040000000012, 0x485: 0x300481e5, 0x486: 0x80000021, 0x487: 0xffffffff,
            0x488: 0x2000, 0x489: 0x3767ff, 0x48b: VMX_CONTROLS2, 0x48c: 0xf0106334141,
            0x48d: 0x7f00000016, 0x48e: 0xfff9fffe04006172, 0x48f: 0x7fffff00036dfb,
            0x490: 0xffff000011fb}
EPT, VPID, UNRESTRICTED = 1 << 33, 1 << 37, 1 << 39  # of VMX_CONTROLS2
X2APIC, VMX, HYPERVISOR = 1 << 21, 1 << 5, 1 << 31
SVM, LONG_MODE, INVARIANT = 1 << 2, 1 << 29, 1 << 8
SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
CPU = "/sys/devices/system/cpu"
NODE = "/sys/devices/system/node"


def name_words(text):
    """Twelve characters as three registers."""
    data = text.encode()
    return [int.from_bytes(data[i:i + 4], "little") for i in (0, 4, 8)]


def cpuid_text(vendor, leaf1=0, ext1=0, nested=0, hypervisor=None):
    """Lines as `cpuid -1 -r` prints them."""
    b, d, c = name_words(vendor)
    leaves = {0: (0x10, b, c, d), 1: (0, 0, leaf1, 0), 0x80000000: (0x8000001f, 0, 0, 0),
              0x80000001: (0, 0, ext1, LONG_MODE), 0x80000007: (0, 0, 0, INVARIANT),
              0x8000000a: (1, 0x8000, 0, nested)}
    if hypervisor:
        leaves[0x40000000] = (0x40000000, *name_words(hypervisor))
    lines = [f"   0x{leaf:08x} 0x00: eax=0x{a:08x} ebx=0x{b:08x} ecx=0x{c:08x} edx=0x{d:08x}\n"
             for leaf, (a, b, c, d) in leaves.items()]
    return "CPU:\n" + "".join(lines)


def cpuinfo_text(vendor, model, flags, cores):
    """One block for each core."""
    return "".join(f"processor\t: {i}\nvendor_id\t: {vendor}\nmodel name\t: {model}\n"
                   f"flags\t\t: {flags}\n\n" for i in range(cores))


def topology(cores, threads, nodes, memory):
    """Cores are numbered as on most machines: first all first threads, then all second ones."""
    real = cores // threads
    files = {f"{CPU}/present": f"0-{cores - 1}\n" if cores > 1 else "0\n",
             f"{NODE}/online": f"0-{nodes - 1}\n" if nodes > 1 else "0\n",
             "/proc/meminfo": f"MemTotal:       {memory >> 10} kB\nMemFree: 1 kB\n"}
    for cpu in range(cores):
        siblings = ",".join(str(cpu % real + i * real) for i in range(threads))
        files[f"{CPU}/cpu{cpu}/topology/thread_siblings_list"] = siblings + "\n"
    each = real // nodes
    for node in range(nodes):
        parts = [f"{node * each + i * real}-{(node + 1) * each - 1 + i * real}"
                 for i in range(threads)]
        files[f"{NODE}/node{node}/cpulist"] = ",".join(parts) + "\n"
        files[f"{NODE}/node{node}/meminfo"] = (f"Node {node} MemTotal:       "
                                               f"{(memory >> 10) // nodes} kB\n")
    return files


def epyc(cores=16, threads=2, nodes=1, memory=(64 << 30) - (1 << 29), leaf1=X2APIC, vm_cr=0):
    """A server with all that is asked for."""
    flags = "fpu lm svm npt x2apic nonstop_tsc"
    return {
        "/cpuid": cpuid_text("AuthenticAMD", leaf1, SVM, 1),
        "/msr": f"0x{MSR_VM_CR:x} 0x{vm_cr:x}\n",
        "/proc/cpuinfo": cpuinfo_text("AuthenticAMD", "AMD EPYC 7763 64-Core", flags, cores),
        **topology(cores, threads, nodes, memory),
        "/proc/cmdline": f"BOOT_IMAGE=/vmlinuz-{KERNEL} root=UUID=1234-abcd ro quiet\n",
        "/proc/sys/kernel/osrelease": KERNEL + "\n",
        f"/boot/vmlinuz-{KERNEL}": "kernel", f"/boot/initrd.img-{KERNEL}": "initrd",
        "/boot/grub/i386-pc/multiboot2.mod": "module",
        "/sys/firmware/acpi/tables/APIC": "", "/sys/firmware/acpi/tables/IVRS": "",
        "/sys/class/iommu/ivhd0/name": "", "/sys/class/tty/ttyS1/port": "0x2F8\n",
        "/sys/class/tty/ttyS1/type": "4\n",
    }


def without(machine, *paths):
    """The machine without these files."""
    return {path: text for path, text in machine.items() if path not in paths}


def svm_off():
    """The firmware has switched SVM off and locked it."""
    return epyc(vm_cr=0x18)


def svm_off_for_users():
    """The same, seen without root: a kernel that knows clears the flag."""
    machine = without(epyc(), "/msr")
    machine["/proc/cpuinfo"] = machine["/proc/cpuinfo"].replace(" svm", "")
    return machine


def intel(control=5, controls2=VMX_CONTROLS2, leaf1=X2APIC | VMX):
    """VT-x with EPT."""
    flags = "fpu lm vmx x2apic nonstop_tsc"
    msrs = {MSR_FEATURE_CONTROL: control, **VMX_MSRS, 0x48b: controls2}
    return {
        **epyc(cores=8, memory=16 << 30),
        "/cpuid": cpuid_text("GenuineIntel", leaf1),
        "/msr": "".join(f"0x{number:x} 0x{value:x}\n" for number, value in msrs.items()),
        "/proc/cpuinfo": cpuinfo_text("GenuineIntel", "Xeon", flags, 8),
    }


def uefi(secure_boot):
    """UEFI, with Secure Boot on or off."""
    machine = without(epyc(cores=8, memory=16 << 30), "/boot/grub/i386-pc/multiboot2.mod")
    machine["/usr/lib/grub/x86_64-efi/multiboot2.mod"] = "module"
    machine[SECURE_BOOT] = bytes([6, 0, 0, 0, 1 if secure_boot else 0])
    return machine


def no_com2():
    """The kernel finds no UART at 2F8h."""
    return {**epyc(), "/sys/class/tty/ttyS1/type": "0\n"}


def in_hypervisor(signature, svm):
    """A VM of another hypervisor."""
    return {**epyc(cores=4, threads=1, memory=8 << 30),
            "/cpuid": cpuid_text("AuthenticAMD", X2APIC | HYPERVISOR, SVM if svm else 0,
                                 1 if svm else 0, signature)}


MACHINES = {
    "epyc": epyc(),
    "svm off": svm_off(),
    "svm off, seen without root": svm_off_for_users(),
    "intel": intel(),
    "intel, switched off": intel(control=1),
    "intel, no unrestricted guest": intel(controls2=VMX_CONTROLS2 & ~UNRESTRICTED),
    "no x2apic": epyc(cores=16, leaf1=0),
    "two nodes": epyc(cores=128, nodes=2, memory=512 << 30),
    "eight nodes": epyc(cores=256, nodes=8, memory=2 << 40),
    "single core": epyc(cores=1, threads=1, memory=2 << 30),
    "one core, two threads": epyc(cores=2, memory=4 << 30),
    "two cores, little memory": epyc(cores=2, threads=1, memory=1 << 30),
    "odd": epyc(cores=6, threads=1, memory=5 << 30),
    "no com2": no_com2(),
    "uefi": uefi(False),
    "uefi, secure boot": uefi(True),
    "kvm": in_hypervisor("KVMKVMKVM\0\0\0", True),
    "mullion": in_hypervisor("MullionMulli", False),
}


def plant(folder, machine):
    """Write the files of a machine below FOLDER."""
    for path, text in machine.items():
        full = folder + path
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
