/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of a memory device: those that a VM gets, and those that it is not to have any more.
 */
#include "core/memory_parts.h"

#include "lib/string.h"

static void tell(struct memory_device *memory, size_t offset, uint64_t value)
{
    memcpy(&memory->device->config[offset], &value, sizeof(value));
}

void memory_count_plugged(struct memory_device *memory, uint32_t plugged)
{
    memory->plugged = plugged;
    tell(memory, offsetof(struct layout, plugged), plugged * MEMORY_DEVICE_BLOCK);
}

void memory_make_spare(struct memory_device *memory, uint32_t block, uint32_t flags)
{
    uint32_t frame = atomic_exchange(&memory->blocks.frames[block], 0) & FRAME_NUMBER;
    if (frame == 0)
        return;
    memory->spare[memory->spare_count++] = frame | flags;
    memory->plugged--;
}

uint32_t memory_device_blocks(uint64_t size)
{
    return (uint32_t)(align_up(size, MEMORY_DEVICE_ALIGN) / MEMORY_DEVICE_BLOCK);
}

uint64_t memory_device_table(uint64_t size)
{
    return memory_device_blocks(size) * 2ull * sizeof(uint32_t);
}

void memory_device_join(struct memory_device *memory, struct virtio_device *device,
                        const struct memory_host *host, gpa_t base, uint64_t size, void *table)
{
    uint32_t count = memory_device_blocks(size);
    uint64_t bytes = count * MEMORY_DEVICE_BLOCK;
    struct layout layout = {
        .block_size = MEMORY_DEVICE_BLOCK, .base = base.v, .size = bytes, .usable = bytes};
    *memory = (struct memory_device){.device = device,
                                     .host = host,
                                     .blocks = {base.v, count, table},
                                     .spare = (_Atomic uint32_t *)table + count};
    memcpy(device->config, &layout, sizeof(layout));
    device->port = memory;
}

void memory_device_request(struct memory_device *memory, uint64_t size)
{
    struct lock *lock = &memory->device->queues[0].lock;
    lock_take(lock);
    memory->requested = (uint32_t)(size / MEMORY_DEVICE_BLOCK);
    tell(memory, offsetof(struct layout, requested), size);
    lock_release(lock);
    virtio_configured(memory->device);
}

void memory_device_add(struct memory_device *memory, hpa_t base, uint64_t size)
{
    struct lock *lock = &memory->device->queues[0].lock;
    lock_take(lock);
    for (uint64_t at = base.v + size; at > base.v;) { /* the lowest is plugged first */
        at -= MEMORY_DEVICE_BLOCK;
        memory->spare[memory->spare_count++] = (uint32_t)(at / MEMORY_DEVICE_BLOCK);
    }
    lock_release(lock);
}

uint64_t memory_device_have(struct memory_device *memory)
{
    struct lock *lock = &memory->device->queues[0].lock;
    lock_take(lock);
    uint64_t frames = (uint64_t)memory->plugged + memory->spare_count;
    lock_release(lock);
    return frames * MEMORY_DEVICE_BLOCK;
}

/* One spare frame goes, if any can; false: none. */
static bool trim_one(struct memory_device *memory, unsigned *most, bool (*release)(void *, hpa_t),
                     void *context)
{
    for (uint32_t i = memory->spare_count; i-- > 0;) {
        bool dirty = (memory->spare[i] & FRAME_CLEAN) == 0;
        if (dirty && *most == 0)
            continue;
        if (dirty) {
            memory->host->scrub(memory_frame(memory->spare[i]));
            memory->spare[i] |= FRAME_CLEAN;
            (*most)--;
        }
        if (!release(context, memory_frame(memory->spare[i])))
            continue;
        memory->spare_count--;
        memmove(&memory->spare[i], &memory->spare[i + 1],
                (memory->spare_count - i) * sizeof(memory->spare[0]));
        return true;
    }
    return false;
}

void memory_device_trim(struct memory_device *memory, unsigned most, bool (*release)(void *, hpa_t),
                        void *context)
{
    struct lock *lock = &memory->device->queues[0].lock;
    lock_take(lock);
    while (memory->spare_count > 0 && memory->plugged + memory->spare_count > memory->requested &&
           trim_one(memory, &most, release, context))
        ;
    lock_release(lock);
}

void memory_device_reset(struct memory_device *memory)
{
    struct lock *lock = &memory->device->queues[0].lock;
    lock_take(lock);
    for (uint32_t i = memory->blocks.count; i-- > 0;) {
        if (memory_has_block(memory, i))
            memory->host->unmap(memory->device->vm, memory_block(memory, i));
        memory_make_spare(memory, i, 0);
    }
    memory_count_plugged(memory, memory->plugged);
    lock_release(lock);
}
