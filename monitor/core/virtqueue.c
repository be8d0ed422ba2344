/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Split virtqueues (virtio 1.2, 2.7). The guest writes to all of it while we read: each field is
 * read once, checked, and then used; nothing read from memory is read again.
 */
#include "core/virtqueue.h"

#include <stdatomic.h>

#include "lib/string.h"

#define DESCRIPTOR_BYTES   16u
#define FLAG_NEXT          1u
#define FLAG_WRITE         2u
#define FLAG_INDIRECT      4u
#define AVAIL_NO_INTERRUPT 1u
#define USED_NO_NOTIFY     1u
#define RING_HEADER        4u /* flags and index */
#define USED_ELEMENT       8u

struct descriptor {
    uint64_t address;
    uint32_t size;
    uint16_t flags, next;
};

/* A table of descriptors: the queue's own, or an indirect one. */
struct table {
    const volatile uint64_t *entries;
    uint32_t count;
    bool indirect;
};

void virtqueue_reset(struct virtqueue *queue, const struct guest_memory *memory)
{
    lock_take(&queue->lock);
    queue->memory = memory;
    queue->size = queue->limit = VIRTQUEUE_SIZE_MAX;
    queue->ready = queue->broken = queue->event_idx = queue->ever_signalled = false;
    queue->descriptors = queue->driver = queue->device = (gpa_t){0};
    queue->next = queue->used = queue->signalled = 0;
    lock_release(&queue->lock);
}

static uint64_t driver_bytes(const struct virtqueue *queue)
{
    return RING_HEADER + queue->size * sizeof(uint16_t) + sizeof(uint16_t);
}

static uint64_t device_bytes(const struct virtqueue *queue)
{
    return RING_HEADER + queue->size * USED_ELEMENT + sizeof(uint16_t);
}

/*
 * The three parts are looked up at each use: a VM's memory may change. A part that is no memory of
 * the VM any more breaks the queue.
 */
static volatile void *part(struct virtqueue *queue, gpa_t at, uint64_t size, uint64_t align)
{
    void *memory = at.v % align == 0 ? guest_pointer(queue->memory, at, size) : NULL;
    if (memory == NULL)
        queue->broken = true;
    return memory;
}

static volatile uint16_t *driver_part(struct virtqueue *queue)
{
    return part(queue, queue->driver, driver_bytes(queue), 2);
}

static volatile uint16_t *device_part(struct virtqueue *queue)
{
    return part(queue, queue->device, device_bytes(queue), 4);
}

static bool table_part(struct virtqueue *queue, struct table *table)
{
    table->count = queue->size;
    table->indirect = false;
    table->entries = part(queue, queue->descriptors, queue->size * DESCRIPTOR_BYTES, 16);
    return table->entries != NULL;
}

bool virtqueue_start(struct virtqueue *queue)
{
    struct table table;
    queue->broken =
        queue->size == 0 || queue->size > queue->limit || (queue->size & (queue->size - 1)) != 0;
    queue->ready = !queue->broken && table_part(queue, &table) && driver_part(queue) != NULL &&
                   device_part(queue) != NULL;
    return queue->ready;
}

unsigned virtqueue_waiting(struct virtqueue *queue, unsigned ahead)
{
    volatile uint16_t *driver = queue->ready && !queue->broken ? driver_part(queue) : NULL;
    if (driver == NULL)
        return 0;
    uint16_t waiting = (uint16_t)(driver[1] - queue->next);
    atomic_thread_fence(memory_order_acquire); /* what the entries point to was written before */
    if (waiting > queue->size) {
        queue->broken = true;
        return 0;
    }
    return waiting > ahead ? waiting - ahead : 0;
}

static struct descriptor descriptor_read(const struct table *table, uint32_t index)
{
    uint64_t address = table->entries[2 * index];
    uint64_t rest = table->entries[2 * index + 1];
    return (struct descriptor){address, (uint32_t)rest, (uint16_t)(rest >> 32),
                               (uint16_t)(rest >> 48)};
}

/* Add the memory at ADDRESS to the chain, in several pieces if the VM's memory has borders there.
 */
