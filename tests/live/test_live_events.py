# SPDX-License-Identifier: Apache-2.0
# Controls that change what a running stock VM finds, or that look at what an instruction has done.

from fabric_rig import exits, on
from live_rig import VMS, afterwards, give_programs, machine  # noqa: F401  fixtures

WEB, DB, MAIL, FTP = VMS.values()

NUMBER = 200
TSD = "0x4"  # CR4: time stamps for the kernel alone
PGE = "0x80"
PG = "0x80000000"  # CR0: paging
OFFSET = 10**15


def said(run, address, command):
    """What a command says in a VM, as one line."""
    return " ".join(run.sh(f"{on(address, command)} 2>&1; true"))


def worked(run, name, event, command):
    """The exits of NAME for EVENT while COMMAND is done."""
    before = exits(run, (name,), event)
    run.sh(command)
    return exits(run, (name,), event) - before


def refused(run, setting):
    """Why a setting of `web` cannot be; the machine is as it was."""
    now = run.sh("mullion config")
    why = " ".join(run.sh(f"mullion set web {setting} 2>&1; test $? = 1"))
    assert run.sh("mullion config") == now
    return why


def test_cpuid_by_leaf(machine, record_property):
    """A VM is told what the lines say of one register of one leaf, and of nothing else."""
    ask = "events cpuid 7; events cpuid 0x80000000"
    before = said(machine, WEB, ask).split()
    machine.sh("mullion set web 'cpuid 0x7.0 ebx mask=0x1' 'cpuid 0x80000000 ecx set=0x6c6c756d'")
    changed = said(machine, WEB, ask).split()
    assert int(before[1], 16) > 1
    wanted = [*before]
    wanted[1], wanted[7] = hex(int(before[1], 16) & 1), "0x6c6c756d"
    assert changed == wanted
    machine.sh("mullion set web 'cpuid 0x7.0 ebx=pass' 'cpuid 0x80000000 ecx=pass'")
    assert said(machine, WEB, ask).split() == before
    assert "own answer" in refused(machine, "'cpuid 0x40000001 eax set=0'")
    assert "APIC id" in refused(machine, "'cpuid 0xb edx set=0'")
    assert "no fault" in refused(machine, "cpuid=deny")
    record_property("seen", f"leaf 7 EBX {before[1]}, masked {changed[1]}, and back")


def test_cpuid_is_logged(machine):
    """With the leaf that was asked for."""
    machine.sh("mullion set web cpuid=log")
    machine.sh(f"mullion trace --json --seconds 6 --event cpuid web >/root/trace & sleep 2; "
               f"{on(WEB, 'events cpuid 0x80000006')}; wait")
    assert "0x80000006" in " ".join(machine.sh("cat /root/trace"))


def test_bits_of_cr4(machine, record_property):
    """Only writes that change a named bit are counted; the others are carried out all the same."""
    toggle = on(WEB, f"events tsd {NUMBER}")
    machine.sh(f"mullion set web 'cr4 {TSD}=count'")
    changes, steps = (worked(machine, "web", event, toggle) for event in ("cr4", "step"))
    assert 2 * NUMBER <= changes < 3 * NUMBER  # more where another process comes in between
    machine.sh(f"mullion set web 'cr4 {PGE}=count'")
    others = worked(machine, "web", "cr4", toggle)
    assert others < NUMBER
    assert steps >= 2 * NUMBER
    record_property("seen", f"{2 * NUMBER} changes of CR4.TSD: {changes} exits; of PGE {others}")


def test_bits_of_cr0(machine, record_property):
    """A core that is brought on line switches paging on once."""
    machine.sh(f"mullion set ftp 'cr0 {PG}=count'")
    again = on(FTP, "cd /sys/devices/system/cpu/cpu1; for i in 1 2 3; do echo 0 >online; "
                    "echo 1 >online; done; cat online")
    assert worked(machine, "ftp", "cr0", again) == 3
    record_property("seen", "3 times on line: 3 exits")


