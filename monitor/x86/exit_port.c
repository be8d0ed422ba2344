/* SPDX-License-Identifier: Apache-2.0 */
/* I/O ports: which leave the guest, and what becomes of those that do. */
#include "core/log.h"
#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/exit.h"
#include "x86/guest_port.h"
#include "x86/platform.h"
#include "x86/virtio_pci.h"

#define PORTS 65536u

/* The user's last word on PORT. */
static enum control_policy port_policy(const struct vm *vm, uint32_t port)
{
    const struct controls *controls = atomic_load(&vm->controls);
    const struct control_rule *rule = control_find(&controls->ports, port, CONTROL_READ_WRITE);
    return rule != NULL ? rule->policy : CONTROL_UNSET;
}

static bool access_denied(const struct vm *vm, const struct port_access *access)
{
    for (unsigned i = 0; i < access->size; i++)
        if (port_policy(vm, access->port + i) == CONTROL_DENY)
            return true;
    return false;
}

static uint32_t size_mask(unsigned size)
{
    return size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;
}

/* Real ports for a user's `port ... allow` lines and for the service VM. */
uint32_t port_real_read(uint16_t port, unsigned size)
{
    return size == 1 ? in8(port) : size == 2 ? in16(port) : in32(port);
}

void port_real_write(uint16_t port, unsigned size, uint32_t value)
{
    if (size == 1)
        out8(port, (uint8_t)value);
    else if (size == 2)
        out16(port, (uint16_t)value);
    else
        out32(port, value);
}

/* The user's lines for VM; the ports that keep VMs apart are not theirs to open. */
static bool port_open_to_rules(const struct vm *vm, uint32_t port)
{
    return !uart_owns_port(port, 1) && !guest_port_fixed(vm, (uint16_t)port) &&
           !platform_guards_port(port);
}

/* The same, where the guest has not moved its UART to. */
bool exit_port_configurable(const struct vm *vm, uint32_t port)
{
    return port_open_to_rules(vm, port) && !guest_port_emulated(vm, (uint16_t)port);
}

bool exit_port_listed(const struct vm *vm, uint32_t port)
{
    if (port >= PORTS)
        return true; /* beyond the last one: nobody's */
    return exit_port_configurable(vm, port) &&
           (vm->service || port_policy(vm, port) != CONTROL_UNSET);
}

static bool access_listed(const struct vm *vm, const struct port_access *access)
{
    for (unsigned i = 0; i < access->size; i++)
        if (!exit_port_listed(vm, access->port + i))
            return false;
    return true;
}

/* Does PORT not leave the guest, if no device of the monitor's lies there? */
static bool port_passes(const struct vm *vm, uint32_t port)
{
    if (!exit_port_configurable(vm, port))
        return false;
    enum control_policy policy = port_policy(vm, port);
    return policy == CONTROL_UNSET ? vm->service : policy == CONTROL_PASS;
}

/* Does the user let a VM without devices have all ports of this access, watched as they may be? */
static bool access_open(const struct vm *vm, const struct port_access *access)
{
    for (unsigned i = 0; i < access->size; i++) {
        enum control_policy policy = port_policy(vm, access->port + i);
        if (policy == CONTROL_UNSET || policy == CONTROL_DENY ||
            !exit_port_configurable(vm, access->port + i))
            return false;
    }
    return true;
}

static void real_access(const struct port_access *access, uint32_t *value)
{
    if (access->in)
        *value = port_real_read(access->port, access->size);
    else
        port_real_write(access->port, access->size, *value);
}

void exit_port_restore(struct vm *vm, uint16_t port)
{
    lock_take(&vm->port_lock); /* policy and bit are one: a device may move on another core */
    backend->pass_port(vm, port, port_passes(vm, port));
    lock_release(&vm->port_lock);
}

bool exit_port_rule_holds(const struct vm *vm, const struct control_rule *rule)
{
    for (uint32_t port = rule->first; port <= rule->last; port++)
        if (!port_open_to_rules(vm, port))
            return false;
    return true;
}

static void warn_of_refused(const struct vm *vm, const struct control_rule *rule)
{
    if (!exit_port_rule_holds(vm, rule))
        log_warning(
            "vm \"%s\": port 0x%x-0x%x: some of these belong to the monitor and stay as they "
            "are; write a range without them",
            vm->config->name, rule->first, rule->last);
}

