/* SPDX-License-Identifier: Apache-2.0 */
/* A VM with a socket device in host memory, and the driver's side of its rings. */
#pragma once

#include "core/vsock.h"

#ifndef VM_MEMORY
#define VM_MEMORY   (4 * MIB)
#define VM_BUFFERS  (1 * MIB) /* below it the rings, above it the receive buffers, one a head */
#define VM_SLOT     4096u
#define VM_RX_SIZE  256u
#define QUEUE_SPACE (256 * KIB)
#endif
#define VM_PACKETS (2 * VM_BUFFERS) /* what is sent, one a head */
#define RX_BUFFER  VM_SLOT

struct driver_queue {
    uint16_t size;
    uint64_t *descriptors;
    volatile uint16_t *available, *used;
    uint16_t next, seen; /* made available; taken from the used ring */
};

struct socket_vm {
    uint8_t *memory;
    struct place_extent extent;
    struct guest_memory ram;
    struct config_vm config;
    struct virtio_device device;
    struct vsock_port port;
    struct driver_queue queues[3];
    unsigned interrupts[3];
    unsigned rx_heads; /* receive buffers posted so far */
};

static inline void vm_interrupted(struct virtio_device *device, uint16_t vector)
{
    struct socket_vm *vm = device->vm;
    vm->interrupts[vector]++;
}

static inline void vm_register(struct socket_vm *vm, unsigned offset, unsigned size, uint64_t value)
{
    virtio_write(&vm->device, offset, size, (uint32_t)value);
}

static inline void vm_queue_start(struct socket_vm *vm, unsigned index, uint16_t size)
{
    struct driver_queue *q = &vm->queues[index];
    uint64_t at = index * QUEUE_SPACE;
    uint64_t driver = at + size * 16u;
    uint64_t device = align_up(driver + 6 + size * 2u, 4);
    *q = (struct driver_queue){
        .size = size,
        .descriptors = (uint64_t *)(void *)(vm->memory + at),
        .available = (volatile uint16_t *)(void *)(vm->memory + driver),
        .used = (volatile uint16_t *)(void *)(vm->memory + device),
    };
    memset(vm->memory + at, 0, QUEUE_SPACE);
    vm_register(vm, 0x16, 2, index);
    vm_register(vm, 0x18, 2, size);
    vm_register(vm, 0x1a, 2, index);
    vm_register(vm, 0x20, 4, at);
    vm_register(vm, 0x28, 4, driver);
    vm_register(vm, 0x30, 4, device);
    vm_register(vm, 0x1c, 2, 1);
}

/* What a driver does: all features, queues, ready. */
static inline void vm_drive(struct socket_vm *vm, uint16_t tx_size)
{
    vm_register(vm, 0x14, 1, 0);
    vm_register(vm, 0x14, 1, 3);
    vm_register(vm, 0x08, 4, 0);
    vm_register(vm, 0x0c, 4, VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT);
    vm_register(vm, 0x08, 4, 1);
    vm_register(vm, 0x0c, 4, VIRTIO_F_VERSION_1 >> 32);
    vm_register(vm, 0x14, 1, 11);
    vm_queue_start(vm, VSOCK_RX, VM_RX_SIZE);
    vm_queue_start(vm, VSOCK_TX, tx_size);
    vm_queue_start(vm, 2, 4);
    vm_register(vm, 0x14, 1, 15);
    vm->rx_heads = 0;
}

static inline void vm_init(struct socket_vm *vm, const char *name, unsigned slot, const char *peer)
{
    memset(vm, 0, sizeof(*vm));
    vm->memory = aligned_alloc(PAGE_SIZE, VM_MEMORY);
    vm->extent = (struct place_extent){.hpa = {(uintptr_t)vm->memory}, .size = VM_MEMORY};
    vm->ram = (struct guest_memory){&vm->extent, 1, NULL};
    vm->device.vm = vm;
    vm->device.interrupt = vm_interrupted;
    snprintf(vm->config.name, sizeof(vm->config.name), "%s", name);
    if (peer != NULL)
        snprintf(vm->config.peers[vm->config.peer_count++], CONFIG_NAME_MAX, "%s", peer);
    virtio_init(&vm->device, &vsock_class, &vm->ram);
    vsock_join(&vm->port, &vm->device, VSOCK_CID_FIRST + slot, &vm->config);
}