def test_a_denied_bit_is_undone(machine, record_property):
    """The write is a general-protection fault at the instruction; the register is as before."""
    machine.sh(f"mullion set mail 'cr4 {TSD}=deny'")
    start = len(machine.log.lines)
    machine.sh(f"({on(MAIL, 'events tsd 1')} >/dev/null 2>&1 &)")  # its kernel dies of it
    where = machine.vm_line("mail", r"(RIP: 0010:\w*write_cr4)", start=start)
    value = machine.vm_line("mail", r" CR4: (\w+)", start=start)
    assert int(value[1], 16) & int(TSD, 16) == 0
    machine.sh("mullion set mail cr4=pass; mullion reboot mail; sleep 2")
    give_programs(machine, "mail")
    assert said(machine, MAIL, "events tsd 3") == "done"
    record_property("seen", f"{where[1]}, CR4 {value[1]}")


def test_software_interrupts(machine, record_property):
    """INT n is counted, logged with its number, and done as ever; denied, it is a fault."""
    call = on(WEB, f"events int80 {NUMBER}")
    machine.sh("mullion set web software-interrupts=count")
    seen = worked(machine, "web", "software-interrupts", call)
    assert seen == NUMBER
    assert "status 133" in said(machine, WEB, "x int3 1; echo status $?")
    machine.sh("mullion set web software-interrupts=log")
    machine.sh(f"mullion trace --seconds 6 web >/root/trace & sleep 2; {call}; wait")
    assert int(machine.sh("grep -c 'software-interrupts.*80' /root/trace")[-1]) == NUMBER
    machine.sh("mullion set web software-interrupts=deny")
    assert "status 139" in said(machine, WEB, "events int80 1; echo status $?")
    assert "events" in said(machine, WEB, "dmesg | grep error:402")  # gate 80h of the IDT
    record_property("seen", f"{seen} of {NUMBER}, each with its result; denied, SIGSEGV")


def test_pause_filter_is_refused(machine):
    """QEMU's processor has none: it is said, and nothing changes."""
    assert "has no PAUSE filter" in refused(machine, "rdtsc=count pause-filter=3000")
    why = " ".join(machine.sh("echo 'vm new { cpus 1; memory 64M; pause-filter 10 }' >/root/new; "
                              "mullion create /root/new 2>&1; test $? = 1"))
    assert "has no PAUSE filter" in why


def test_time_stamp_offset(machine, record_property):
    """A running VM's time stamps move; its clock, on both of its cores, does not notice."""
    def ticks(address):
        return int(said(machine, address, "events tsc 1").split()[0])
    machine.sh(f"({on(FTP, 'events clocks 20')} >/root/clocks 2>&1 &)")
    uptime = float(said(machine, FTP, "cat /proc/uptime").split()[0])
    for sign in (1, -1, 1, -1, 1):
        machine.sh(f"mullion set ftp tsc-offset={sign * OFFSET}; sleep 1")
    first, other, last = ticks(FTP), ticks(DB), ticks(FTP)
    assert first - OFFSET < other < last - OFFSET
    machine.sh("mullion set ftp tsc-offset=0; for i in $(seq 60); do grep -q . /root/clocks && "
               "break; sleep 1; done; grep done /root/clocks")
    assert 0 < float(said(machine, FTP, "cat /proc/uptime").split()[0]) - uptime < 300
    assert ticks(FTP) < OFFSET
    assert "other clocks" in " ".join(machine.sh("mullion set host tsc-offset=5 2>&1; test $? = 1"))
    record_property("seen", f"{OFFSET} ticks apart; one clock on two cores for 20 s")


def test_faults_of_a_stepped_instruction(machine, record_property):
    """What a step of the monitor's raises is the VM's: an exception by its policy, a breakpoint."""
    machine.sh("mullion set web 'exception 14=log' 'exception 1=count'")
    machine.sh(f"mullion trace --seconds 6 web >/root/trace & sleep 2; {on(WEB, 'events copy 5')}; "
               "wait")
    assert int(machine.sh("grep -c 'exception-14.*12345000' /root/trace")[-1]) == 5
    watched = worked(machine, "web", "debug", on(WEB, "events watch 7"))
    assert watched >= 7
    record_property("seen", f"5 page faults, 7 breakpoints in steps; {watched} debug exceptions")
