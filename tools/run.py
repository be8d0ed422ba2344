#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# Starts QEMU with Mullion and several stock kernels: interactive (make run) or tested (make smoke).

import argparse
import os
import shlex
import signal
import subprocess
import sys

sys.dont_write_bytecode = True

from mullion_host import interactive, smoke
from mullion_host.debian import give_debian, give_network, run_files, write_run_disk
from mullion_host.disk import ServiceDisk
from mullion_host.machine import Machine, configuration, divide
from mullion_host.packages import Fetcher
from mullion_host.steps import HostError, Steps


def make(build, *targets):
    """A step: has make bring some files of the build directory up to date."""
    files = [os.path.join(build, target) for target in targets]
    flags = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")  # of the make that called us, and its job server
    environment = {k: v for k, v in os.environ.items() if k not in flags}
    command = [os.environ.get("MAKE", "make"), "-s", f"-j{os.cpu_count()}", f"BUILD={build}"]
    command += files
    done = subprocess.run(command, text=True, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise HostError(f"{shlex.join(command)} failed:\n{done.stdout}")
    return "built", sum(map(os.path.getsize, files))


def write_files(machine):
    """A step: the second disk, with this run's configuration, too."""
    machine.write_configuration()
    files = {**run_files(machine.build), "mullion.conf": machine.run_path("mullion.conf")}
    return write_run_disk(machine, files)


def prepare(machine, disk):
    """The steps before the start; whatever is here already takes no time and no network."""
    build = machine.build
    fetcher = Fetcher(build)
    steps = Steps(5 + (3 if disk else 0))
    steps.run("fetch QEMU", fetcher.qemu)
    steps.run("fetch kernel 6.1", lambda: fetcher.kernel("6.1"))
    steps.run("fetch busybox", fetcher.busybox)
    steps.run("build the guests' initrd", lambda: make(build, "guests/initrd.img"))
    steps.run("build the monitor", lambda: make(build, "mullion.elf", "mullion"))
    if disk:
        steps.run("make the service's disk", ServiceDisk(build, steps.note).make)
        steps.run("pack the VMs' programs", lambda: make(build, "guests/net.img"))
        steps.run("write this run's disk", lambda: write_files(machine))
    return steps


def options_read():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--vms", type=int, default=3, help="VMs, the service VM among them")
    parser.add_argument("--cpus", type=int, default=6, help="cores of the machine")
    parser.add_argument("--accel", default="tcg", help="tcg or kvm")
    parser.add_argument("--append", default="", help="more words for each kernel's command line")
    parser.add_argument("--seconds", type=int, help="how long the VMs may take to report")
    parser.add_argument("--smoke", action="store_true", help="no terminal: test and measure")
    parser.add_argument("--show", action="store_true",
                        help="print the configuration and QEMU's command line, start nothing")
    parser.add_argument("--qemu", default="", help="more words for QEMU")
    return parser.parse_args()


def main():
    options = options_read()
    roles = smoke.ROLES if options.smoke else interactive.ROLES
    vms = divide(options.vms, options.cpus, roles, options.append)
    machine = Machine(options.build, vms, options.accel, extra=shlex.split(options.qemu))
    if not options.smoke:
        give_debian(machine)
        give_network(machine)
    if options.show:
        print(configuration(vms))
        print(shlex.join(machine.command(3, 4)))
        return 0
    seconds = options.seconds or (60 if options.smoke else 180) + 15 * len(vms)
    steps = prepare(machine, not options.smoke)
    if options.smoke:
        return smoke.smoke(machine, seconds)
    return interactive.Interactive(machine, seconds).run(steps)


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGHUP):  # so that `with` and `finally` do their work
        signal.signal(number, lambda *_: sys.exit(1))
    try:
        sys.exit(main())
    except HostError as error:
        sys.exit(f"run: {error}")
    except KeyboardInterrupt:
        sys.exit("\nrun: interrupted; QEMU has ended")
