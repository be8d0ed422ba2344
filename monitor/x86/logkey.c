/* SPDX-License-Identifier: Apache-2.0 */
/* Keys on the log port. */
#include "x86/logkey.h"

#include "core/control.h"
#include "core/log.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/guest_port.h"
#include "x86/stats.h"
#include "x86/time.h"
#include "x86/uart.h"

#define KICK_ROUNDS  1000u
#define KICK_LOST_US 10000000u /* emulators on a busy host are slow, but not that slow */
#define KEY_DETACH   0x1d      /* Ctrl-] */

/*
 * One byte may raise its interrupt twice: by arriving and by the FIFO's timeout (QEMU's lines have
 * no memory of their level), or by logkey_again when its own NMI was the one that came. Shortly
 * after a key, an NMI without a byte is still the log port's and must not become a guest's.
 */
#define STRAY_US 100000u
static uint64_t stray_until;

static const struct pcpu *log_cpu;
static struct vm *attached; /* gets what is typed */
static bool choosing;       /* `i` was typed: a VM's digit is next */

void logkey_init(const struct pcpu *cpu)
{
    if (!uart_present())
        return;
    log_cpu = cpu;
    ioapic_enable_log_nmi(cpu->apic_id);
    uart_enable_interrupt();
}

/* Kick one core and wait for its answer; the microseconds that it took, or KICK_LOST_US. */
static uint64_t kick_one(struct pcpu *cpu)
{
    uint64_t before = atomic_load(&cpu->pings);
    uint64_t start = time_us();
    cpu_kick(cpu, REQUEST_PING);
    while (atomic_load(&cpu->pings) == before && time_us() - start < KICK_LOST_US)
        cpu_relax();
    return atomic_load(&cpu->pings) != before ? time_us() - start : KICK_LOST_US;
}

/* Each other core in turn. One that does not answer ends the test: this core has a VM to run. */
static void kick_all(void)
{
    uint64_t sent = 0;
    uint64_t slowest = 0;
    for (unsigned round = 0; round < KICK_ROUNDS && slowest < KICK_LOST_US; round++) {
        for (cpu_id_t id = 0; id < machine.cpu_count && slowest < KICK_LOST_US; id++) {
            if (cpus[id] == this_cpu())
                continue;
            uint64_t took = kick_one(cpus[id]);
            sent++;
            slowest = took > slowest ? took : slowest;
            if (took >= KICK_LOST_US)
                log_error("core %u does not answer a kick", id);
        }
    }
    log_info("kicks sent %lu, served %lu, slowest %lu us", sent, sent - (slowest >= KICK_LOST_US),
             slowest);
}

static void attach(struct vm *vm)
{
    struct console *console = &vm->console;
    lock_take(&console->lock);
    attached = vm;
    console_flush(console);
    console->attached = true;
    lock_release(&console->lock);
}

static void detach(void)
{
    struct console *console = &attached->console;
    lock_take(&console->lock);
    console->attached = false;
    lock_release(&console->lock);
    log_info("input: back to the monitor");
    attached = NULL;
}

static void choose(int key)
{
    unsigned index = (unsigned)(key - '0');
    choosing = false;
    lock_take(&control_lock);
    if (index < vm_count && vms[index] != NULL && !vms[index]->service) {
        log_info("input: vm \"%s\", Ctrl-] ends it", vms[index]->config->name);
        attach(vms[index]);
    } else {
        log_info("input: no VM %c has a console here", key);
    }
    lock_release(&control_lock);
}

static void command(int key)
{
    switch (key) {
    case 's':
        lock_take(&control_lock);
        stats_print_all();
        lock_release(&control_lock);
        break;
    case 'k':
        kick_all();
        break;
    case 'i':
        choosing = true;
        break;
    default:
        log_info("keys: s statistics, i and a digit: type to that VM's console, k kick test");
        break;
    }
}

bool logkey_poll(void)
{
    if (log_cpu != this_cpu())
        return false;
    int key = uart_read();
    if (key < 0)
        return time_us() < stray_until;
    if (attached != NULL && key == KEY_DETACH)
        detach();
    else if (attached != NULL)
        guest_console_input(attached, (uint8_t)key);
    else if (choosing)
        choose(key);
    else
        command(key);
    stray_until = time_us() + STRAY_US;
    uart_enable_interrupt();
    return true;
}

void logkey_again(void)
{
    if (log_cpu != this_cpu() || !uart_waiting())
        return;
    stray_until = time_us() + STRAY_US;
    uart_enable_interrupt();
}

void logkey_forget(const struct vm *vm)
{
    if (attached == vm)
        attached = NULL;
}
