# SPDX-License-Identifier: Apache-2.0
# A monitor that is none: the control protocol on a UNIX socket, with a machine that exists on paper.

import re
import socketserver
import threading

from mock_live import Live, Refused

MIB = 1 << 20
GIB = 1 << 30
BLOCK = 128 * MIB


class Vm:
    def __init__(self, name, slot, cpus, memory, **more):
        self.name, self.slot, self.cpus, self.memory = name, slot, cpus, memory
        self.state, self.starts, self.kernel = "off", 0, "vmlinuz"
        self.service, self.network, self.block = False, "", ""
        self.console, self.typed, self.fails = b"", b"", False
        self.most = 0       # MiB: memory-most
        self.controls = []  # lines of the block: controls, for which this machine has no meaning
        self.events, self.oldest = [], 0  # (what, rip); those before number OLDEST are gone
        self.unlisted, self.lost = "deny", 0
        self.accesses = []  # (kind, first, last, direction, count, line)
        self.__dict__.update(more)

    def record(self):
        network = f" network {self.network or 'none'}"
        return (f"vm name {self.name} slot {self.slot} state {self.state} "
                f"cpus {','.join(map(str, self.cpus))} memory {self.memory} node 0 "
                f"starts {self.starts} cid {3 + self.slot}{network} kernel {self.kernel} "
                f'cmdline "console=ttyS0 \\"x y\\"" service {"yes" if self.service else "no"}\n')

    def text(self):
        word = "service" if self.service else "vm"
        network = f"    network {self.network}\n" if self.network else ""
        most = f"    memory-most {self.most}M\n" if self.most else ""
        controls = "".join(f"    {line}\n" for line in self.controls)
        return (f"{word} {self.name} {{\n    cpus {len(self.cpus)}\n"
                f"    memory {self.memory // MIB}M\n    kernel {self.kernel}\n"
                f"{most}{network}{controls}}}\n")


