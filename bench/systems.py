# SPDX-License-Identifier: Apache-2.0
# The systems under test: the same kernel, initramfs, cores and memory, each started by QEMU.

import os

import figures
from mullion_host.machine import TCG_CPU, Machine, Vm

CORES, MEMORY = 2, 512  # of the measured kernel; MiB
ENTRY_64 = 0x200        # of a bzImage's code: where 64-bit boot loaders enter
LINUX_DIRECT = 0xffff888000000000  # where Linux maps physical 0, without address randomization


def kernel_pattern(image):
    """The first code that a bzImage executes in 64-bit mode, as hexadecimal digits."""
    with open(image, "rb") as file:
        data = file.read()
    code = (data[0x1f1] + 1) * 512 + ENTRY_64  # behind the set-up sectors
    return data[code:code + 24].hex()


class System:
    """One system: what Session asks of a machine, and what the plugin is told."""

    name = title = kind = what = ""
    direct, cores = 0, CORES
    done = "MULLION-BENCH done"  # on the console of the VM that measures: the end is near

    def __init__(self, build, seconds, loads=""):
        self.build = build
        self.directory = os.path.join("bench", self.name)
        words = f"nokaslr mullion.seconds={seconds}" + (f" mullion.loads={loads}" if loads else "")
        self.vm = Vm("guest", CORES, MEMORY, "bench", words=words, service=True)
        self.vms = [self.vm]

    def path(self, name):
        """A file that the build made."""
        return os.path.join(self.build, name)

    def run_path(self, name):
        """A file of this run."""
        return os.path.join(self.build, self.directory, name)

    def write_configuration(self):
        """Makes what the system needs before it starts."""
        os.makedirs(self.run_path(""), exist_ok=True)

    def patterns(self):
        """Places where the plugin notes the counts: {id: code}."""
        return {3: kernel_pattern(self.path("guests/vmlinuz-6.1"))}

    def plugin(self):
        """QEMU's words for the plugin."""
        words = [self.path("bench/count.so"), f"kind={self.kind}", f"direct={self.direct:#x}",
                 "out=" + self.run_path("counts")]
        words += [f"pattern={number}:{code}" for number, code in self.patterns().items()]
        return ["-plugin", ",".join(words)]

    def emulator(self, memory):
        """QEMU's words that are the same for all systems."""
        return [self.path("host/qemu-system-x86_64"), "-accel", "tcg,thread=multi",
                "-cpu", TCG_CPU, "-machine", "q35", "-smp", str(self.cores), "-m", f"{memory}M",
                "-display", "none", "-nodefaults", "-no-reboot", *self.plugin()]

    def command(self, console_fd, log_fd, monitor_fd=None):
        """QEMU's command line; COM1 and COM2 are connected sockets that QEMU inherits."""
        assert monitor_fd is None
        ports = ["-chardev", f"socket,id=console,fd={console_fd}", "-serial", "chardev:console",
                 "-chardev", f"socket,id=log,fd={log_fd}", "-serial", "chardev:log"]
        return [*self.emulator(self.memory()), *ports, *self.loader()]

    def memory(self):
        """MiB of the emulated machine."""
        return MEMORY

    def loader(self):
        """QEMU's words for what it loads."""
        raise NotImplementedError

    def figures(self, result):
        """What goes into results.json."""
        return figures.system_figures(result)

    def notes(self):
        """What does not apply to it, or was tried and did not work."""
        return []


class Bare(System):
    """The kernel on the emulated machine itself."""

    name, title, kind = "bare", "bare", "bare"
    what = "the kernel alone on the emulated machine; nothing is outside of it."

    def loader(self):
        return ["-kernel", self.path("guests/vmlinuz-6.1"),
                "-initrd", self.path("guests/initrd.img"), "-append", self.vm.cmdline()]


class Mullion(System):
    """The kernel in a VM of Mullion, one that is not the service VM."""

    name, title, kind = "mullion", "Mullion", "svm"
    what = "the kernel in a VM that has no devices but its console."

    def __init__(self, *options):
        super().__init__(*options)
        self.vm.service = False
        self.machine = Machine(self.build, self.vms, directory=self.directory)

    def write_configuration(self):
        self.machine.write_configuration()

    def patterns(self):
        with open(self.path("mullion64.elf"), "rb") as image:
            entry = symbol_code(image.read(), b"entry_multiboot")
        return {**super().patterns(), 4: entry}

    def memory(self):
        return MEMORY + 256

    def loader(self):
        words = self.machine.command(0, 0)
        start = words.index("-kernel")
        return words[start:start + 4]


def symbol_code(elf, name, size=24):
    """The code at a symbol of a 64-bit ELF file that is not stripped, as hexadecimal digits."""
    def word(at, length):
        return int.from_bytes(elf[at:at + length], "little")

    sections = [word(0x28, 8) + i * word(0x3a, 2) for i in range(word(0x3c, 2))]
    for table in (s for s in sections if word(s + 4, 4) == 2):  # SHT_SYMTAB
        names = word(sections[word(table + 40, 4)] + 24, 8)
        for at in range(word(table + 24, 8), word(table + 24, 8) + word(table + 32, 8), 24):
            text = names + word(at, 4)
            if elf[text:text + len(name) + 1] == name + b"\0":
                section = sections[word(at + 6, 2)]
                code = word(at + 8, 8) - word(section + 16, 8) + word(section + 24, 8)
                return elf[code:code + size].hex()
    raise LookupError(name)
