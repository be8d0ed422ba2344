/* SPDX-License-Identifier: Apache-2.0 */
/* The requests of a virtio-mem driver (virtio 1.2, 5.15.6), each field of which is checked. */
#include "core/memory_parts.h"

#define DEVICE_ID              24
#define F_UNPLUGGED_UNREADABLE (1ull << 1) /* the driver does not touch what is not plugged */

#define REQUESTS 8u  /* in one kick */
#define SCRUBS   16u /* blocks; then the core may be called away, and the kick is repeated */

/* What the driver asks for, and what it is told (virtio 1.2, 5.15.6). */
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

static bool is_going(const struct memory_device *memory, uint32_t block)
{
    return (atomic_load(&memory->blocks.frames[block]) & GUEST_BLOCK_GOING) != 0;
}

/* Those of LIST's frames in RANGE that have FLAGS are clear; false: not yet all. */
static bool clean(const struct memory_device *memory, _Atomic uint32_t *list, struct range range,
                  uint32_t flags)
{
    unsigned scrubbed = 0;
    for (uint32_t i = range.first; i < range.end; i++) {
        uint32_t frame = atomic_load(&list[i]);
        if ((frame & (flags | FRAME_CLEAN)) != flags)
            continue;
        if (scrubbed++ == SCRUBS)
            return false;
        memory->host->scrub(memory_frame(frame));
        atomic_store(&list[i], frame | FRAME_CLEAN);
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
    struct range next = {memory->spare_count - count, memory->spare_count};
    if (!clean(memory, memory->spare, next, 0))
        return AGAIN;
    for (uint32_t i = range.first; i < range.end; i++) /* makes the tables, so that all can be */
        if (!memory->host->unmap(vm, memory_block(memory, i)))
            return BUSY;
    for (uint32_t i = range.first; i < range.end; i++) {
        uint32_t frame = memory->spare[--memory->spare_count] & FRAME_NUMBER;
        memory->host->map(vm, memory_block(memory, i), memory_frame(frame));
        atomic_store(&memory->blocks.frames[i], frame);
    }
    memory_count_plugged(memory, memory->plugged + count);
    return ACK;
}

/* The plugged blocks of RANGE are nobody's to use any more; false: not all could be unmapped. */
static bool withdraw(struct memory_device *memory, struct range range)
{
    bool any = false, done = true;
    for (uint32_t i = range.first; i < range.end && done; i++) {
        if (!memory_has_block(memory, i))
            continue;
        done = memory->host->unmap(memory->device->vm, memory_block(memory, i));
        if (done)
            atomic_fetch_or(&memory->blocks.frames[i], GUEST_BLOCK_GOING);
        any = any || done;
    }
    if (any)
        memory->host->forget(memory->device->vm);
    return done;
}

static enum answer unplug(struct memory_device *memory, struct range range)
{
    if (!withdraw(memory, range))
        return BUSY;
    if (!memory->host->has_forgotten(memory->device->vm) ||
        !clean(memory, memory->blocks.frames, range, GUEST_BLOCK_GOING))
        return AGAIN;
    for (uint32_t i = range.end; i-- > range.first;) /* the lowest is plugged first again */
        memory_make_spare(memory, i, FRAME_CLEAN);
    memory_count_plugged(memory, memory->plugged);
    return ACK;
}

static enum answer unplug_some(struct memory_device *memory, struct range range)
{
    for (uint32_t i = range.first; i < range.end; i++)
        if (!memory_has_block(memory, i) && !is_going(memory, i))
            return ERROR;
    return unplug(memory, range);
}

static uint16_t state_of(const struct memory_device *memory, struct range range)
{
    uint32_t plugged = 0;
    for (uint32_t i = range.first; i < range.end; i++)
        plugged += memory_has_block(memory, i) ? 1u : 0u;
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