class Monitor(Live):
    """Cores 0 and 1 and 1 GiB are the service VM's, 2 and 3 web's, 4 in the pool with POOL bytes."""

    def __init__(self, path, cpus=8, pool=256 * MIB):
        self.cpus, self.pool = cpus, pool
        self.reset()
        monitor = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while monitor.serve(self):
                    pass

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        self.server = Server(path, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self):
        """As it was at the begin."""
        self.vms = [Vm("host", 0, [0, 1], GIB, state="running", starts=1, service=True),
                    Vm("web", 1, [2, 3], 512 * MIB, state="running", starts=1, network="lan")]
        self.owner = {cpu: "host" if cpu < 2 or cpu > 4 else "web" if cpu < 4 else "pool"
                      for cpu in range(self.cpus)}
        self.memory = {0: [GIB, "host"], 3 * GIB: [self.pool, "pool"], 2 * GIB: [512 * MIB, "web"]}
        self.modules = {"vmlinuz": [8 * MIB, "no"]}
        self.log = b"mullion: hello\nweb: \x1b[31mred\n"
        self.raw = {}        # a request's first word -> what to answer, bytes; closes then
        self.raw_goes_on = False
        self.refuse = {}     # the same -> what an error says
        self.seen = []       # requests
        self.bodies = []
        self.takes_input = 1 << 20
        self.slow_states = {}  # name -> states that `list` shows first, one after the other
        self.coming = []     # what was given, on its way: looks until it is there, and what then
        self.looks = 2
        self.kept = 0        # bytes of the pool that are not for VMs
        self.piece = 20      # the most bytes of a ring in one answer
        self.slots = 2
        self.count = 0
        self.reset_live()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def serve(self, handler):
        """One request; false at the end."""
        line = handler.rfile.readline()
        if not line.endswith(b"\n"):
            return False
        words = line.decode("ascii").split()
        self.seen.append(" ".join(words))
        body = b""
        if words[0] in ("create", "apply", "upload", "input"):
            body = handler.rfile.read(int(words.pop()))
            self.bodies.append(body)
        self.meanwhile.pop(words[0], lambda: None)()
        if words[0] in self.raw:
            handler.wfile.write(self.raw[words[0]])
            return self.raw_goes_on
        try:
            if words[0] in self.refuse:
                raise Refused(self.refuse[words[0]])
            answer = getattr(self, "do_" + words[0])(*words[1:], **({"body": body} if body else {}))
            status = "ok"
        except Refused as reason:
            answer, status = f"{reason}\n", "error"
        data = answer if isinstance(answer, bytes) else answer.encode("ascii")
        handler.wfile.write(f"{status} {len(data)}\n".encode("ascii") + data)
        return True

    def vm(self, name):
        for vm in self.vms:
            if vm.name == name:
                return vm
        raise Refused(f'there is no VM "{name}"; see list')

    def do_list(self):
        self.reap()
        for name, states in self.slow_states.items():
            if states:
                self.vm(name).state = states.pop(0)
        self.vms = [vm for vm in self.vms if vm.state != "gone"]
        return "".join(vm.record() for vm in self.vms)

    def do_show(self, name):
        return self.vm(name).record() + self.vm(name).text()

    def do_config(self):
        return "".join(vm.text() for vm in self.vms)

    def reap(self):
        """Some of what was given may have arrived."""
        for given in self.coming:
            given[0] -= 1
            if given[0] == 0:
                given[1]()
        self.coming = [given for given in self.coming if given[0] > 0]

    def do_machine(self):
        self.reap()
        out = [f"cpu id {cpu} apic {cpu * 2} node 0 core {cpu // 2} owner {owner}\n"
               for cpu, owner in self.owner.items()]
        out += [f"ram base {base:#x} size {size} node 0\n"
                for base, (size, _) in self.memory.items()]
        out += [f"memory base {base:#x} size {size} node 0 owner {owner}\n"
                for base, (size, owner) in self.memory.items() if owner not in ("pool", "nobody")]
        out += [f"module name {name} size {size} uploaded {uploaded}\n"
                for name, (size, uploaded) in self.modules.items()]
        free = [size for size, owner in self.memory.values() if owner == "pool"]
        return "".join(out) + (f"pool memory-free {sum(free) - self.kept} memory-largest "
                               f"{max(free, default=0)}\nmonitor memory 4096 used 77\n")

    def do_stats(self, name=None):
        self.count += 1
        out = [f"exits vm {vm.name} cpu {cpu} reason icr count {100 * self.count + cpu}\n"
               f"denied vm {vm.name} ports 1 msrs 0 memory 0 ipis 0\n"
               f"device vm {vm.name} kind net rx-packets 3 rx-bytes {5000 * self.count} "
               f"tx-packets 2 tx-bytes 7 drops 0 kicks 4 interrupts 5\n"
               for vm in self.vms for cpu in vm.cpus[:1] if name in (None, vm.name)]
        return "".join(out)

    def ring(self, data, start):
        start = min(int(start), len(data))
        data = data[start:start + self.piece]
        return f"ring from {start} to {start + len(data)}\n".encode("ascii") + data

    def do_log(self, start):
        return self.ring(self.log, start)

    def do_console(self, name, start):
        return self.ring(self.vm(name).console, start)

    def do_input(self, name, body):
        vm = self.vm(name)
        taken = body[:self.takes_input]
        vm.typed += taken
        vm.console += taken.replace(b"\r", b"\r\n")  # an echo
        return f"taken {len(taken)}\n"

    def do_upload(self, name, body):
        self.modules[name] = [len(body), "yes"]
        return ""

    def do_forget(self, name):
        if self.modules.pop(name, None) is None:
            raise Refused(f"there is no module {name}")
        return ""

    def do_start(self, name):
        vm = self.vm(name)
        if vm.state != "off":
            raise Refused(f"{name} is {vm.state}; stop it first")
        vm.starts += 1
        vm.state = "failed" if vm.fails else "running"
        return ""

    def do_kill(self, name):
        self.vm(name).state = "off"
        return ""

    do_stop = do_kill

    def do_resume(self, name):
        vm = self.vm(name)
        if vm.state != "paused":
            raise Refused(f"{name} is {vm.state}, not paused")
        vm.state = "running"
        return ""

    def do_reboot(self, name):
        self.do_kill(name)
        return self.do_start(name)

    def do_destroy(self, name):
        vm = self.vm(name)
        self.generation += 1
        vm.state = "destroying"
        self.slow_states[name] = ["destroying", "gone"]
        for cpu in vm.cpus:
            self.owner[cpu] = "pool"
        for place in self.memory.values():
            if place[1] == name:
                place[1] = "pool"
        return ""

    def make(self, block):
        """One VM from the block's text: cores and memory from the pool, which must have them."""
        name = re.search(r"vm ([\w-]+)", block)[1]
        like = re.search(r"like ([\w-]+)", block)
        base = self.vm(like[1]).text() if like else ""
        count, memory = (int((re.findall(word + r" (\d+)", block) or re.findall(word + r" (\d+)", base))[0])
                         for word in ("cpus", "memory"))
        memory *= MIB
        cpus = [cpu for cpu, owner in self.owner.items() if owner == "pool"][:count]
        bases = [base for base, (_, owner) in self.memory.items() if owner == "pool"]
        if len(cpus) < count or sum(self.memory[base][0] for base in bases) < memory:
            raise Refused("the pool has too little; destroy a VM")
        for cpu in cpus:
            self.owner[cpu] = name
        rest = memory
        for base in bases:
            taken = min(rest, self.memory[base][0])
            if 0 < taken < self.memory[base][0]:
                self.memory[base + taken] = [self.memory[base][0] - taken, "pool"]
            if taken > 0:
                self.memory[base] = [taken, name]
            rest -= taken
        self.vms.append(Vm(name, self.slots, cpus, memory))
        self.slots += 1
        return f"created name {name} cpus {','.join(map(str, cpus))} memory {memory}\n"

    def do_create(self, body):
        self.generation += 1
        return "".join(self.make(block) for block in
                       re.findall(r"vm [^}]*}", body.decode("ascii")))

    def arrive(self, action, core=None):
        self.coming.append([self.looks, action, core])
        return ""

    def do_give(self, kind, first, size="0"):
        if kind == "cpu":
            if self.owner[int(first)] != "host":
                raise Refused(f"core {first} is not the service VM's")
            return self.arrive(lambda: self.owner.update({int(first): "pool"}), int(first))
        base, size = int(first, 0), int(size)
        for start, (length, owner) in list(self.memory.items()):
            if owner == "host" and start <= base and base + size <= start + length:
                self.memory[start][0] = base - start
                if start + length > base + size:
                    self.memory[base + size] = [start + length - base - size, "host"]
                if base == start:
                    del self.memory[start]
                self.memory[base] = [size, "nobody"]
                return self.arrive(lambda: self.memory.update({base: [size, "pool"]}))
        raise Refused(f"{first} is not the service VM's")

    def do_take(self, kind, first, size="0"):
        self.reap()
        if kind == "cpu":
            staying = [given for given in self.coming if given[2] == int(first)]
            if self.owner[int(first)] != "pool" and not staying:
                raise Refused(f"core {first} is not in the pool")
            self.coming = [given for given in self.coming if given not in staying]
            self.owner[int(first)] = "host"
            return ""
        base = int(first, 0)
        if self.memory.get(base) != [int(size), "pool"]:
            raise Refused(f"{first} is not in the pool")
        self.memory[base][1] = "host"
        return ""
