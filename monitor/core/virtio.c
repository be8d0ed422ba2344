/* SPDX-License-Identifier: Apache-2.0 */
/* The registers of a virtio device (virtio 1.2, 2.1 to 2.4, 4.1.4.3). */
#include "core/virtio.h"

#include "lib/string.h"

#define STATUS_FEATURES_OK 8u
#define STATUS_NEEDS_RESET 64u
#define ISR_QUEUE          1u
#define ISR_CONFIG         2u
#define ALL_FEATURES       (VIRTIO_F_INDIRECT | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1)

/* The common configuration: one register at each of these offsets, as wide as the standard says. */
enum {
    REG_DEVICE_SELECT = 0x00,
    REG_DEVICE_FEATURES = 0x04,
    REG_DRIVER_SELECT = 0x08,
    REG_DRIVER_FEATURES = 0x0c,
    REG_CONFIG_VECTOR = 0x10,
    REG_QUEUES = 0x12,
    REG_STATUS = 0x14,
    REG_GENERATION = 0x15,
    REG_QUEUE_SELECT = 0x16,
    REG_QUEUE_SIZE = 0x18,
    REG_QUEUE_VECTOR = 0x1a,
    REG_QUEUE_ENABLE = 0x1c,
    REG_QUEUE_ADDRESSES = 0x20, /* three of 64 bits, written in halves */
    REG_COMMON_END = 0x38,
};

static uint64_t offered(const struct virtio_device *device)
{
    return device->class->features | ALL_FEATURES;
}

void virtio_init(struct virtio_device *device, const struct virtio_class *class,
                 const struct guest_memory *memory)
{
    device->class = class;
    device->memory = memory;
    virtio_reset(device);
}

static void reset_locked(struct virtio_device *device)
{
    device->status = 0;
    device->isr = 0;
    device->negotiated = 0;
    device->feature_select = device->driver_select = 0;
    device->queue_select = 0;
    device->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned i = 0; i < device->class->queues; i++) {
        device->vectors[i] = VIRTIO_NO_VECTOR;
        virtqueue_reset(&device->queues[i], device->memory);
        if (device->class->sizes[i] != 0)
            device->queues[i].size = device->queues[i].limit = device->class->sizes[i];
    }
    if (device->class->reset != NULL)
        device->class->reset(device);
}

void virtio_reset(struct virtio_device *device)
{
    lock_take(&device->lock);
    reset_locked(device);
    lock_release(&device->lock);
}

static struct virtqueue *selected(struct virtio_device *device)
{
    return device->queue_select < device->class->queues ? &device->queues[device->queue_select]
                                                        : NULL;
}

static gpa_t *queue_address(struct virtqueue *queue, unsigned offset)
{
    gpa_t *const addresses[] = {&queue->descriptors, &queue->driver, &queue->device};
    return addresses[(offset - REG_QUEUE_ADDRESSES) / 8];
}

static uint32_t read_queue(struct virtio_device *device, unsigned offset)
{
    struct virtqueue *queue = selected(device);
    if (queue == NULL)
        return offset == REG_QUEUE_VECTOR ? VIRTIO_NO_VECTOR : 0;
    switch (offset) {
    case REG_QUEUE_SIZE:
        return queue->size;
    case REG_QUEUE_VECTOR:
        return device->vectors[device->queue_select];
    case REG_QUEUE_ENABLE:
        return queue->ready ? 1 : 0;
    default:
        return offset >= REG_QUEUE_ADDRESSES && offset % 4 == 0
                   ? (uint32_t)(queue_address(queue, offset)->v >> offset % 8 * 8)
                   : 0;
    }
}

static uint32_t read_common(struct virtio_device *device, unsigned offset)
{
    switch (offset) {
    case REG_DEVICE_SELECT:
        return device->feature_select;
    case REG_DEVICE_FEATURES:
        return device->feature_select < 2
                   ? (uint32_t)(offered(device) >> device->feature_select * 32)
                   : 0;
    case REG_DRIVER_SELECT:
        return device->driver_select;
    case REG_DRIVER_FEATURES:
        return device->driver_select < 2
                   ? (uint32_t)(device->negotiated >> device->driver_select * 32)
                   : 0;
    case REG_CONFIG_VECTOR:
        return device->config_vector;
    case REG_QUEUES:
        return device->class->queues;
    case REG_STATUS:
        for (unsigned i = 0; i < device->class->queues; i++)
            if (device->queues[i].broken)
                return device->status | STATUS_NEEDS_RESET;
        return device->status;
    case REG_GENERATION:
        return device->generation;
    case REG_QUEUE_SELECT:
        return device->queue_select;
    default:
        return read_queue(device, offset);
    }
}

