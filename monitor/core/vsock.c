/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forwarding sockets' packets from a send ring into the receiver's buffers, on whichever core finds
 * both there: the sender's, or the receiver's when it adds buffers. A packet without a buffer stays
 * in the send ring; those behind it that go elsewhere overtake it. Locks: a send queue's, then a
 * receive queue's.
 */
#include "core/vsock.h"

#include "lib/string.h"

#define FEATURES  3u /* streams and sequential packets */
#define SEQ_FLAGS 3u /* end of message, end of record: in the last part of a packet only */
#define ENDPOINT  ((int)MAX_VMS)
#define REFUSED   (-1)
#define LAST      0xffffu /* in `behind` */

static struct vsock_port *_Atomic ports[MAX_VMS];
static _Atomic unsigned users[MAX_VMS];   /* cores that have that port in hand */
static _Atomic uint32_t allowed[MAX_VMS]; /* who may talk to whom, bits by slot */
static struct lock join_lock;

/* The port in SLOT, which stays until port_release; NULL if there is none. */
static struct vsock_port *port_use(unsigned slot)
{
    if (atomic_load(&ports[slot]) == NULL)
        return NULL;
    atomic_fetch_add(&users[slot], 1);
    struct vsock_port *port = atomic_load(&ports[slot]);
    if (port == NULL)
        atomic_fetch_sub(&users[slot], 1);
    return port;
}

static unsigned slot_of(const struct vsock_port *port)
{
    return (unsigned)(port->cid - VSOCK_CID_FIRST);
}

static void port_release(struct vsock_port *port)
{
    atomic_fetch_sub(&users[slot_of(port)], 1);
}

static struct virtqueue *queue_of(struct vsock_port *port, unsigned index)
{
    return &port->device->queues[index];
}

enum vsock_result vsock_deliver(struct vsock_port *to, const struct vsock_header *header,
                                const struct virtqueue_chain *from, uint32_t offset, uint32_t *sent)
{
    struct virtqueue *rx = queue_of(to, VSOCK_RX);
    struct virtqueue_chain buffer;
    enum vsock_result result = VSOCK_FULL;
    lock_take(&rx->lock);
    while (result == VSOCK_FULL && virtqueue_peek(rx, 0, &buffer)) {
        struct vsock_header part = *header;
        uint32_t left = header->size - *sent;
        if (buffer.writable_bytes <= sizeof(part)) {
            rx->broken = true; /* of no use: no driver has such buffers */
            break;
        }
        uint32_t room = buffer.writable_bytes - (uint32_t)sizeof(part);
        part.size = left < room ? left : room;
        if (part.size < left && part.type == VSOCK_SEQPACKET)
            part.flags &= ~SEQ_FLAGS;
        chain_write(&buffer, 0, &part, sizeof(part));
        if (part.size > 0)
            chain_copy(&buffer, sizeof(part), from, offset + *sent, part.size);
        virtqueue_fill(rx, 0, buffer.head, (uint32_t)sizeof(part) + part.size);
        virtqueue_publish(rx, 1);
        atomic_fetch_add(&to->device->counters.rx_packets, 1);
        atomic_fetch_add(&to->device->counters.rx_bytes, part.size);
        *sent += part.size;
        if (part.size == left)
            result = VSOCK_DONE;
    }
    if (result == VSOCK_FULL && (!rx->ready || rx->broken))
        result = VSOCK_GONE;
    virtio_signal(to->device, VSOCK_RX);
    lock_release(&rx->lock);
    return result;
}

bool vsock_want_buffers(struct vsock_port *port)
{
    struct virtqueue *rx = queue_of(port, VSOCK_RX);
    lock_take(&rx->lock);
    bool more = virtqueue_want_kick(rx, atomic_load(&port->waiting) > 0);
    lock_release(&rx->lock);
    return more;
}

/* The chain with HEAD waits for TO (NULL: the endpoint) at the end of LIST. */
static void hold(struct vsock_port *from, struct vsock_list *list, struct vsock_port *to,
                 uint16_t head, uint32_t sent)
{
    if (from->behind[head] != 0) { /* it was made available while it was still ours */
        queue_of(from, VSOCK_TX)->broken = true;
        return;
    }
    from->behind[head] = LAST;
    if (list->count == 0) {
        list->first = head;
        list->sent = sent;
    } else {
        from->behind[list->last] = (uint16_t)(head + 1);
    }
    list->last = head;
    list->count++;
    from->held++;
    if (to != NULL)
        atomic_fetch_add(&to->waiting, 1);
}

