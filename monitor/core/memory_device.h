/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that a running VM gets and gives back: virtio-mem (virtio 1.2, 5.15). A region of the VM's
 * addresses is divided into blocks of a large page. The driver asks for blocks to be plugged, while
 * less is plugged than it was asked to have, and to be unplugged. No hardware.
 */
#pragma once

#include "core/config.h"
#include "core/virtio.h"

/* A region begins and ends where any kernel's own blocks do: those of x86 Linux have up to 2 GiB.
 */
#define MEMORY_DEVICE_ALIGN (2 * GIB)
#define MEMORY_DEVICE_BLOCK LARGE_PAGE

/* What the hardware does for the device. All of it on a core of the VM, but for `scrub`. */
struct memory_host {
    /* Map one block. False: the monitor's memory is used up; not after an unmap of it. */
    bool (*map)(void *vm, gpa_t block, hpa_t frame);
    bool (*unmap)(void *vm, gpa_t block);
    /* Blocks were unmapped: nobody is to use them any more; and is that so by now? */
    void (*forget)(void *vm);
    bool (*has_forgotten)(void *vm);
    void (*scrub)(hpa_t frame);
};

/* The lock of the device's queue guards all of it. */
struct memory_device {
    struct virtio_device *device;
    const struct memory_host *host;
    struct guest_blocks blocks;
    _Atomic uint32_t
        *spare; /* frames that are the VM's and lie behind no block; the last is next */
    uint32_t spare_count;
    uint32_t plugged;   /* blocks that have a frame, those on their way out, too */
    uint32_t requested; /* how many the driver is asked to have */
};

extern const struct virtio_class memory_class;

/* How many blocks the region of a VM has that may grow by SIZE bytes. */
uint32_t memory_device_blocks(uint64_t size);
/* Bytes of memory_device_join's TABLE for that. */
uint64_t memory_device_table(uint64_t size);
/*
 * MEMORY is behind DEVICE, of memory_class, and may plug SIZE bytes from BASE on. TABLE is clear.
 */
void memory_device_join(struct memory_device *memory, struct virtio_device *device,
                        const struct memory_host *host, gpa_t base, uint64_t size, void *table);
/* The driver is asked to have SIZE bytes plugged. Any core. */
void memory_device_request(struct memory_device *memory, uint64_t size);
/* Frames from BASE on, SIZE bytes, are the VM's: not more than were missing. Any core. */
void memory_device_add(struct memory_device *memory, hpa_t base, uint64_t size);
/* Bytes that are the VM's beyond those that it has plugged and is asked to plug. Any core. */
uint64_t memory_device_have(struct memory_device *memory);
/*
 * Frames that the VM is not to have any more go: clear, to RELEASE, if that can take them. At most
 * MOST of them had to be cleared first. Any core.
 */
void memory_device_trim(struct memory_device *memory, unsigned most, bool (*release)(void *, hpa_t),
                        void *context);
/* All blocks are unplugged; their frames stay the VM's. Its cores are stopped. */
void memory_device_reset(struct memory_device *memory);