static inline void vm_end(struct socket_vm *vm)
{
    vsock_leave(&vm->port);
    free(vm->memory);
}

/* Make HEAD available, with SIZE bytes at GPA. */
static inline void vm_offer(struct socket_vm *vm, unsigned queue, uint16_t head, uint64_t gpa,
                            uint32_t size, bool writable)
{
    struct driver_queue *q = &vm->queues[queue];
    q->descriptors[2 * head] = gpa;
    q->descriptors[2 * head + 1] = size | (uint64_t)(writable ? 2 : 0) << 32;
    q->available[2 + q->next % q->size] = head;
    q->available[1] = ++q->next;
}

static inline void vm_kick(struct socket_vm *vm, unsigned queue)
{
    for (unsigned i = 0; virtio_write(&vm->device, VIRTIO_NOTIFY, 2, queue); i++)
        if (i > 2 * VSOCK_PATIENCE)
            abort(); /* it would never end */
}

/* Does the device want a kick for the last COUNT chains made available (2.7.10)? */
static inline bool vm_kick_wanted(const struct socket_vm *vm, unsigned queue, uint16_t count)
{
    const struct driver_queue *q = &vm->queues[queue];
    uint16_t event = q->used[2 + 4 * q->size];
    return (uint16_t)(q->next - event - 1) < count;
}

/* Post COUNT receive buffers of SIZE bytes, and kick if the device wants that. */
static inline void vm_post(struct socket_vm *vm, unsigned count, uint32_t size)
{
    for (unsigned i = 0; i < count; i++, vm->rx_heads++) {
        uint16_t head = (uint16_t)(vm->rx_heads % vm->queues[VSOCK_RX].size);
        vm_offer(vm, VSOCK_RX, head, VM_BUFFERS + head * (uint64_t)VM_SLOT, size, true);
    }
    if (vm_kick_wanted(vm, VSOCK_RX, (uint16_t)count))
        vm_kick(vm, VSOCK_RX);
}

/* The next used chain: true, its head and length. */
static inline bool vm_used(struct socket_vm *vm, unsigned queue, uint16_t *head, uint32_t *length)
{
    struct driver_queue *q = &vm->queues[queue];
    if (q->seen == q->used[1])
        return false;
    const volatile uint16_t *element = q->used + 2 + q->seen++ % q->size * 4u;
    *head = element[0];
    *length = element[2] | (uint32_t)element[3] << 16;
    return true;
}

/* The next packet that VM received, and its payload; NULL: none. */
static inline const struct vsock_header *vm_receive(struct socket_vm *vm, const uint8_t **payload)
{
    uint16_t head;
    uint32_t length;
    if (!vm_used(vm, VSOCK_RX, &head, &length))
        return NULL;
    const uint8_t *at = vm->memory + VM_BUFFERS + head * (uint64_t)VM_SLOT;
    const struct vsock_header *header = (const void *)at;
    if (payload != NULL)
        *payload = at + VSOCK_HEADER;
    return length == VSOCK_HEADER + header->size ? header : NULL;
}

/* A packet from VM's SRC_PORT, and a kick. The payload lies at PAYLOAD of the packets' space. */
static inline void vm_send(struct socket_vm *vm, uint16_t head, const struct vsock_header *header,
                           const void *payload, bool kick)
{
    uint64_t gpa = VM_PACKETS + head % 512 * (uint64_t)VM_SLOT;
    memcpy(vm->memory + gpa, header, VSOCK_HEADER);
    if (payload != NULL)
        memcpy(vm->memory + gpa + VSOCK_HEADER, payload, header->size);
    vm_offer(vm, VSOCK_TX, head, gpa, VSOCK_HEADER + (payload != NULL ? header->size : 0), false);
    if (kick)
        vm_kick(vm, VSOCK_TX);
}

static inline struct vsock_header vm_header(const struct socket_vm *from, uint64_t to,
                                            uint32_t src_port, uint32_t dst_port, enum vsock_op op)
{
    return (struct vsock_header){.src_cid = from->port.cid,
                                 .dst_cid = to,
                                 .src_port = src_port,
                                 .dst_port = dst_port,
                                 .type = VSOCK_STREAM,
                                 .op = (uint16_t)op,
                                 .buf_alloc = 256 * 1024};
}
