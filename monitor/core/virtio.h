/* SPDX-License-Identifier: Apache-2.0 */
/* A virtio device as its driver sees it: registers and queues (virtio 1.2, 4.1.4). No hardware. */
#pragma once

#include "core/virtqueue.h"

#define VIRTIO_QUEUES_MAX   3u
#define VIRTIO_CONFIG_BYTES 56u
#define VIRTIO_NO_VECTOR    0xffffu

#define VIRTIO_F_INDIRECT  (1ull << 28)
#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)

/* The structures, one behind the other in an I/O BAR. */
#define VIRTIO_COMMON    0x00u
#define VIRTIO_ISR       0x38u
#define VIRTIO_NOTIFY    0x3cu /* the same for all queues: a queue's index is written here */
#define VIRTIO_CONFIG    0x40u
#define VIRTIO_BAR_BYTES 0x80u

#define VIRTIO_STATUS_DRIVER_OK 4u

struct virtio_device;

struct virtio_class {
    const char *name; /* in statistics */
    uint16_t id;      /* virtio device type: 1 network, 19 socket, 24 memory */
    unsigned queues;
    uint16_t sizes[VIRTIO_QUEUES_MAX]; /* of the queues, at most; 0: VIRTQUEUE_SIZE_MAX */
    uint64_t features;                 /* beside those above */
    unsigned config_bytes;
    /* The driver has kicked QUEUE; true: not all is done, let it kick again. A core of the VM's. */
    bool (*kick)(struct virtio_device *device, unsigned queue);
    /* The driver has reset the device, or its VM is gone; the queues are not ready any more. */
    void (*reset)(struct virtio_device *device);
};

/* Counted by whichever core moves the data. */
struct virtio_counters {
    _Atomic uint64_t rx_packets, rx_bytes; /* to the VM */
    _Atomic uint64_t tx_packets, tx_bytes; /* from it */
    _Atomic uint64_t drops, kicks, interrupts;
};

struct virtio_device {
    const struct virtio_class *class; /* NULL: the VM has no such device */
    const struct guest_memory *memory;
    /* Interrupt the driver by its MSI-X vector; set by the hardware side. Any core. */
    void (*interrupt)(struct virtio_device *device, uint16_t vector);
    void *vm;   /* for that side */
    void *port; /* for the class */

    struct lock lock; /* guards what follows, up to the queues, which have their own */
    uint64_t negotiated;
    uint32_t feature_select, driver_select;
    uint16_t queue_select, config_vector;
    uint8_t status;
    _Atomic uint8_t isr, generation;
    uint16_t vectors[VIRTIO_QUEUES_MAX];
    struct virtqueue queues[VIRTIO_QUEUES_MAX];
    uint8_t config[VIRTIO_CONFIG_BYTES]; /* read-only for the driver */
    struct virtio_counters counters;
};

/* Make DEVICE one of CLASS in a VM with MEMORY; config is the caller's to fill. */
void virtio_init(struct virtio_device *device, const struct virtio_class *class,
                 const struct guest_memory *memory);
/* As after power-on; the driver's queues are let go when this returns. Any core. */
void virtio_reset(struct virtio_device *device);
/*
 * The driver reads or writes SIZE (1, 2, 4) bytes at OFFSET of the BAR; a write that returns true
 * is to be repeated. A core of the VM's.
 */
uint32_t virtio_read(struct virtio_device *device, unsigned offset, unsigned size);
bool virtio_write(struct virtio_device *device, unsigned offset, unsigned size, uint32_t value);

/* True if the driver accepted FEATURE. */
static inline bool virtio_has(const struct virtio_device *device, uint64_t feature)
{
    return (device->negotiated & feature) != 0;
}

/* Tell the driver that `config` has changed. Any core. */
void virtio_configured(struct virtio_device *device);
/* Tell the driver of used buffers of queue INDEX, if it wants to know. The queue's lock is held. */
void virtio_signal(struct virtio_device *device, unsigned index);