/* The first of LIST is done with. */
static void let_go(struct vsock_port *from, struct vsock_list *list, struct vsock_port *to)
{
    uint16_t head = list->first;
    list->first = (uint16_t)(from->behind[head] - 1);
    from->behind[head] = 0;
    list->sent = 0;
    list->count--;
    from->held--;
    if (to != NULL)
        atomic_fetch_sub(&to->waiting, 1);
    virtqueue_give(queue_of(from, VSOCK_TX), head, 0);
}

/* A packet's header, if it is one that PORT may send: its own address, no more than is there. */
static bool header_read(const struct vsock_port *port, const struct virtqueue_chain *chain,
                        struct vsock_header *header)
{
    return chain_read(chain, 0, header, sizeof(*header)) == sizeof(*header) &&
           header->src_cid == port->cid && header->size <= VSOCK_PACKET_MAX &&
           header->size <= chain->readable_bytes - sizeof(*header);
}

static bool same_connection(const struct vsock_header *a, const struct vsock_header *b)
{
    return a->src_cid == b->src_cid && a->dst_cid == b->dst_cid && a->src_port == b->src_port &&
           a->dst_port == b->dst_port;
}

/* Note RESET in FROM until TO has a buffer for it. False: there are too many. */
static bool reset_later(struct vsock_port *from, struct vsock_port *to,
                        const struct vsock_header *reset)
{
    for (unsigned i = 0; i < from->reset_count; i++)
        if (same_connection(&from->resets[i], reset))
            return true;
    if (from->reset_count == VSOCK_RESETS)
        return false;
    from->resets[from->reset_count++] = *reset;
    atomic_fetch_add(&to->waiting, 1);
    return true;
}

static void reset_forget(struct vsock_port *from, struct vsock_port *to, unsigned index)
{
    from->resets[index] = from->resets[--from->reset_count];
    atomic_fetch_sub(&to->waiting, 1);
}

static void count_drop(struct vsock_port *port)
{
    atomic_fetch_add(&port->device->counters.drops, 1);
}

static void answer_reset(struct vsock_port *port, const struct vsock_header *header);

/* Move one reset that waits for TO. */
static bool serve_reset(struct vsock_port *from, struct vsock_port *to, enum vsock_result *result)
{
    for (unsigned i = 0; i < from->reset_count; i++) {
        uint32_t sent = 0;
        if (from->resets[i].dst_cid != to->cid)
            continue;
        *result = vsock_deliver(to, &from->resets[i], NULL, 0, &sent);
        if (*result != VSOCK_FULL)
            reset_forget(from, to, i);
        return true;
    }
    return false;
}

/* Move the oldest packet that waits for TO. It is read anew: it may have changed. */
static bool serve_packet(struct vsock_port *from, struct vsock_port *to, enum vsock_result *result)
{
    struct vsock_list *list = &from->lists[slot_of(to)];
    struct virtqueue_chain chain;
    struct vsock_header header;
    if (list->count == 0)
        return false;
    *result = VSOCK_DONE;
    if (!virtqueue_look(queue_of(from, VSOCK_TX), list->first, &chain) ||
        !header_read(from, &chain, &header) || header.dst_cid != to->cid ||
        header.size < list->sent)
        count_drop(from);
    else
        *result = vsock_deliver(to, &header, &chain, sizeof(header), &list->sent);
    if (*result == VSOCK_FULL)
        return true;
    let_go(from, list, to);
    if (*result == VSOCK_GONE)
        answer_reset(from, &header);
    return true;
}

/* Move what waits in FROM for TO, as far as there are buffers. The send queue's lock is held. */
static void serve(struct vsock_port *from, struct vsock_port *to)
{
    enum vsock_result result;
    do {
        do
            result = VSOCK_DONE;
        while ((serve_reset(from, to, &result) || serve_packet(from, to, &result)) &&
               result != VSOCK_FULL);
    } while (result == VSOCK_FULL && vsock_want_buffers(to));
}