/*
 * Without pci_lock, under which a device's reset may wait for the very request that is served here.
 * A device that moves at this moment may lose its ports to what the VM has there otherwise.
 */
void exit_port_init(struct vm *vm)
{
    for (uint32_t port = 0; port < PORTS; port++)
        if (!virtio_pci_has_port(vm, (uint16_t)port))
            exit_port_restore(vm, (uint16_t)port);
    const struct control_rules *rules = &atomic_load(&vm->controls)->ports;
    for (unsigned i = 0; i < rules->count; i++)
        warn_of_refused(vm, &rules->list[i]);
}

/* Is this the first denied access to PORT? Each is logged once. */
static bool port_first_time(struct vm *vm, uint16_t port)
{
    uint64_t bit = 1ull << (port % 64);
    lock_take(&vm->log_lock);
    bool first = (vm->ports_logged[port / 64] & bit) == 0;
    vm->ports_logged[port / 64] |= bit;
    lock_release(&vm->log_lock);
    return first;
}

static void note_unlisted(struct vcpu *vcpu, const struct port_access *access)
{
    const struct unlisted_use use = {
        .number = access->port,
        .size = access->size,
        .kind = access->in ? EVENT_UNLISTED_PORT_READ : EVENT_UNLISTED_PORT_WRITE,
    };
    uint32_t value = access->in ? UINT32_MAX : (uint32_t)vcpu->regs.rax;
    exit_unlisted(vcpu, access->rip, &use,
                  access->port | (uint64_t)(value & size_mask(access->size)) << 16);
}

void port_deny(struct vcpu *vcpu, const struct port_access *access)
{
    struct vm *vm = vcpu->vm;
    const char *what = access->in ? "read" : "write";
    atomic_fetch_add(&vm->denied_ports, 1);
    if (access_listed(vm, access))
        return;
    note_unlisted(vcpu, access);
    /* Stock kernels look for the old PC's devices; that they find none is no news. */
    if (guest_port_absent(access->port) || !port_first_time(vm, access->port) ||
        !vm_may_log(vm, DENIED_PORT))
        return;
    if (access->string)
        log_warning("vm \"%s\": string %s of port 0x%x at %lx denied: emulated ports take single "
                    "accesses only",
                    vm->config->name, what, access->port, access->rip);
    else if (exit_port_configurable(vm, access->port))
        log_warning("vm \"%s\": %s of port 0x%x, %u bytes, at %lx denied; to allow it write: port "
                    "0x%x allow",
                    vm->config->name, what, access->port, access->size, access->rip, access->port);
    else
        log_warning("vm \"%s\": %s of port 0x%x, %u bytes, at %lx denied: it belongs to the "
                    "monitor",
                    vm->config->name, what, access->port, access->size, access->rip);
}

enum exit_reason exit_port(struct vcpu *vcpu, const struct port_access *access)
{
    if (access->string) {
        port_deny(vcpu, access);
        vcpu_fault_gp(vcpu);
        return EXIT_PORT;
    }
    uint32_t mask = size_mask(access->size);
    uint32_t value = access->in ? UINT32_MAX : (uint32_t)vcpu->regs.rax & mask;
    vcpu->rip = access->next_rip; /* before the access: it may stop this VM */
    enum exit_reason reason = EXIT_PORT;
    if (vcpu->vm->service && access_denied(vcpu->vm, access))
        port_deny(vcpu, access);
    else if (virtio_pci_port(vcpu, access, &value))
        reason = EXIT_VIRTIO;
    else if (virtio_pci_config(vcpu->vm, access, &value))
        reason = EXIT_PCI;
    else if (vcpu->vm->service)
        platform_port(vcpu, access, &value);
    else if (access_open(vcpu->vm, access))
        real_access(access, &value);
    else
        reason = guest_port(vcpu, access, &value);
    if (port_policy(vcpu->vm, access->port) == CONTROL_LOG)
        exit_log_event(vcpu, access->rip, access->in ? EVENT_PORT_READ : EVENT_PORT_WRITE,
                       access->port | (uint64_t)(value & mask) << 16);
    if (!access->in)
        return reason;
    if (access->size == 4)
        vcpu->regs.rax = value;
    else
        vcpu->regs.rax = (vcpu->regs.rax & ~(uint64_t)mask) | (value & mask);
    return reason;
}
