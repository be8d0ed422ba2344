/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwarding sockets' packets from a send ring into the receiver's buffers, on whichever core finds
 * both there: the sender's, or the receiver's when it adds buffers. A packet without a buffer stays
 * in the send ring; those behind it that go elsewhere overtake it. Locks: a send queue's, then a
 * receive queue's.
 */
#include "core/endpoint.h"
#include "core/vsock_parts.h"
#include "lib/string.h"

#define FEATURES     3u   /* streams and sequential packets */
#define KICK_PACKETS 256u /* then the kick is repeated, so that the core can be called away */
#define SEQ_FLAGS    3u   /* end of message, end of record: in the last part of a packet only */

static bool driver_there(struct vsock_port *port)
{
    const struct virtqueue *rx = vsock_queue(port, VSOCK_RX);
    return rx->ready && !rx->broken && (port->device->status & VIRTIO_STATUS_DRIVER_OK) != 0;
}

enum vsock_result vsock_deliver(struct vsock_port *to, const struct vsock_header *header,
                                const struct virtqueue_chain *from, uint32_t offset, uint32_t *sent)
{
    struct virtqueue *rx = vsock_queue(to, VSOCK_RX);
    struct virtqueue_chain buffer;
    enum vsock_result result = VSOCK_FULL;
    lock_take(&rx->lock);
    while (result == VSOCK_FULL && driver_there(to) && virtqueue_peek(rx, 0, &buffer)) {
        struct vsock_header part = *header;
        uint32_t left = header->size - *sent;
        if (buffer.writable_bytes <= VSOCK_HEADER) {
            rx->broken = true; /* no driver has such buffers */
            break;
        }
        uint32_t room = buffer.writable_bytes - VSOCK_HEADER;
        part.size = left < room ? left : room;
        if (part.size < left && part.type == VSOCK_SEQPACKET)
            part.flags &= ~SEQ_FLAGS;
        chain_write(&buffer, 0, &part, VSOCK_HEADER);
        if (part.size > 0)
            chain_copy(&buffer, VSOCK_HEADER, from, offset + *sent, part.size);
        virtqueue_fill(rx, 0, buffer.head, VSOCK_HEADER + part.size);
        virtqueue_publish(rx, 1);
        atomic_fetch_add(&to->device->counters.rx_packets, 1);
        atomic_fetch_add(&to->device->counters.rx_bytes, part.size);
        *sent += part.size;
        if (part.size == left)
            result = VSOCK_DONE;
    }
    if (result == VSOCK_FULL && !driver_there(to))
        result = VSOCK_GONE;
    virtio_signal(to->device, VSOCK_RX);
    lock_release(&rx->lock);
    return result;
}

bool vsock_want_buffers(struct vsock_port *port)
{
    struct virtqueue *rx = vsock_queue(port, VSOCK_RX);
    lock_take(&rx->lock);
    bool more = virtqueue_want_kick(rx, atomic_load(&port->waiting) > 0 ||
                                            atomic_load(&port->endpoint_waits));
    lock_release(&rx->lock);
    return more;
}

/* What became of a packet in the send ring. */
enum outcome {
    FINISHED, /* its chain can go back */
    HELD,
    AGAIN, /* there is no room to hold it: the kick is repeated, which gives the receiver time */
};

/* A peer may have as many chains held as are left for the others. */
static enum outcome forward(struct vsock_port *from, struct vsock_port *to,
                            const struct vsock_header *header, const struct virtqueue_chain *chain)
{
    struct vsock_list *list = &from->lists[vsock_slot(to)];
    uint32_t sent = 0;
    enum vsock_result result = VSOCK_FULL;
    if (list->count == 0)
        result = vsock_deliver(to, header, chain, VSOCK_HEADER, &sent);
    if (result == VSOCK_GONE)
        vsock_answer_reset(from, header);
    if (result != VSOCK_FULL)
        return FINISHED;
    if (list->count + from->held < vsock_queue(from, VSOCK_TX)->size) {
        vsock_hold(from, list, to, chain->head, sent);
        vsock_serve(from, to);
        return HELD;
    }
    if (list->tries < VSOCK_PATIENCE) {
        list->tries++;
        return AGAIN;
    }
    vsock_overflow(from, to, header);
    return FINISHED;
}

/* The port that HEADER goes to, to be released; NULL: it is refused. */
static struct vsock_port *route(const struct vsock_port *port, const struct vsock_header *header)
{
    uint64_t slot = header->dst_cid - VSOCK_CID_FIRST;
    bool refused =
        slot >= MAX_VMS || !vsock_allowed(port, (unsigned)slot) || (port->lost >> slot & 1) != 0;
    return refused ? NULL : vsock_port_use((unsigned)slot);
}

