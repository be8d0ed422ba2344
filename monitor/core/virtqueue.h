/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side of a split virtqueue (virtio 1.2, 2.7). What the guest wrote is never trusted.
 */
#pragma once

#include "core/guest_memory.h"
#include "core/lock.h"

#define VIRTQUEUE_SIZE_MAX 256u
#define VIRTQUEUE_PIECES_MAX                                                                       \
    80u /* of a chain: 17 fragments of a packet that cross borders, and room */

/*
 * One queue. All calls but virtqueue_init need its lock, which any core may take: another VM's,
 * too. A queue whose guest breaks a rule is marked broken and is dead until the device is reset.
 */
struct virtqueue {
    struct lock lock;
    const struct guest_memory *memory;
    uint16_t size;  /* entries, a power of two */
    uint16_t limit; /* of the size */
    bool ready;
    bool broken;
    bool event_idx;                    /* VIRTIO_F_EVENT_IDX was negotiated */
    gpa_t descriptors, driver, device; /* descriptor table, available ring, used ring */
    uint16_t next;                     /* the available entry to be taken next */
    uint16_t used;                     /* used entries published so far */
    uint16_t signalled;                /* `used` when the guest was last interrupted */
    bool ever_signalled;
};

struct virtqueue_piece {
    uint8_t *data;
    uint32_t size;
};

/* A chain of descriptors: what the device reads, then what it may write. */
struct virtqueue_chain {
    uint16_t head;
    uint16_t readable, writable; /* pieces of each kind: pieces[0 .. readable), then the others */
    uint32_t readable_bytes, writable_bytes;
    struct virtqueue_piece pieces[VIRTQUEUE_PIECES_MAX];
};

/* Empty and not ready; the guest may then set size and addresses. */
void virtqueue_reset(struct virtqueue *queue, const struct guest_memory *memory);
/* The guest enables the queue: false if size or addresses are no good. */
bool virtqueue_start(struct virtqueue *queue);

/* How many chains wait beyond the AHEAD next ones; 0 if the queue is not ready or broken. */
unsigned virtqueue_waiting(struct virtqueue *queue, unsigned ahead);
/* Look at the chain AHEAD of the next one, which stays where it is. False: none, or broken. */
bool virtqueue_peek(struct virtqueue *queue, unsigned ahead, struct virtqueue_chain *chain);
/*
 * Give back chains that were looked at, in order: virtqueue_fill for the AHEAD'th of them with the
 * bytes written to it, then virtqueue_publish for all COUNT at once.
 */
void virtqueue_fill(struct virtqueue *queue, unsigned ahead, uint16_t head, uint32_t written);
void virtqueue_publish(struct virtqueue *queue, unsigned count);

/*
 * Out of order: take the next chain from the available ring, look at it again by its head when its
 * time comes (false: it is no good any more), give it back.
 */
void virtqueue_take(struct virtqueue *queue);
bool virtqueue_look(struct virtqueue *queue, uint16_t head, struct virtqueue_chain *chain);
void virtqueue_give(struct virtqueue *queue, uint16_t head, uint32_t written);

/* Does the guest want an interrupt for what was published since the last time it was asked? */
bool virtqueue_interrupt(struct virtqueue *queue);
/*
 * The guest shall kick when it makes a chain available, or need not. True if some became available
 * before it could know: look once more.
 */
bool virtqueue_want_kick(struct virtqueue *queue, bool want);
/*
 * Needs EVENT_IDX. The guest shall kick with the chain behind the next COUNT, and not before: who
 * takes just these may leave the queue. True if that chain was there before the guest could know.
 */
bool virtqueue_kick_behind(struct virtqueue *queue, unsigned count);

/* Copy SIZE bytes from OFFSET of the chain's readable part; the bytes copied. */
uint32_t chain_read(const struct virtqueue_chain *chain, uint32_t offset, void *data,
                    uint32_t size);
/* Copy SIZE bytes to OFFSET of the chain's writable part; the bytes copied. */
uint32_t chain_write(const struct virtqueue_chain *chain, uint32_t offset, const void *data,
                     uint32_t size);
/* Copy SIZE bytes from one chain's readable part to another's writable part; the bytes copied. */
uint32_t chain_copy(const struct virtqueue_chain *to, uint32_t to_offset,
                    const struct virtqueue_chain *from, uint32_t from_offset, uint32_t size);