/* The sender of HEADER hears that there is no such connection. Its send queue's lock is held. */
static void answer_reset(struct vsock_port *port, const struct vsock_header *header)
{
    const struct vsock_header reset = {.src_cid = header->dst_cid,
                                       .dst_cid = port->cid,
                                       .src_port = header->dst_port,
                                       .dst_port = header->src_port,
                                       .type = header->type,
                                       .op = VSOCK_RST};
    if (header->op != VSOCK_RST && !reset_later(port, port, &reset))
        count_drop(port);
    serve(port, port);
}

/*
 * Too much waits for TO: this packet is lost, so its connection must end on both sides before
 * another packet of it arrives there.
 */
static void overflow(struct vsock_port *from, struct vsock_port *to,
                     const struct vsock_header *header)
{
    struct vsock_header reset = *header;
    reset.op = VSOCK_RST;
    reset.size = reset.flags = 0;
    count_drop(from);
    answer_reset(from, header);
    if (header->op != VSOCK_REQUEST && !reset_later(from, to, &reset))
        from->lost |= 1u << slot_of(to);
}

/* True if the packet waits now. A peer may have as many chains held as are left for the others. */
static bool forward(struct vsock_port *from, struct vsock_port *to,
                    const struct vsock_header *header, const struct virtqueue_chain *chain)
{
    struct vsock_list *list = &from->lists[slot_of(to)];
    uint32_t sent = 0;
    enum vsock_result result = VSOCK_FULL;
    if (list->count == 0)
        result = vsock_deliver(to, header, chain, sizeof(*header), &sent);
    if (result == VSOCK_GONE)
        answer_reset(from, header);
    if (result != VSOCK_FULL)
        return false;
    if (list->count + from->held >= queue_of(from, VSOCK_TX)->size) {
        overflow(from, to, header);
        return false;
    }
    hold(from, list, to, chain->head, sent);
    serve(from, to);
    return true;
}

/* The slot that HEADER goes to, ENDPOINT, or REFUSED. */
static int route(const struct vsock_port *port, const struct vsock_header *header)
{
    uint64_t slot = header->dst_cid - VSOCK_CID_FIRST;
    if (header->dst_cid == VSOCK_CID_CONTROL)
        return REFUSED;
    if (slot >= MAX_VMS || ((atomic_load(&allowed[slot_of(port)]) & ~port->lost) >> slot & 1) == 0)
        return REFUSED;
    return (int)slot;
}

/* True if the packet waits now. */
static bool send_packet(struct vsock_port *port, const struct virtqueue_chain *chain)
{
    struct vsock_header header;
    if (!header_read(port, chain, &header)) {
        count_drop(port);
        return false;
    }
    atomic_fetch_add(&port->device->counters.tx_packets, 1);
    atomic_fetch_add(&port->device->counters.tx_bytes, header.size);
    int slot = route(port, &header);
    struct vsock_port *to = slot == REFUSED ? NULL : port_use((unsigned)slot);
    if (to == NULL) {
        answer_reset(port, &header);
        return false;
    }
    bool waits = forward(port, to, &header, chain);
    port_release(to);
    return waits;
}

/* Each packet under the lock by itself: others must get at this queue in between. */
static bool send_next(struct vsock_port *port)
{
    struct virtqueue *tx = queue_of(port, VSOCK_TX);
    struct virtqueue_chain chain;
    lock_take(&tx->lock);
    bool any = virtqueue_peek(tx, 0, &chain);
    if (any) {
        virtqueue_take(tx);
        if (!send_packet(port, &chain))
            virtqueue_give(tx, chain.head, 0);
    }
    lock_release(&tx->lock);
    return any;
}

static void send_all(struct vsock_port *port)
{
    struct virtqueue *tx = queue_of(port, VSOCK_TX);
    bool more;
    do {
        while (send_next(port))
            ;
        lock_take(&tx->lock);
        virtio_signal(port->device, VSOCK_TX);
        more = virtqueue_want_kick(tx, true);
        lock_release(&tx->lock);
    } while (more);
}

