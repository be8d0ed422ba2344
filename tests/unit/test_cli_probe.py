#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`mullion probe` on constructed machines, and the configurations that it prints for them."""

import os
import re
import unittest

import probe_machines as machines
from probe_machines import MACHINES, epyc, plant, without
from probed import Probed, ProbeTest, check_config, run

KIB = 1 << 10


class Probe(ProbeTest):
    def expect(self, machine, label, answer, text):
        probed = self.probe(machine)
        self.assertEqual(probed.items[label][0], answer, probed.items[label])
        self.assertIn(text, probed.items[label][1])
        return probed

    def test_all_is_well(self):
        probed = self.probe(epyc())
        self.assertEqual((probed.status, probed.verdict), (0, "this machine can run Mullion"))
        self.assertEqual(len(probed.items), 17)
        self.assertEqual(probed.answers("no") | probed.answers("unknown"), set())
        self.assertEqual(probed.items["processor"][1], "AuthenticAMD, AMD EPYC 7763 64-Core")
        self.assertEqual(probed.items["cores"][1], "16")
        self.assertEqual(probed.items["memory"][1], "65024M")
        self.assertIn("ivhd0", probed.items["IOMMU"][1])

    def test_switched_off(self):
        probed = self.expect(machines.svm_off(), "SVM switched on", "no", "locked it; set \"SVM Mode")
        self.assertEqual((probed.status, probed.verdict),
                         (1, "this machine cannot run Mullion: 1 thing to change"))
        self.expect(epyc(vm_cr=0x10), "SVM switched on", "no", "switched SVM off; set")
        self.expect(epyc(vm_cr=0x08), "SVM switched on", "yes", "SVMDIS is 0")

    def test_without_root(self):
        self.expect(machines.svm_off_for_users(), "SVM switched on", "no", "kernel found SVM")
        blind = without(epyc(), "/msr")
        probed = self.expect(blind, "SVM switched on", "unknown", "modprobe msr")
        self.assertEqual((probed.status, probed.verdict),
                         (0, "this machine can run Mullion, but 1 thing could not be seen"))
        used = {**blind, "/sys/module/kvm_amd/initstate": "live\n"}
        self.expect(used, "SVM switched on", "yes", "kvm_amd")
        self.expect({**blind, "/sys/module/kvm_amd/initstate": "going\n"}, "SVM switched on",
                    "unknown", "")

    def test_intel(self):
        probed = self.expect(machines.intel(), "Intel VT-x", "yes", "")
        self.assertEqual((probed.status, probed.verdict), (0, "this machine can run Mullion"))
        self.assertEqual(probed.items["VT-x switched on"][0], "yes")
        self.assertEqual(probed.items["nested paging"], ("yes", "EPT"))
        self.assertIn("unrestricted guest, VPID", probed.items["VT-x controls"][1])
        self.assertNotIn("AMD SVM", probed.items)
        off = self.expect(machines.intel(control=1), "VT-x switched on", "no",
                          "\"Intel Virtualization Technology\" to enabled")
        self.assertEqual((off.status, off.verdict),
                         (1, "this machine cannot run Mullion: 1 thing to change"))
        self.expect(machines.intel(control=0), "VT-x switched on", "yes", "not locked")
        self.expect(machines.intel(leaf1=machines.X2APIC), "Intel VT-x", "no",
                    "\"Intel Virtualization Technology\" on")
        self.expect(machines.intel(leaf1=machines.VMX), "x2APIC", "no", "Local APIC Mode")
        nested = machines.intel(leaf1=machines.X2APIC)
        nested["/cpuid"] = machines.cpuid_text("GenuineIntel", machines.X2APIC | machines.HYPERVISOR,
                                               hypervisor="KVMKVMKVM\0\0\0")
        probed = self.expect(nested, "Intel VT-x", "no", "kvm_intel nested=1")
        self.assertIn("nest VT-x", probed.items["bare hardware"][1])

    def test_intel_lacks(self):
        """The monitor's own words for what VT-x cannot do."""
        for bit, lack in ((machines.UNRESTRICTED, "no unrestricted guest"),
                          (machines.VPID, "no VPID"), (machines.EPT, "no EPT")):
            lacking = machines.intel(controls2=machines.VMX_CONTROLS2 & ~bit)
            probed = self.expect(lacking, "VT-x controls", "no", lack)
            self.assertEqual(probed.status, 1)
        self.assertEqual(probed.items["nested paging"][0], "no")

    def test_intel_without_root(self):
        blind = without(machines.intel(), "/msr")
        probed = self.expect(blind, "nested paging", "unknown", "modprobe")
        self.assertEqual(probed.items["VT-x controls"][0], "unknown")
        flags = "vnmi mtf tsc_offset ept vpid unrestricted_guest"
        text = "flags : lm vmx\nvmx flags : {}\n"
        blind["/proc/cpuinfo"] = text.format(flags)
        probed = self.expect(blind, "nested paging", "yes", "EPT")
        self.assertEqual(probed.items["VT-x controls"][0], "yes")
        for flag, lack in (("vpid", "VPID"), ("unrestricted_guest", "unrestricted guest"),
                           ("vnmi", "virtual NMIs"), ("mtf", "monitor trap flag")):
            blind["/proc/cpuinfo"] = text.format(flags.replace(flag, ""))
            self.expect(blind, "VT-x controls", "no", lack)
        blind["/proc/cpuinfo"] = text.format(flags.replace("ept", ""))
        self.expect(blind, "nested paging", "no", "no EPT")
        used = {**blind, "/sys/module/kvm_intel/initstate": "live\n"}
        self.expect(used, "VT-x switched on", "yes", "kvm_intel")
        blind["/proc/cpuinfo"] = "flags : lm\n"
        self.expect(blind, "VT-x switched on", "no", "firmware")

    def test_processor_lacks(self):
        self.expect(epyc(leaf1=0), "x2APIC", "no", "Local APIC Mode")
        lacks = {**epyc(), "/cpuid": machines.cpuid_text("AuthenticAMD", machines.X2APIC, 0)}
        probed = self.expect(lacks, "AMD SVM", "no", "\"SVM Mode\" on")
        self.assertEqual(probed.answers("unknown"), {"nested paging"})
        lacks["/cpuid"] = machines.cpuid_text("AuthenticAMD", machines.X2APIC, machines.SVM)
        self.expect(lacks, "nested paging", "no", "NPT")

    def test_without_cpuid(self):
        """/proc/cpuinfo alone, as a copy by hand has it."""
        probed = self.probe(without(epyc(), "/cpuid"))
        self.assertEqual(probed.answers("no") | probed.answers("unknown"), set())
        probed = self.probe(without(epyc(), "/cpuid", "/proc/cpuinfo"))
        self.assertEqual(probed.answers("unknown"), {"processor", "AMD SVM", "x2APIC",
                                                     "nested paging", "invariant TSC",
                                                     "bare hardware"})

    def test_topology(self):
        probed = self.expect(MACHINES["two nodes"], "NUMA nodes", "yes",
                             "node 0: 64 cores, 256G; node 1: 64 cores, 256G")
        self.assertIn("2 threads a core", probed.items["SMT"][1])
        self.assertEqual(re.findall(r"cpus (\d+)", probed.config), ["8", "56", "64"])
        wrong = {**MACHINES["uefi"], **machines.topology(8, 2, 2, 16 << 30)}
        wrong[f"{machines.NODE}/node1/meminfo"] = "Node 1 MemTotal: 99999999 kB\n"
        self.expect(wrong, "NUMA nodes", "unknown", "one node")
        wrong[f"{machines.NODE}/node1/meminfo"] = "Node 1 MemTotal: 99999 kB\n"
        self.expect(wrong, "NUMA nodes", "yes", "node 1: 4 cores")
        self.expect(MACHINES["single core"], "cores", "no", "2 or more")
        self.expect({**epyc(), f"{machines.CPU}/present": "0-511\n"}, "cores", "yes",
                    "512, of which Mullion takes 256")
        self.expect(epyc(memory=1 << 28), "memory", "no", "1G or more")
        self.expect(epyc(threads=1), "SMT", "no", "nothing to change")
        blind = {p: t for p, t in epyc(cores=3, threads=1).items() if "/devices/system/" not in p}
        probed = self.expect(blind, "NUMA nodes", "unknown", "one node")
        self.assertEqual(probed.items["cores"], ("yes", "3"))

    def test_firmware(self):
        self.expect(machines.uefi(False), "Secure Boot off", "yes", "not signed")
        probed = self.expect(machines.uefi(True), "Secure Boot off", "no", "not signed; switch")
        self.assertEqual(probed.status, 1)
        self.assertIn("UEFI", probed.items["firmware"][1])
        hidden = without(machines.uefi(True), machines.SECURE_BOOT)
        hidden["/sys/firmware/efi/fw_platform_size"] = "64\n"
        self.expect(hidden, "Secure Boot off", "unknown", "efivarfs")
        self.expect({**hidden, machines.SECURE_BOOT: b"\6\0\0"}, "Secure Boot off", "unknown", "")
        self.expect(without(epyc(), "/sys/firmware/acpi/tables/APIC"), "ACPI", "no", "MADT")

    def test_boot_loader(self):
        none = without(epyc(), "/boot/grub/i386-pc/multiboot2.mod")
        probed = self.expect(none, "GRUB 2", "no", "grub-pc-bin")
        self.assertEqual(probed.status, 1)
        other = {**none, "/usr/lib/grub/x86_64-efi/multiboot2.mod": "for UEFI"}
        self.expect(other, "GRUB 2", "no", "i386-pc")
        self.expect({**other, "/sys/firmware/efi/x": ""}, "GRUB 2", "yes", "x86_64-efi")

    def test_log_port(self):
        self.expect(machines.no_com2(), "log port", "no", "Serial Port 2")
        hidden = without(epyc(), "/sys/class/tty/ttyS1/port")
        self.expect(hidden, "log port", "unknown", "root")
        hidden["/sys/bus/pnp/devices/00:04/resources"] = "state = active\nio 0x2f8-0x2ff\nirq 3\n"
        self.expect(hidden, "log port", "yes", "COM2")
        line = "1: uart:{} port:000002F8 irq:3\n"
        driver = "/proc/tty/driver/serial"
        self.expect({**hidden, driver: line.format("unknown")}, "log port", "no", "COM2")
        self.expect({**hidden, driver: line.format("16550A")}, "log port", "yes", "COM2")

    def test_iommu(self):
        named = without(epyc(), "/sys/class/iommu/ivhd0/name")
        self.expect(named, "IOMMU", "yes", "named by the firmware")
        self.expect(without(named, "/sys/firmware/acpi/tables/IVRS"), "IOMMU", "no", "set-up")

    def test_hypervisor(self):
        self.expect(MACHINES["kvm"], "bare hardware", "no", "(KVMKVMKVM)")
        probed = self.expect(MACHINES["mullion"], "bare hardware", "no", "Mullion runs already")
        self.assertIn("VM of Mullion", probed.items["AMD SVM"][1])
        self.assertEqual(probed.status, 1)

    def test_configurations(self):
        """Each is accepted for the machine that it was printed for, and fills it."""
        for name, machine in MACHINES.items():
            with self.subTest(name):
                config = self.probe(machine).config
                cores = min(int(machine[f"{machines.CPU}/present"].split("-")[-1]) + 1, 256)
                memory = int(re.search(r"MemTotal: +(\d+)", machine["/proc/meminfo"])[1])
                status, out, err = check_config(config, "--cpus", str(cores),
                                                "--memory", f"{memory}K")
                self.assertEqual((status, err), (0, ""), config)
                given = [int(n) for n in re.findall(r": (\d+) cores? \(", out)]
                self.assertLessEqual(cores - sum(given), 1 if "threads" not in name else 0)
                sizes = re.findall(r"memory (\d+)([MG])", out)
                total = sum(int(n) << (20 if unit == "M" else 30) for n, unit in sizes)
                self.assertLessEqual(0.6 * memory * KIB, total + 96 * (1 << 20), out)
                self.assertLessEqual(total, memory * KIB * 15 // 16 - 64 * (1 << 20), out)
                self.assertEqual(run("probe", "--config", "--root", self.folder)[1], config)

    def test_configuration_text(self):
        machine = {**epyc(), "/proc/cmdline": f"BOOT_IMAGE=/vmlinuz-{machines.KERNEL} root=/dev/sda1"
                                              ' initrd=\\x dyndbg="file a +p; b" back\\slash\n'}
        config = self.probe(machine).config
        self.assertIn('cmdline "root=/dev/sda1 dyndbg=\\"file a +p; b\\" back\\\\slash"\n', config)
        self.assertEqual(config.count(f"kernel vmlinuz-{machines.KERNEL}\n"), 2)
        self.assertEqual(config.count(f"initrd initrd.img-{machines.KERNEL}\n"), 2)
        self.assertNotIn("was found", config)
        self.assertIn("poweroff service\n", config)
        bare = without(epyc(), f"/boot/vmlinuz-{machines.KERNEL}",
                       f"/boot/initrd.img-{machines.KERNEL}")
        config = self.probe(bare).config
        self.assertIn("# No /boot/vmlinuz-*", config)
        self.assertEqual(check_config(config)[0], 0)
        config = self.probe({**bare, f"/boot/initramfs-{machines.KERNEL}.img": "x"}).config
        self.assertIn(f"initrd initramfs-{machines.KERNEL}.img\n", config)
        self.assertIn("allow-smt-sharing", self.probe(MACHINES["one core, two threads"]).config)
        long = {**epyc(), "/proc/cmdline": " ".join(f"word{i}=abcdefgh" for i in range(400))}
        config = self.probe(long).config
        self.assertIn("# Words that exceed 2047", config)
        self.assertEqual(check_config(config)[0], 0)

    def test_modules_take_memory(self):
        def given(initrd_size):
            plant(self.folder, epyc(cores=4, threads=1, memory=4 << 30))
            os.truncate(f"{self.folder}/boot/initrd.img-{machines.KERNEL}", initrd_size)
            config = run("probe", "--config", "--root", self.folder)[1]
            return sum(int(n) for n in re.findall(r"memory (\d+)M", config))
        self.assertLessEqual(given(1 << 30), given(1 << 20) - 900)

    def test_config_alone(self):
        plant(self.folder, machines.svm_off())
        status, out, err = run("probe", "--config", "--root", self.folder)
        self.assertEqual(status, 1)
        self.assertTrue(out.startswith("# Written by"))
        self.assertIn("cannot run Mullion yet", err)

    def test_this_machine(self):
        """Whatever it is: the report is whole, and its configuration good."""
        status, out, err = run("probe")
        self.assertIn(status, (0, 1))
        self.assertEqual(err, "")
        self.assertEqual(check_config(Probed(status, out).config)[0], 0)

    def test_usage(self):
        for args, text in ((("probe", "x"), "this is too much: x"),
                           (("probe", "--conf"), "there is no option: --conf"),
                           (("probe", "--root"), "a value is missing behind: --root")):
            status, out, err = run(*args)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(text, err)


if __name__ == "__main__":
    unittest.main()
