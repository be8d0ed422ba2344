/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtio devices on PCI (virtio 1.2, 4.1; PCI 3.0, 6.8.2). Each has its structures in an I/O BAR
 * and its MSI-X table in a page of plain memory that the guest writes without leaving; an interrupt
 * is an IPI to the guest's own core, by an entry of that table that is read and checked anew each
 * time.
 */
#include "x86/virtio_pci.h"

#include "x86/asm.h"
#include "x86/backend.h"
#include "x86/memory.h"
#include "x86/pci.h"
#include "x86/platform.h"
#include "x86/vm_boot.h"
#include "x86/vm_memory.h"

#define MSIX_PENDING  (PAGE_SIZE / 2)
#define MSIX_MASKED   1u
#define MASKED_ROUNDS 10000u /* a driver masks a vector for a few instructions, to move it */

static struct virtio_function *function_of(struct vm *vm, int slot)
{
    struct virtio_function *function = slot == PCI_NET      ? &vm->net
                                       : slot == PCI_SOCKET ? &vm->socket
                                       : slot == PCI_MEMORY ? &vm->ram
                                                            : NULL;
    return function != NULL && function->device.class != NULL ? function : NULL;
}

/* The entry of VECTOR, not masked; NULL if it stays so: then it is noted as pending. */
static const volatile uint32_t *message_entry(const struct virtio_function *function,
                                              uint16_t vector)
{
    const volatile uint32_t *entry = (const volatile uint32_t *)(function->page + 16u * vector);
    for (unsigned round = 0; round < MASKED_ROUNDS; round++) {
        cpu_flush_line(entry); /* the guest writes it as device memory, past the caches */
        if ((entry[3] & MSIX_MASKED) == 0)
            return entry;
        cpu_relax();
    }
    return NULL;
}

static void function_interrupt(struct virtio_device *device, uint16_t vector)
{
    struct vm *vm = device->vm;
    enum pci_slot slot = device == &vm->net.device      ? PCI_NET
                         : device == &vm->socket.device ? PCI_SOCKET
                                                        : PCI_MEMORY;
    struct virtio_function *function = function_of(vm, (int)slot);
    const volatile uint32_t *entry =
        guest_pci_virtio_messages(&vm->pci, slot) ? message_entry(function, vector) : NULL;
    if (entry == NULL) {
        atomic_fetch_or(&function->pending, 1u << vector);
        return;
    }
    ipi_message(vm, entry[0] | (uint64_t)entry[1] << 32, entry[2]);
}

/* What was masked when it came, when the guest comes by the next time. */
static void send_pending(struct virtio_function *function)
{
    unsigned pending = atomic_exchange(&function->pending, 0);
    for (uint16_t vector = 0; pending >> vector != 0; vector++)
        if ((pending >> vector & 1) != 0)
            function_interrupt(&function->device, vector);
}

static bool function_init(struct vm *vm, struct virtio_function *function,
                          const struct virtio_class *class)
{
    function->page = memory_pages(1);
    function->device.vm = vm;
    function->device.interrupt = function_interrupt;
    virtio_init(&function->device, class, &vm->memory);
    return function->page != NULL;
}

bool virtio_pci_init(struct vm *vm)
{
    if (vm->config->network[0] != '\0') {
        if (!function_init(vm, &vm->net, &switch_class))
            return false;
        switch_join(&vm->switch_port, &vm->net.device, vm->config->name, vm->config->network);
    }
    if (!function_init(vm, &vm->socket, &vsock_class))
        return false;
    vsock_join(&vm->vsock_port, &vm->socket.device, VSOCK_CID_FIRST + vm->index, vm->config);
    return vm_memory_growth(vm->config) == 0 ||
           (function_init(vm, &vm->ram, &memory_class) && vm_memory_init(vm));
}

void virtio_pci_free(struct vm *vm)
{
    if (vm->net.device.class != NULL) {
        switch_leave(&vm->switch_port);
        virtio_reset(&vm->net.device);
    }
    if (vm->socket.device.class != NULL) {
        vsock_leave(&vm->vsock_port);
        virtio_reset(&vm->socket.device);
    }
    memory_free(vm->net.page, 1);
    memory_free(vm->socket.page, 1);
    memory_free(vm->ram.page, 1);
}

void virtio_pci_hold(struct vm *vm, bool hold)
{
    struct virtio_device *const devices[] = {&vm->net.device, &vm->socket.device};
    if (hold)
        lock_take(&vm->memory_lock);
    else
        lock_release(&vm->memory_lock);
    for (unsigned i = 0; i < 2 * VIRTIO_QUEUES_MAX; i++) { /* send queues before receive queues */
        struct virtqueue *queue = &devices[i % 2]->queues[VIRTIO_QUEUES_MAX - 1 - i / 2];
        if (hold)
            lock_take(&queue->lock);
        else
            lock_release(&queue->lock);
    }
}

/* The page of FUNCTION comes to where its BAR is, or is taken from where the BAR was. */
static void move_page(struct vm *vm, struct virtio_function *function, uint64_t to)
{
    if (to != 0 && !vm_is_device_space(vm, (gpa_t){to}))
        to = 0;
    if (to == function->page_at)
        return;
    if (function->page_at != 0)
        vm_restore_device_space(vm, (gpa_t){function->page_at});
    function->page_at = to;
    if (to != 0)
        backend->map(vm, (gpa_t){to}, (hpa_t){(uint64_t)function->page}, PAGE_SIZE);
    vm_flush(vm);
}