/* Do WORK with each port, and with TO, under the lock of the port's send queue. */
static void each_sender(struct vsock_port *to,
                        void (*work)(struct vsock_port *from, struct vsock_port *to))
{
    for (unsigned slot = 0; slot < MAX_VMS; slot++) {
        struct vsock_port *from = port_use(slot);
        if (from == NULL)
            continue;
        struct virtqueue *tx = queue_of(from, VSOCK_TX);
        lock_take(&tx->lock);
        work(from, to);
        virtio_signal(from->device, VSOCK_TX);
        lock_release(&tx->lock);
        port_release(from);
    }
}

/* The driver has added receive buffers. */
static void refill(struct vsock_port *port)
{
    do
        each_sender(port, serve);
    while (vsock_want_buffers(port));
}

/* TO's driver is not there any more: what waits for it is refused. */
static void forget(struct vsock_port *from, struct vsock_port *to)
{
    serve(from, to); /* to whom nothing can be delivered */
    from->lost &= ~(1u << slot_of(to));
}

/* What PORT sent is nobody's any more. */
static void drop_own(struct vsock_port *port)
{
    struct virtqueue *tx = queue_of(port, VSOCK_TX);
    lock_take(&tx->lock);
    for (unsigned slot = 0; slot < MAX_VMS; slot++) {
        struct vsock_port *to = port_use(slot);
        while (port->lists[slot].count > 0)
            let_go(port, &port->lists[slot], to);
        for (unsigned i = port->reset_count; to != NULL && i-- > 0;)
            if (port->resets[i].dst_cid == to->cid)
                reset_forget(port, to, i);
        if (to != NULL)
            port_release(to);
    }
    while (port->lists[ENDPOINT].count > 0)
        let_go(port, &port->lists[ENDPOINT], NULL);
    lock_release(&tx->lock);
}

/* The port of DEVICE, which is known by its CID; NULL before it has joined. */
static struct vsock_port *port_of(const struct virtio_device *device)
{
    uint64_t cid;
    memcpy(&cid, device->config, sizeof(cid));
    uint64_t slot = cid - VSOCK_CID_FIRST;
    return slot < MAX_VMS ? atomic_load(&ports[slot]) : NULL;
}

static void reset(struct virtio_device *device)
{
    struct vsock_port *port = port_of(device);
    if (port == NULL)
        return;
    drop_own(port);
    each_sender(port, forget);
}

static void kick(struct virtio_device *device, unsigned queue)
{
    struct vsock_port *port = port_of(device);
    if (port != NULL && queue == VSOCK_TX)
        send_all(port);
    if (port != NULL && queue == VSOCK_RX)
        refill(port);
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

static bool names(const struct config_vm *a, const struct config_vm *b)
{
    for (unsigned i = 0; i < a->peer_count; i++)
        if (strcmp(a->peers[i], b->name) == 0)
            return true;
    return false;
}

void vsock_join(struct vsock_port *port, struct virtio_device *device, uint64_t cid,
                const struct config_vm *vm)
{
    unsigned slot = (unsigned)(cid - VSOCK_CID_FIRST);
    memset(port, 0, sizeof(*port));
    port->device = device;
    port->cid = cid;
    port->vm = vm;
    memcpy(device->config, &cid, sizeof(cid));
    lock_take(&join_lock);
    for (unsigned i = 0; i < MAX_VMS; i++) {
        struct vsock_port *other = atomic_load(&ports[i]);
        if (other == NULL || (!names(vm, other->vm) && !names(other->vm, vm)))
            continue;
        atomic_fetch_or(&allowed[slot], 1u << i);
        atomic_fetch_or(&allowed[i], 1u << slot);
    }
    atomic_store(&ports[slot], port);
    lock_release(&join_lock);
}

void vsock_leave(struct vsock_port *port)
{
    unsigned slot = slot_of(port);
    virtio_reset(port->device);
    lock_take(&join_lock);
    for (unsigned i = 0; i < MAX_VMS; i++)
        atomic_fetch_and(&allowed[i], ~(1u << slot));
    atomic_store(&allowed[slot], 0);
    atomic_store(&ports[slot], NULL);
    lock_release(&join_lock);
    while (atomic_load(&users[slot]) > 0)
        ;
}
