/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of a virtio-mem driver (virtio 1.2, 5.15.6), each field of which is checked. */
#include "core/memory_device.h"

#include "lib/string.h"

#define DEVICE_ID              24
#define F_UNPLUGGED_UNREADABLE (1ull << 1) /* the driver does not touch what is not plugged */

#define FRAME_CLEAN  0x40000000u /* a spare or a going frame: it is clear */
#define FRAME_NUMBER 0x3fffffffu
#define REQUESTS     8u  /* in one kick */
#define SCRUBS       16u /* blocks; then the core may be called away, and the kick is repeated */

/* The device's configuration, and what the driver asks for (virtio 1.2, 5.15.4 and 5.15.6). */
struct layout {
    uint64_t block_size;         /* 0x00 */
    uint16_t node, padding[3];   /* 0x08 */
    uint64_t base, size, usable; /* 0x10 */
    uint64_t plugged;            /* 0x28 */
    uint64_t requested;          /* 0x30 */
};
_Static_assert(sizeof(struct layout) == VIRTIO_CONFIG_BYTES, "virtio 1.2, 5.15.4");

struct request {
    uint16_t type, padding[3]; /* 0x00 */
    uint64_t address;          /* 0x08 */
    uint16_t blocks, rest[3];  /* 0x10 */
};
_Static_assert(sizeof(struct request) == 24, "virtio 1.2, 5.15.6");

struct response {
    uint16_t type, padding[3]; /* 0x00 */
    uint16_t state;            /* 0x08 */
};
#define RESPONSE_BYTES 10u

enum { PLUG, UNPLUG, UNPLUG_ALL, STATE };
enum { STATE_PLUGGED, STATE_UNPLUGGED, STATE_MIXED };
/* AGAIN is no answer: the driver's core repeats its kick until there is one. */
enum answer { ACK, NACK, BUSY, ERROR, AGAIN };

/* Some blocks of a region. */
struct range {
    uint32_t first, end;
};

static gpa_t block_address(const struct memory_device *memory, uint32_t block)
{
    return (gpa_t){memory->blocks.base + block * MEMORY_DEVICE_BLOCK};
}

static hpa_t frame_address(uint32_t frame)
{
    return (hpa_t){(frame & FRAME_NUMBER) * MEMORY_DEVICE_BLOCK};
}

static void tell(struct memory_device *memory, size_t offset, uint64_t value)
{
    memcpy(&memory->device->config[offset], &value, sizeof(value));
}

static void count_plugged(struct memory_device *memory, uint32_t plugged)
{
    memory->plugged = plugged;
    tell(memory, offsetof(struct layout, plugged), plugged * MEMORY_DEVICE_BLOCK);
}

/* The blocks that a request is about; false: there are none such. */
static bool find_range(const struct memory_device *memory, const struct request *request,
                       struct range *range)
{
    uint64_t offset = request->address - memory->blocks.base;
    uint64_t first = offset / MEMORY_DEVICE_BLOCK;
    if (offset % MEMORY_DEVICE_BLOCK != 0 || request->blocks == 0 ||
        first >= memory->blocks.count || request->blocks > memory->blocks.count - first)
        return false;
    *range = (struct range){(uint32_t)first, (uint32_t)first + request->blocks};
    return true;
}

static bool has_block(const struct memory_device *memory, uint32_t block)
{
    uint32_t frame = atomic_load(&memory->blocks.frames[block]);
    return frame != 0 && (frame & GUEST_BLOCK_GOING) == 0;
}

static bool is_going(const struct memory_device *memory, uint32_t block)
{
    return (atomic_load(&memory->blocks.frames[block]) & GUEST_BLOCK_GOING) != 0;
}

/* The next COUNT spare frames are clear; false: not yet all of them. */
static bool clean_spare(struct memory_device *memory, uint32_t count)
{
    unsigned scrubbed = 0;
    for (uint32_t i = memory->spare_count - count; i < memory->spare_count; i++) {
        if ((memory->spare[i] & FRAME_CLEAN) != 0)
            continue;
        if (scrubbed++ == SCRUBS)
            return false;
        memory->host->scrub(frame_address(memory->spare[i]));
        memory->spare[i] |= FRAME_CLEAN;
    }
    return true;
}

static enum answer plug(struct memory_device *memory, struct range range)
{
    uint32_t count = range.end - range.first;
    void *vm = memory->device->vm;
    for (uint32_t i = range.first; i < range.end; i++)
        if (atomic_load(&memory->blocks.frames[i]) != 0)
            return ERROR;
    if (memory->plugged >= memory->requested || count > memory->requested - memory->plugged)
        return NACK;
    if (count > memory->spare_count)
        return BUSY;
    if (!clean_spare(memory, count))
        return AGAIN;
    for (uint32_t i = range.first; i < range.end; i++) /* makes the tables, so that all can be */
        if (!memory->host->unmap(vm, block_address(memory, i)))
            return BUSY;
    for (uint32_t i = range.first; i < range.end; i++) {
        uint32_t frame = memory->spare[--memory->spare_count] & FRAME_NUMBER;
        memory->host->map(vm, block_address(memory, i), frame_address(frame));
        atomic_store(&memory->blocks.frames[i], frame);
    }
    count_plugged(memory, memory->plugged + count);
    return ACK;
}

