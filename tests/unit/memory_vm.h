/* SPDX-License-Identifier: Apache-2.0 */
/* A VM with a memory device in host memory, and its driver's side; what the hardware would do. */
#pragma once

#include "core/memory_device.h"

#define RAM_BYTES  (64 * KIB) /* with the queue, and requests and responses, one a head */
#define QUEUE_SIZE 8u
#define DRIVER     0x1000u
#define DEVICE     0x2000u
#define REQUESTS   0x3000u /* 64 bytes a head: the request, and from 32 on the response */
#define REGION     (4 * GIB)
#define FRAMES     48u
#ifndef CLEAR_BYTES
#define CLEAR_BYTES LARGE_PAGE /* that a frame is looked at */
#endif

enum { PLUG, UNPLUG, UNPLUG_ALL, STATE };
enum { ACK, NACK, BUSY, ERROR, NO_ANSWER = 99 };

struct memory_vm {
    uint8_t *ram, *frames;
    struct place_extent extent;
    struct guest_memory memory;
    struct virtio_device device;
    struct memory_device plugs;
    uint32_t *table;
    uint64_t mapped[1024]; /* by block: hpa */
    unsigned interrupts, forgets;
    bool remembers; /* a core has not yet forgotten */
    bool full;      /* no more tables can be made */
    uint16_t next, seen;
};

static inline void vm_interrupted(struct virtio_device *device, uint16_t vector)
{
    (void)vector;
    ((struct memory_vm *)device->vm)->interrupts++;
}

static inline bool vm_host_map(void *context, gpa_t block, hpa_t frame)
{
    struct memory_vm *vm = context;
    vm->mapped[(block.v - REGION) / LARGE_PAGE] = frame.v;
    return true;
}

static inline bool vm_host_unmap(void *context, gpa_t block)
{
    struct memory_vm *vm = context;
    if (!vm->full)
        vm->mapped[(block.v - REGION) / LARGE_PAGE] = 0;
    return !vm->full;
}

static inline void vm_host_forget(void *context)
{
    ((struct memory_vm *)context)->forgets++;
}

static inline bool vm_host_has_forgotten(void *context)
{
    return !((struct memory_vm *)context)->remembers;
}

static inline void vm_host_scrub(hpa_t frame)
{
    memset((void *)(uintptr_t)frame.v, 0, CLEAR_BYTES);
}

static const struct memory_host vm_host = {vm_host_map, vm_host_unmap, vm_host_forget,
                                           vm_host_has_forgotten, vm_host_scrub};

static inline void vm_register(struct memory_vm *vm, unsigned offset, unsigned size, uint64_t value)
{
    virtio_write(&vm->device, offset, size, (uint32_t)value);
}

/* What a driver does: all features, its queue, ready. */
static inline void vm_drive(struct memory_vm *vm)
{
    memset(vm->ram, 0, RAM_BYTES);
    vm->next = vm->seen = 0;
    vm_register(vm, 0x14, 1, 0);
    vm_register(vm, 0x14, 1, 3);
    vm_register(vm, 0x08, 4, 0);
    vm_register(vm, 0x0c, 4, 2);
    vm_register(vm, 0x08, 4, 1);
    vm_register(vm, 0x0c, 4, VIRTIO_F_VERSION_1 >> 32);
    vm_register(vm, 0x14, 1, 11);
    vm_register(vm, 0x10, 2, 0);
    vm_register(vm, 0x16, 2, 0);
    vm_register(vm, 0x18, 2, QUEUE_SIZE);
    vm_register(vm, 0x1a, 2, 1);
    vm_register(vm, 0x28, 4, DRIVER);
    vm_register(vm, 0x30, 4, DEVICE);
    vm_register(vm, 0x1c, 2, 1);
    vm_register(vm, 0x14, 1, 15);
}

/* VM, whose memory there is, begins anew: it may grow by SIZE bytes, and has no frame. */
static inline void vm_begin(struct memory_vm *vm, uint64_t size)
{
    *vm = (struct memory_vm){.ram = vm->ram, .frames = vm->frames, .table = vm->table};
    memset(vm->table, 0, memory_device_table(size));
    vm->extent = (struct place_extent){.hpa = {(uintptr_t)vm->ram}, .size = RAM_BYTES};
    vm->memory = (struct guest_memory){&vm->extent, 1, &vm->plugs.blocks};
    vm->device.vm = vm;
    vm->device.interrupt = vm_interrupted;
    virtio_init(&vm->device, &memory_class, &vm->memory);
    memory_device_join(&vm->plugs, &vm->device, &vm_host, (gpa_t){REGION}, size, vm->table);
    vm_drive(vm);
}

static inline void vm_init(struct memory_vm *vm, uint64_t size)
{
    vm->ram = aligned_alloc(PAGE_SIZE, RAM_BYTES);
    vm->frames = aligned_alloc(LARGE_PAGE, FRAMES * LARGE_PAGE);
    vm->table = malloc(memory_device_table(size));
    vm_begin(vm, size);
}

static inline void vm_end(struct memory_vm *vm)
{
    free(vm->ram);
    free(vm->frames);
    free(vm->table);
}

/* A field of the device's configuration. */
static inline uint64_t vm_config(struct memory_vm *vm, unsigned offset)
{
    return virtio_read(&vm->device, VIRTIO_CONFIG + offset, 4) |
           (uint64_t)virtio_read(&vm->device, VIRTIO_CONFIG + offset + 4, 4) << 32;
}

/* Make a request available whose response is to go to RESPONSE. */
static inline void vm_offer(struct memory_vm *vm, uint16_t type, uint64_t address, uint16_t blocks,
                            uint64_t response)
{
    volatile uint64_t *descriptors = (volatile uint64_t *)(void *)vm->ram;
    volatile uint16_t *available = (volatile uint16_t *)(void *)(vm->ram + DRIVER);
    uint16_t head = (uint16_t)(vm->next % (QUEUE_SIZE / 2) * 2);
    uint64_t at = REQUESTS + head * 64u;
    uint64_t request[3] = {type, address, blocks};
    memcpy(vm->ram + at, request, sizeof(request));
    descriptors[2 * head] = at;
    descriptors[2 * head + 1] = sizeof(request) | 1ull << 32 | (uint64_t)(head + 1) << 48;
    descriptors[2 * head + 2] = response != 0 ? response : at + 32;
    descriptors[2 * head + 3] = 10 | 2ull << 32;
    available[2 + vm->next % QUEUE_SIZE] = head;
    available[1] = ++vm->next;
}

static inline bool vm_kick(struct memory_vm *vm)
{
    return virtio_write(&vm->device, VIRTIO_NOTIFY, 2, 0);
}

/* The next response, and the state in it; NO_ANSWER: there is none. */
static inline unsigned vm_answer(struct memory_vm *vm, unsigned *state)
{
    const volatile uint16_t *used = (const volatile uint16_t *)(void *)(vm->ram + DEVICE);
    if (vm->seen == used[1])
        return NO_ANSWER;
    const volatile uint16_t *element = used + 2 + vm->seen++ % QUEUE_SIZE * 4u;
    uint16_t response[5];
    memcpy(response, vm->ram + REQUESTS + element[0] * 64u + 32, sizeof(response));
    *state = response[4];
    return element[2] == sizeof(response) ? response[0] : NO_ANSWER;
}
