# SPDX-License-Identifier: Apache-2.0
# Live changes and events of the monitor on paper: texts that it compares, and no more.

import re

# What a line of a block begins with that is about controls.
CONTROL = (r"(port|msr|exception|hlt|pause|monitor|mwait|rdtscp?|rdpmc|invlpg|wbinvd|invd|cpuid|cr0|cr3|cr4|dr|"
           r"descriptor-tables|xsetbv|software-interrupts|pause-filter|tsc-offset|unlisted) ")


class Refused(Exception):
    """What an `error` answer says."""


class Live:
    """A part of Monitor."""

    def reset_live(self):
        self.generation = 1
        self.meanwhile = {}  # a request's first word -> what happens just before it, once
        self.cores = [2, 2]  # of settle: how many there are, and have taken it, look for look
        self.refused = []  # of settle: VMs whose processor has refused the change
        self.memory_now = []  # of settle: web's memory and who drives it, look for look
        self.batch = 500     # the most events in one answer

    def do_version(self):
        return f"version monitor 0.1.0 protocol 1 generation {self.generation}\n"

    def change(self, vm, block):
        """The controls of a VM that is there, as in the block's text; a record for each change."""
        lines = [" ".join(line.split()) for line in re.split(r"[\n;{}]", block)]
        memory = [line.split()[1] for line in lines if line.startswith("memory ")][-1:]
        out = ""
        if vm.most and memory and int(memory[0][:-1]) << 20 != vm.memory:
            out = f"changed vm {vm.name} what memory old {vm.memory >> 20}M new {memory[0]}\n"
            vm.memory = int(memory[0][:-1]) << 20
        lines = [line for line in lines if re.match(CONTROL, line)]
        old, new = (dict(line.rsplit(" ", 1) for line in which) for which in (vm.controls, lines))
        vm.controls = lines
        return out + "".join(f"changed vm {vm.name} what {key.replace(' ', '-')} "
                             f"old {old.get(key, 'none')} new {new.get(key, 'none')}\n"
                             for key in {**old, **new} if old.get(key) != new.get(key))

    def do_apply(self, generation=None, *, body):
        if generation not in (None, str(self.generation)):
            raise Refused(f"this is configuration {self.generation}; read it again")
        text = body.decode("ascii")
        blocks = {re.search(r"(?:vm|service) ([\w-]+)", block)[1]: block
                  for block in re.findall(r"(?:vm|service) [^}]*}", text)}
        out = ""
        for vm in list(self.vms):
            if vm.name not in blocks:
                self.do_destroy(vm.name)
                out += f"destroyed name {vm.name}\n"
            else:
                out += self.change(vm, blocks[vm.name])
        have = {vm.name for vm in self.vms}
        out += "".join(self.make(block) for name, block in blocks.items() if name not in have)
        self.generation += 1 if out else 0
        return out

    def do_settle(self):
        taken = self.cores.pop(1) if len(self.cores) > 2 else self.cores[1]
        memory = ""
        if self.memory_now:
            now, driver = self.memory_now.pop(0) if len(self.memory_now) > 1 else self.memory_now[0]
            memory = (f"memory vm web asked {self.vm('web').memory} now {now << 20} "
                      f"driver {driver}\n")
        memory += "".join(f"refused vm {name}\n" for name in self.refused)
        return (f"{memory}settle generation {self.generation} cores {self.cores[0]} taken {taken} "
                f"ticks {12345 if taken == self.cores[0] else 0}\n")

    def do_audit(self, name):
        vm = self.vm(name)
        return (f"audit vm {name} unlisted {vm.unlisted} lost {vm.lost}\n" +
                "".join(f"access vm {name} kind {kind} first {first:#x} last {last:#x} "
                        f"direction {direction} count {count} answer any line {line}\n"
                        for kind, first, last, direction, count, line in vm.accesses))

    def do_trace(self, name, start):
        vm = self.vm(name)
        first = max(int(start), vm.oldest)
        last = min(first + self.batch, len(vm.events))
        out = [f"events from {first} to {last} lost {first - int(start)}\n"]
        out += [f"event number {i} tsc {1000 + i} cpu 2 rip {vm.events[i][1]:#x} "
                f"what {vm.events[i][0]} operand 0x70\n" for i in range(first, last)]
        return "".join(out)