/* The plugged blocks of RANGE are nobody's to use any more; false: not all could be unmapped. */
static bool withdraw(struct memory_device *memory, struct range range)
{
    bool any = false, done = true;
    for (uint32_t i = range.first; i < range.end && done; i++) {
        if (!has_block(memory, i))
            continue;
        done = memory->host->unmap(memory->device->vm, block_address(memory, i));
        if (done)
            atomic_fetch_or(&memory->blocks.frames[i], GUEST_BLOCK_GOING);
        any = any || done;
    }
    if (any)
        memory->host->forget(memory->device->vm);
    return done;
}

/* What goes of RANGE is clear; false: not yet all of it. */
static bool clean_going(struct memory_device *memory, struct range range)
{
    unsigned scrubbed = 0;
    for (uint32_t i = range.first; i < range.end; i++) {
        uint32_t frame = atomic_load(&memory->blocks.frames[i]);
        if ((frame & GUEST_BLOCK_GOING) == 0 || (frame & FRAME_CLEAN) != 0)
            continue;
        if (scrubbed++ == SCRUBS)
            return false;
        memory->host->scrub(frame_address(frame));
        atomic_store(&memory->blocks.frames[i], frame | FRAME_CLEAN);
    }
    return true;
}

/* The frame behind BLOCK, if it has one, is spare; with these FLAGS. */
static void make_spare(struct memory_device *memory, uint32_t block, uint32_t flags)
{
    uint32_t frame = atomic_exchange(&memory->blocks.frames[block], 0) & FRAME_NUMBER;
    if (frame == 0)
        return;
    memory->spare[memory->spare_count++] = frame | flags;
    memory->plugged--;
}

static enum answer unplug(struct memory_device *memory, struct range range)
{
    if (!withdraw(memory, range))
        return BUSY;
    if (!memory->host->has_forgotten(memory->device->vm) || !clean_going(memory, range))
        return AGAIN;
    for (uint32_t i = range.end; i-- > range.first;) /* the lowest is plugged first again */
        make_spare(memory, i, FRAME_CLEAN);
    count_plugged(memory, memory->plugged);
    return ACK;
}

static enum answer unplug_some(struct memory_device *memory, struct range range)
{
    for (uint32_t i = range.first; i < range.end; i++)
        if (!has_block(memory, i) && !is_going(memory, i))
            return ERROR;
    return unplug(memory, range);
}

static uint16_t state_of(const struct memory_device *memory, struct range range)
{
    uint32_t plugged = 0;
    for (uint32_t i = range.first; i < range.end; i++)
        plugged += has_block(memory, i) ? 1u : 0u;
    return plugged == 0                         ? STATE_UNPLUGGED
           : plugged == range.end - range.first ? STATE_PLUGGED
                                                : STATE_MIXED;
}

static enum answer serve(struct memory_device *memory, const struct request *request,
                         uint16_t *state)
{
    struct range range = {0, memory->blocks.count};
    if (request->type == UNPLUG_ALL)
        return unplug(memory, range);
    if (request->type > STATE || !find_range(memory, request, &range))
        return ERROR;
    if (request->type == STATE)
        *state = state_of(memory, range);
    return request->type == PLUG     ? plug(memory, range)
           : request->type == UNPLUG ? unplug_some(memory, range)
                                     : ACK;
}

/* The next request; true if it is not done with. */
static bool serve_next(struct memory_device *memory, struct virtqueue *queue)
{
    struct virtqueue_chain chain;
    struct request request;
    struct response response = {0};
    if (!virtqueue_peek(queue, 0, &chain))
        return false;
    enum answer answer = ERROR;
    if (chain_read(&chain, 0, &request, sizeof(request)) == sizeof(request))
        answer = serve(memory, &request, &response.state);
    /* The place for the response may have been in what is unplugged now. */
    if (answer == AGAIN || !virtqueue_peek(queue, 0, &chain))
        return answer == AGAIN;
    response.type = (uint16_t)answer;
    virtqueue_fill(queue, 0, chain.head, chain_write(&chain, 0, &response, RESPONSE_BYTES));
    virtqueue_publish(queue, 1);
    return false;
}

static bool kick(struct virtio_device *device, unsigned index)
{
    struct virtqueue *queue = &device->queues[index];
    bool again = false;
    lock_take(&queue->lock);
    for (unsigned i = 0; i < REQUESTS && !again && virtqueue_waiting(queue, 0) > 0; i++)
        again = serve_next(device->port, queue);
    again = again || virtqueue_want_kick(queue, true);
    virtio_signal(device, index);
    lock_release(&queue->lock);
    return again;
}

const struct virtio_class memory_class = {
    .name = "memory",
    .id = DEVICE_ID,
    .queues = 1,
    .features = F_UNPLUGGED_UNREADABLE,
    .config_bytes = sizeof(struct layout),
    .kick = kick,
};

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
                                     .spare = (uint32_t *)table + count};
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
            memory->host->scrub(frame_address(memory->spare[i]));
            memory->spare[i] |= FRAME_CLEAN;
            (*most)--;
        }
        if (!release(context, frame_address(memory->spare[i])))
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
        if (has_block(memory, i))
            memory->host->unmap(memory->device->vm, block_address(memory, i));
        make_spare(memory, i, 0);
    }
    count_plugged(memory, memory->plugged);
    lock_release(lock);
}