static bool chain_add(const struct virtqueue *queue, struct virtqueue_chain *chain,
                      const struct descriptor *d)
{
    bool writable = (d->flags & FLAG_WRITE) != 0;
    uint32_t *bytes = writable ? &chain->writable_bytes : &chain->readable_bytes;
    if ((!writable && chain->writable > 0) || d->size > UINT32_MAX - *bytes)
        return false;
    *bytes += d->size;
    for (uint64_t done = 0, share; done < d->size; done += share) {
        unsigned at = (unsigned)chain->readable + chain->writable;
        share = d->size - done;
        uint8_t *data = d->address + done >= d->address
                            ? guest_piece(queue->memory, d->address + done, &share)
                            : NULL;
        if (data == NULL || at == VIRTQUEUE_PIECES_MAX)
            return false;
        chain->pieces[at] = (struct virtqueue_piece){data, (uint32_t)share};
        if (writable)
            chain->writable++;
        else
            chain->readable++;
    }
    return true;
}

/* An indirect descriptor opens another table, from its first entry on; in it there is no other. */
static bool table_open(const struct virtqueue *queue, struct table *table,
                       const struct descriptor *d)
{
    if (table->indirect || (d->flags & FLAG_NEXT) != 0 || d->size == 0 ||
        d->size % DESCRIPTOR_BYTES != 0 || d->address % sizeof(uint64_t) != 0)
        return false;
    table->indirect = true;
    table->count = d->size / DESCRIPTOR_BYTES;
    table->entries = guest_pointer(queue->memory, (gpa_t){d->address}, d->size);
    return table->entries != NULL;
}

/* Follow the chain from HEAD; one that is longer than its table has a loop. */
static bool chain_collect(const struct virtqueue *queue, struct table table,
                          struct virtqueue_chain *chain)
{
    uint32_t index = chain->head;
    for (uint32_t steps = 0; steps <= table.count && index < table.count; steps++) {
        struct descriptor d = descriptor_read(&table, index);
        if ((d.flags & FLAG_INDIRECT) != 0) {
            if (!table_open(queue, &table, &d))
                return false;
            index = steps = 0;
            continue;
        }
        if (!chain_add(queue, chain, &d))
            return false;
        if ((d.flags & FLAG_NEXT) == 0)
            return true;
        index = d.next;
    }
    return false;
}

bool virtqueue_look(struct virtqueue *queue, uint16_t head, struct virtqueue_chain *chain)
{
    struct table table;
    if (!queue->ready || queue->broken || !table_part(queue, &table))
        return false;
    chain->head = head;
    chain->readable = chain->writable = 0;
    chain->readable_bytes = chain->writable_bytes = 0;
    queue->broken = !chain_collect(queue, table, chain);
    return !queue->broken;
}

bool virtqueue_peek(struct virtqueue *queue, unsigned ahead, struct virtqueue_chain *chain)
{
    volatile uint16_t *driver = virtqueue_waiting(queue, ahead) > 0 ? driver_part(queue) : NULL;
    return driver != NULL &&
           virtqueue_look(queue, driver[2 + (queue->next + ahead) % queue->size], chain);
}

void virtqueue_fill(struct virtqueue *queue, unsigned ahead, uint16_t head, uint32_t written)
{
    volatile uint16_t *device = device_part(queue);
    if (device == NULL)
        return;
    volatile uint32_t *element =
        (volatile uint32_t *)(device + 2) + (queue->used + ahead) % queue->size * 2;
    element[0] = head;
    element[1] = written;
}

static void publish(struct virtqueue *queue, unsigned count)
{
    volatile uint16_t *device = device_part(queue);
    queue->used = (uint16_t)(queue->used + count);
    atomic_thread_fence(memory_order_release);
    if (device != NULL)
        device[1] = queue->used;
}

void virtqueue_publish(struct virtqueue *queue, unsigned count)
{
    queue->next = (uint16_t)(queue->next + count);
    publish(queue, count);
}

void virtqueue_take(struct virtqueue *queue)
{
    queue->next++;
}

void virtqueue_give(struct virtqueue *queue, uint16_t head, uint32_t written)
{
    if (!queue->ready || queue->broken)
        return;
    virtqueue_fill(queue, 0, head, written);
    publish(queue, 1);
}