static enum outcome send_packet(struct vsock_port *port, const struct virtqueue_chain *chain,
                                const struct vsock_header *header)
{
    if (header->dst_cid == VSOCK_CID_CONTROL && port->vm->service) {
        vsock_hold(port, &port->lists[VSOCK_ENDPOINT], NULL, chain->head, 0);
        return HELD;
    }
    struct vsock_port *to = route(port, header);
    if (to == NULL) {
        vsock_count_drop(port);
        vsock_answer_reset(port, header);
        return FINISHED;
    }
    enum outcome outcome = forward(port, to, header, chain);
    vsock_port_release(to);
    return outcome;
}

static enum outcome send_chain(struct vsock_port *port, const struct virtqueue_chain *chain)
{
    struct vsock_header header;
    if (!vsock_header_read(port, chain, &header)) {
        vsock_count_drop(port);
        return FINISHED;
    }
    enum outcome outcome = send_packet(port, chain, &header);
    if (outcome != AGAIN) {
        atomic_fetch_add(&port->device->counters.tx_packets, 1);
        atomic_fetch_add(&port->device->counters.tx_bytes, header.size);
    }
    return outcome;
}

/*
 * Each packet under the lock by itself: others must get at this queue in between. False: there is
 * none, or it must wait where it is.
 */
static bool send_next(struct vsock_port *port)
{
    struct virtqueue *tx = vsock_queue(port, VSOCK_TX);
    struct virtqueue_chain chain;
    lock_take(&tx->lock);
    bool any = virtqueue_peek(tx, 0, &chain);
    enum outcome outcome = any ? send_chain(port, &chain) : AGAIN;
    if (outcome != AGAIN)
        virtqueue_take(tx);
    if (outcome == FINISHED)
        virtqueue_give(tx, chain.head, 0);
    lock_release(&tx->lock);
    return outcome != AGAIN;
}

/* What is new in the send ring. True: not all was done. */
static bool send_some(struct vsock_port *port)
{
    struct virtqueue *tx = vsock_queue(port, VSOCK_TX);
    for (unsigned left = KICK_PACKETS; left > 0 && send_next(port); left--)
        ;
    lock_take(&tx->lock);
    virtio_signal(port->device, VSOCK_TX);
    bool more = virtqueue_want_kick(tx, true);
    lock_release(&tx->lock);
    return more;
}

/* Do WORK with each port, and with TO, under the lock of the port's send queue. */
static void each_sender(struct vsock_port *to,
                        void (*work)(struct vsock_port *from, struct vsock_port *to))
{
    for (unsigned slot = 0; slot < MAX_VMS; slot++) {
        struct vsock_port *from = vsock_port_use(slot);
        if (from == NULL)
            continue;
        struct virtqueue *tx = vsock_queue(from, VSOCK_TX);
        lock_take(&tx->lock);
        work(from, to);
        virtio_signal(from->device, VSOCK_TX);
        lock_release(&tx->lock);
        vsock_port_release(from);
    }
}

/* TO's driver is not there any more: what waits for it is refused. */
static void forget(struct vsock_port *from, struct vsock_port *to)
{
    vsock_serve(from, to); /* to whom nothing can be delivered */
    from->lost &= ~(1u << vsock_slot(to));
}

static void reset(struct virtio_device *device)
{
    struct vsock_port *port = device->port;
    if (port == NULL)
        return;
    vsock_drop_own(port);
    each_sender(port, forget);
    if (port->vm->service)
        endpoint_reset(port);
}

static bool kick(struct virtio_device *device, unsigned queue)
{
    struct vsock_port *port = device->port;
    bool more = false;
    if (port == NULL)
        return false;
    if (queue == VSOCK_TX) {
        more = send_some(port);
    } else if (queue == VSOCK_RX) {
        each_sender(port, vsock_serve);
        more = vsock_want_buffers(port) && atomic_load(&port->waiting) > 0;
    }
    if (port->vm->service)
        endpoint_run(port);
    return more;
}

const struct virtio_class vsock_class = {
    .name = "vsock",
    .id = 19,
    .queues = 3,
    .sizes = {0, VSOCK_TX_SIZE, 0},
    .features = FEATURES,
    .config_bytes = sizeof(uint64_t),
    .kick = kick,
    .reset = reset,
};