uint32_t virtio_read(struct virtio_device *device, unsigned offset, unsigned size)
{
    uint32_t value = 0;
    lock_take(&device->lock);
    if (offset < REG_COMMON_END)
        value = read_common(device, offset);
    else if (offset == VIRTIO_ISR)
        value = atomic_exchange(&device->isr, 0);
    else if (offset >= VIRTIO_CONFIG &&
             offset + size <= VIRTIO_CONFIG + device->class->config_bytes)
        memcpy(&value, &device->config[offset - VIRTIO_CONFIG], size);
    lock_release(&device->lock);
    return value;
}

/* What the driver accepts is fixed with FEATURES_OK, which it does not get for anything else. */
static void write_status(struct virtio_device *device, uint8_t status)
{
    bool features = (status & STATUS_FEATURES_OK) != 0;
    if (status == 0) {
        reset_locked(device);
        return;
    }
    if (features &&
        ((device->negotiated & ~offered(device)) != 0 || !virtio_has(device, VIRTIO_F_VERSION_1)))
        status &= (uint8_t)~STATUS_FEATURES_OK;
    device->status = status;
}

static uint16_t checked_vector(const struct virtio_device *device, uint32_t vector)
{
    return vector <= device->class->queues ? (uint16_t)vector : VIRTIO_NO_VECTOR;
}

static void write_queue(struct virtio_device *device, unsigned offset, uint32_t value)
{
    struct virtqueue *queue = selected(device);
    if (queue == NULL)
        return;
    if (offset == REG_QUEUE_VECTOR) {
        device->vectors[device->queue_select] = checked_vector(device, value);
        return;
    }
    lock_take(&queue->lock);
    if (queue->ready) {
        /* all is fixed until the reset */
    } else if (offset == REG_QUEUE_SIZE) {
        queue->size = (uint16_t)value;
    } else if (offset == REG_QUEUE_ENABLE && value == 1) {
        queue->event_idx = virtio_has(device, VIRTIO_F_EVENT_IDX);
        virtqueue_start(queue);
    } else if (offset >= REG_QUEUE_ADDRESSES && offset % 4 == 0) {
        gpa_t *address = queue_address(queue, offset);
        unsigned shift = offset % 8 * 8;
        address->v = (address->v & ~(0xffffffffull << shift)) | (uint64_t)value << shift;
    }
    lock_release(&queue->lock);
}

static void write_common(struct virtio_device *device, unsigned offset, uint32_t value)
{
    switch (offset) {
    case REG_DEVICE_SELECT:
        device->feature_select = value;
        break;
    case REG_DRIVER_SELECT:
        device->driver_select = value;
        break;
    case REG_DRIVER_FEATURES:
        if (device->driver_select < 2 && (device->status & STATUS_FEATURES_OK) == 0) {
            unsigned shift = device->driver_select * 32;
            device->negotiated = (device->negotiated & ~(0xffffffffull << shift)) | (uint64_t)value
                                                                                        << shift;
        }
        break;
    case REG_CONFIG_VECTOR:
        device->config_vector = checked_vector(device, value);
        break;
    case REG_STATUS:
        write_status(device, (uint8_t)value);
        break;
    case REG_QUEUE_SELECT:
        device->queue_select = (uint16_t)value;
        break;
    default:
        if (offset >= REG_QUEUE_SIZE)
            write_queue(device, offset, value);
    }
}

bool virtio_write(struct virtio_device *device, unsigned offset, unsigned size, uint32_t value)
{
    if (offset == VIRTIO_NOTIFY) {
        unsigned queue = value & 0xffff;
        atomic_fetch_add(&device->counters.kicks, 1);
        return queue < device->class->queues && (device->status & VIRTIO_STATUS_DRIVER_OK) != 0 &&
               device->class->kick(device, queue);
    }
    (void)size; /* a register is as wide as it is */
    lock_take(&device->lock);
    if (offset < REG_COMMON_END)
        write_common(device, offset, value);
    lock_release(&device->lock);
    return false;
}

static void interrupt(struct virtio_device *device, uint8_t isr, uint16_t vector)
{
    atomic_fetch_or(&device->isr, isr);
    if (vector == VIRTIO_NO_VECTOR)
        return;
    atomic_fetch_add(&device->counters.interrupts, 1);
    device->interrupt(device, vector);
}

void virtio_configured(struct virtio_device *device)
{
    atomic_fetch_add(&device->generation, 1);
    interrupt(device, ISR_CONFIG, device->config_vector);
}

void virtio_signal(struct virtio_device *device, unsigned index)
{
    if (virtqueue_interrupt(&device->queues[index]))
        interrupt(device, ISR_QUEUE, device->vectors[index]);
}