bool virtqueue_interrupt(struct virtqueue *queue)
{
    volatile uint16_t *driver = queue->ready && !queue->broken ? driver_part(queue) : NULL;
    uint16_t before = queue->signalled;
    bool first = !queue->ever_signalled;
    if (driver == NULL || before == queue->used)
        return false;
    atomic_thread_fence(memory_order_seq_cst); /* the guest looks at the index, then asks */
    queue->signalled = queue->used;
    queue->ever_signalled = true;
    if (!queue->event_idx)
        return (driver[0] & AVAIL_NO_INTERRUPT) == 0;
    uint16_t event = driver[2 + queue->size];
    return first || (uint16_t)(queue->used - event - 1) < (uint16_t)(queue->used - before);
}

/* The driver kicks with the chain AHEAD of the next one; half of all indexes away: with none. */
static void set_event(const struct virtqueue *queue, volatile uint16_t *device, unsigned ahead)
{
    device[2 + queue->size * USED_ELEMENT / sizeof(uint16_t)] = (uint16_t)(queue->next + ahead);
}

bool virtqueue_want_kick(struct virtqueue *queue, bool want)
{
    volatile uint16_t *device = queue->ready && !queue->broken ? device_part(queue) : NULL;
    if (device == NULL)
        return false;
    if (!queue->event_idx)
        device[0] = (uint16_t)(want ? 0 : USED_NO_NOTIFY);
    else
        set_event(queue, device, want ? 0 : 0x8000);
    atomic_thread_fence(memory_order_seq_cst);
    return want && virtqueue_waiting(queue, 0) > 0;
}

bool virtqueue_kick_behind(struct virtqueue *queue, unsigned count)
{
    volatile uint16_t *device = queue->ready && !queue->broken ? device_part(queue) : NULL;
    if (device == NULL)
        return false;
    set_event(queue, device, count);
    atomic_thread_fence(memory_order_seq_cst);
    return virtqueue_waiting(queue, count) > 0;
}

/* A place in the readable or writable part of a chain. */
struct cursor {
    const struct virtqueue_piece *piece, *end;
    uint32_t offset; /* in the piece */
};

static struct cursor cursor_at(const struct virtqueue_chain *chain, bool writable, uint32_t offset)
{
    struct cursor at = {chain->pieces, chain->pieces + chain->readable, offset};
    if (writable) {
        at.piece += chain->readable;
        at.end += chain->writable;
    }
    for (; at.piece < at.end && at.offset >= at.piece->size; at.piece++)
        at.offset -= at.piece->size;
    return at;
}

/* At most WANTED bytes that lie together; 0 at the end. */
static uint32_t cursor_take(struct cursor *at, uint32_t wanted, uint8_t **data)
{
    if (at->piece == at->end)
        return 0;
    uint32_t left = at->piece->size - at->offset;
    uint32_t size = wanted < left ? wanted : left;
    *data = at->piece->data + at->offset;
    at->offset += size;
    if (size == left) {
        at->offset = 0;
        at->piece++;
    }
    return size;
}

uint32_t chain_read(const struct virtqueue_chain *chain, uint32_t offset, void *data, uint32_t size)
{
    struct cursor from = cursor_at(chain, false, offset);
    uint32_t done = 0;
    uint8_t *source;
    for (uint32_t part; (part = cursor_take(&from, size - done, &source)) > 0; done += part)
        memcpy((uint8_t *)data + done, source, part);
    return done;
}

uint32_t chain_write(const struct virtqueue_chain *chain, uint32_t offset, const void *data,
                     uint32_t size)
{
    struct cursor to = cursor_at(chain, true, offset);
    uint32_t done = 0;
    uint8_t *target;
    for (uint32_t part; (part = cursor_take(&to, size - done, &target)) > 0; done += part)
        memcpy(target, (const uint8_t *)data + done, part);
    return done;
}

uint32_t chain_copy(const struct virtqueue_chain *to, uint32_t to_offset,
                    const struct virtqueue_chain *from, uint32_t from_offset, uint32_t size)
{
    struct cursor target = cursor_at(to, true, to_offset);
    struct cursor source = cursor_at(from, false, from_offset);
    uint32_t done = 0;
    uint8_t *read;
    uint8_t *write;
    for (uint32_t part; (part = cursor_take(&source, size - done, &read)) > 0;) {
        for (uint32_t put = 0, share; put < part; put += share, done += share) {
            share = cursor_take(&target, part - put, &write);
            if (share == 0)
                return done;
            memcpy(write, read + put, share);
        }
    }
    return done;
}