/* The ports of FUNCTION leave the guest where its BAR is, and not any more where the BAR was. */
static void move_ports(struct vm *vm, struct virtio_function *function, uint16_t to)
{
    uint16_t from = function->ports_at;
    function->ports_at = 0;
    for (uint32_t i = 0; i < VIRTIO_BAR_BYTES && from != 0; i++)
        exit_port_restore(vm, (uint16_t)(from + i));
    function->ports_at = to;
    lock_take(&vm->port_lock);
    for (uint32_t i = 0; i < VIRTIO_BAR_BYTES && to != 0; i++)
        backend->pass_port(vm, (uint16_t)(to + i), false);
    lock_release(&vm->port_lock);
}

static void follow_bars(struct vm *vm, int slot)
{
    struct virtio_function *function = function_of(vm, (int)slot);
    if (function == NULL)
        return;
    uint16_t ports = guest_pci_virtio_port(&vm->pci, (enum pci_slot)slot);
    if (ports != function->ports_at)
        move_ports(vm, function, ports);
    move_page(vm, function, guest_pci_virtio_page(&vm->pci, (enum pci_slot)slot));
    if (guest_pci_virtio_messages(&vm->pci, (enum pci_slot)slot))
        send_pending(function);
}

static void function_reset(struct vm *vm, enum pci_slot slot, uint8_t number)
{
    struct virtio_function *function = function_of(vm, (int)slot);
    if (function == NULL)
        return;
    virtio_reset(&function->device);
    function->pending = 0;
    memory_scrub(function->page, PAGE_SIZE);
    for (uint32_t vector = 0; vector < PAGE_SIZE / 2 / 16; vector++)
        ((uint32_t *)(void *)function->page)[4 * vector + 3] = MSIX_MASKED;
    guest_pci_add_virtio(&vm->pci, slot, number, function->device.class->id,
                         function->device.class->queues + 1);
    follow_bars(vm, (int)slot);
}

void virtio_pci_reset(struct vm *vm)
{
    uint8_t free[2] = {PCI_NET, PCI_SOCKET};
    if (vm->service) {
        guest_pci_clear(&vm->pci);
        pci_free_devices(free);
    } else {
        guest_pci_reset(&vm->pci, vm->config->console != CONFIG_CONSOLE_NONE);
    }
    function_reset(vm, PCI_NET, free[0]);
    function_reset(vm, PCI_SOCKET, free[1]);
    function_reset(vm, PCI_MEMORY, PCI_MEMORY);
    if (vm->ram.device.class != NULL)
        memory_device_reset(&vm->memory_device); /* no queue of the VM's is ready any more */
}

bool virtio_pci_has_port(struct vm *vm, uint16_t port)
{
    const struct virtio_function *functions[] = {&vm->net, &vm->socket, &vm->ram};
    for (unsigned i = 0; i < ARRAY_SIZE(functions); i++)
        if (functions[i]->ports_at != 0 &&
            (uint16_t)(port - functions[i]->ports_at) < VIRTIO_BAR_BYTES)
            return true;
    return false;
}

static bool device_port(struct vcpu *vcpu, int slot, const struct port_access *access,
                        uint32_t *value)
{
    struct virtio_function *function = function_of(vcpu->vm, slot);
    if (function == NULL || function->ports_at == 0 ||
        (uint16_t)(access->port - function->ports_at) >= VIRTIO_BAR_BYTES)
        return false;
    unsigned offset = (uint16_t)(access->port - function->ports_at);
    if (atomic_load(&function->pending) != 0)
        send_pending(function);
    if (access->in)
        *value = virtio_read(&function->device, offset, access->size);
    else if (virtio_write(&function->device, offset, access->size, *value))
        vcpu->rip = access->rip;
    return true;
}

/* The VM's own functions; the service VM's others are the machine's. The lock is held. */
static bool config_port(struct vm *vm, const struct port_access *access, uint32_t *value)
{
    bool address = access->port == PCI_ADDRESS && access->size == 4;
    bool data = access->port >= PCI_DATA && access->port + access->size <= PCI_DATA + 4u;
    if (!vm->service ? access->port == GUEST_PORT_RESET : !address && !data)
        return false;
    int slot = address ? -1 : guest_pci_selected(&vm->pci);
    if (vm->service && data && slot < 0) {
        pci_access(vm->pci.address, access, value);
    } else if (access->in) {
        *value = guest_pci_read(&vm->pci, access->port, access->size);
    } else {
        guest_pci_write(&vm->pci, access->port, access->size, *value);
        follow_bars(vm, (int)slot);
    }
    return true;
}

bool virtio_pci_port(struct vcpu *vcpu, const struct port_access *access, uint32_t *value)
{
    return device_port(vcpu, PCI_NET, access, value) ||
           device_port(vcpu, PCI_SOCKET, access, value) ||
           device_port(vcpu, PCI_MEMORY, access, value);
}

bool virtio_pci_config(struct vm *vm, const struct port_access *access, uint32_t *value)
{
    if (access->port < PCI_ADDRESS || access->port >= PCI_DATA + 4)
        return false;
    lock_take(&vm->pci_lock);
    bool done = config_port(vm, access, value);
    lock_release(&vm->pci_lock);
    if (!access->in && access->port >= PCI_DATA)
        vm_tell_wedge(vm, false);
    return done;
}
