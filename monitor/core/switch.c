/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switch keeps no frame: a kick copies what waits in the sender's ring into the receivers'
 * buffers, on the sender's core, or drops it. It learns nothing either: each VM has one address,
 * known from its name, and no other may be its source.
 */
#include "core/switch.h"

#include "lib/string.h"

#define FEATURE(bit)   (1ull << (bit))
#define F_CSUM         FEATURE(0)
#define F_GUEST_CSUM   FEATURE(1)
#define F_MAC          FEATURE(5)
#define F_GUEST_TSO4   FEATURE(7)
#define F_GUEST_TSO6   FEATURE(8)
#define F_HOST_TSO4    FEATURE(11)
#define F_HOST_TSO6    FEATURE(12)
#define F_MRG_RXBUF    FEATURE(15)
#define QUEUE_RX       0u
#define QUEUE_TX       1u
#define HEADER_CSUM    1u /* the checksum is partial */
#define GSO_NONE       0u
#define GSO_TCP4       1u
#define GSO_TCP6       4u
#define GSO_ECN        0x80u
#define ETHERNET_BYTES 14u
#define FRAME_MAX      65550u /* the largest TCP segment that a driver leaves to the device */
#define GROUP_BIT      1u
#define KICK_FRAMES    256u   /* then the kick is repeated, so that the core can be called away */
#define LARGE_BYTES    16384u /* a frame of a stream */
#define FETCH_FRAMES   8u     /* of a stream, that its receiver's core takes at once */
#define PATIENCE       2048u  /* looks at a ring: some times as long as a large frame's copying */
#define FNV_BASIS      0xcbf29ce484222325ull
#define FNV_PRIME      0x100000001b3ull

struct net_header {
    uint8_t flags, gso_type;
    uint16_t header_length, gso_size, csum_start, csum_offset, buffers;
} __attribute__((packed));

/* What is read of a frame, once: all that is decided is decided by this. */
struct frame {
    const struct switch_port *port; /* who sends it */
    const struct virtqueue_chain *chain;
    struct net_header header;
    uint8_t to[SWITCH_MAC_BYTES], from[SWITCH_MAC_BYTES];
    uint32_t size; /* without the header */
};

static struct lock table_lock = LOCK_INIT;
static struct switch_port *table[MAX_VMS];

void switch_mac(const char *vm, uint8_t mac[SWITCH_MAC_BYTES])
{
    uint64_t hash = FNV_BASIS;
    for (; *vm != '\0'; vm++)
        hash = (hash ^ (uint8_t)*vm) * FNV_PRIME;
    mac[0] = 2;
    for (unsigned i = 1; i < SWITCH_MAC_BYTES; i++)
        mac[i] = (uint8_t)(hash >> (SWITCH_MAC_BYTES - 1 - i) * 8);
}

void switch_join(struct switch_port *port, struct virtio_device *device, const char *vm,
                 const char *network)
{
    unsigned at = 0;
    port->device = device;
    device->port = port;
    memcpy(port->network, network, strlen(network) + 1);
    switch_mac(vm, port->mac);
    memcpy(device->config, port->mac, SWITCH_MAC_BYTES);
    lock_take(&table_lock);
    while (at < MAX_VMS - 1 && table[at] != NULL)
        at++;
    port->index = at;
    atomic_store(&port->stream, 0);
    table[at] = port; /* a VM has one port: there is room */
    lock_release(&table_lock);
}

void switch_move(struct switch_port *port, const char *network)
{
    lock_take(&table_lock);
    memcpy(port->network, network, strlen(network) + 1);
    lock_release(&table_lock);
}

void switch_leave(struct switch_port *port)
{
    lock_take(&table_lock);
    for (unsigned i = 0; i < MAX_VMS; i++)
        if (table[i] == port)
            table[i] = NULL;
    lock_release(&table_lock);
}

/*
 * The port at INDEX of the table if FRAME from PORT is for it, with its receive queue's lock: that
 * is taken before the table's is let go, so that a port that leaves is not in use any more.
 */
static struct switch_port *receiver_take(const struct switch_port *port, const struct frame *frame,
                                         unsigned index)
{
    bool group = (frame->to[0] & GROUP_BIT) != 0;
    for (bool done = false;;) { /* nobody else waits for a queue that is busy */
        lock_take(&table_lock);
        struct switch_port *to = table[index];
        if (to == port || to == NULL || strcmp(to->network, port->network) != 0 ||
            (!group && memcmp(to->mac, frame->to, SWITCH_MAC_BYTES) != 0))
            to = NULL;
        done = to == NULL || lock_try(&to->device->queues[QUEUE_RX].lock);
        lock_release(&table_lock);
        if (done)
            return to;
    }
}

/* A partial checksum or a segment to be cut goes to those only who said that they can take it. */
static bool can_take(const struct virtio_device *to, const struct net_header *header)
{
    uint8_t gso = header->gso_type & (uint8_t)~GSO_ECN;
    return ((header->flags & HEADER_CSUM) == 0 || virtio_has(to, F_GUEST_CSUM)) &&
           (gso == GSO_NONE || (gso == GSO_TCP4 && virtio_has(to, F_GUEST_TSO4)) ||
            (gso == GSO_TCP6 && virtio_has(to, F_GUEST_TSO6)));
}

/*
 * Copy FRAME into as many of the receiver's buffers as it takes; nothing is given to the receiver
 * before all of it is there. False: there are too few, or it can't take such a frame.
 */
static bool deliver(struct virtio_device *to, const struct frame *frame)
{
    struct virtqueue *rx = &to->queues[QUEUE_RX];
    struct virtqueue_chain first, more;
    struct net_header header = frame->header;
    unsigned buffers = 0;
    if ((to->status & VIRTIO_STATUS_DRIVER_OK) == 0 || !can_take(to, &header))
        return false;
    for (uint32_t done = 0; done < frame->size; buffers++) {
        struct virtqueue_chain *chain = buffers == 0 ? &first : &more;
        uint32_t skip = buffers == 0 ? sizeof(header) : 0;
        if (!virtqueue_peek(rx, buffers, chain) || chain->writable_bytes <= skip ||
            (buffers > 0 && !virtio_has(to, F_MRG_RXBUF)))
            return false;
        uint32_t copied = chain_copy(chain, skip, frame->chain, (uint32_t)sizeof(header) + done,
                                     frame->size - done);
        virtqueue_fill(rx, buffers, chain->head, skip + copied);
        done += copied;
    }
    header.buffers = (uint16_t)buffers;
    chain_write(&first, 0, &header, sizeof(header));
    virtqueue_publish(rx, buffers);
    virtio_signal(to, QUEUE_RX);
    if (frame->size >= LARGE_BYTES)
        atomic_store(&((struct switch_port *)to->port)->stream,
                     virtqueue_waiting(rx, 0) / buffers * MAX_VMS + frame->port->index);
    return true;
}

static bool read_frame(const struct switch_port *port, const struct virtqueue_chain *chain,
                       struct frame *frame)
{
    struct net_header *header = &frame->header;
    frame->port = port;
    frame->chain = chain;
    if (chain->readable_bytes < sizeof(*header) + ETHERNET_BYTES ||
        chain->readable_bytes > sizeof(*header) + FRAME_MAX)
        return false;
    frame->size = chain->readable_bytes - (uint32_t)sizeof(*header);
    chain_read(chain, 0, header, sizeof(*header));
    chain_read(chain, sizeof(*header), frame->to, SWITCH_MAC_BYTES);
    chain_read(chain, sizeof(*header) + SWITCH_MAC_BYTES, frame->from, SWITCH_MAC_BYTES);
    header->flags &= HEADER_CSUM;
    bool partial = header->flags != 0;
    bool whole = header->gso_type == GSO_NONE;
    return (!partial || header->csum_start + header->csum_offset + 2u <= frame->size) &&
           (whole || (partial && header->gso_size != 0)) &&
           memcmp(frame->from, port->mac, SWITCH_MAC_BYTES) == 0;
}

static void count_received(struct virtio_counters *counters, const struct frame *frame, bool taken)
{
    atomic_fetch_add(taken ? &counters->rx_packets : &counters->drops, 1);
    if (taken)
        atomic_fetch_add(&counters->rx_bytes, frame->size);
}

static void send_frame(struct switch_port *port, const struct virtqueue_chain *chain)
{
    struct virtio_counters *counters = &port->device->counters;
    struct frame frame;
    if (!read_frame(port, chain, &frame)) {
        atomic_fetch_add(&counters->drops, 1);
        return;
    }
    atomic_fetch_add(&counters->tx_packets, 1);
    atomic_fetch_add(&counters->tx_bytes, frame.size);
    for (unsigned i = 0; i < MAX_VMS; i++) {
        struct switch_port *to = receiver_take(port, &frame, i);
        if (to == NULL)
            continue;
        count_received(&to->device->counters, &frame, deliver(to->device, &frame));
        lock_release(&to->device->queues[QUEUE_RX].lock);
    }
}

/* Send at most LIMIT of the frames that wait; how many those were. */
static unsigned send_some(struct switch_port *port, unsigned limit)
{
    struct virtqueue *tx = &port->device->queues[QUEUE_TX];
    struct virtqueue_chain chain;
    unsigned sent = 0;
    for (; sent < limit && virtqueue_peek(tx, 0, &chain); sent++) {
        send_frame(port, &chain);
        virtqueue_fill(tx, 0, chain.head, 0);
        virtqueue_publish(tx, 1);
    }
    return sent;
}

/* Send what waits, until nothing does or KICK_FRAMES are sent; true: there may be more. */
static bool send_waiting(struct switch_port *port)
{
    struct virtqueue *tx = &port->device->queues[QUEUE_TX];
    unsigned sent = 0;
    do {
        virtqueue_want_kick(tx, false);
        sent += send_some(port, KICK_FRAMES - sent);
    } while (sent < KICK_FRAMES && virtqueue_want_kick(tx, true));
    virtio_signal(port->device, QUEUE_TX);
    return sent == KICK_FRAMES;
}

/*
 * The port at INDEX, of PORT's network, with its send queue's lock. NULL: its driver cannot be told
 * when to kick, or another core is busy there for longer than PATIENCE.
 */
static struct switch_port *sender_take(const struct switch_port *port, unsigned index)
{
    bool taken = false, good = true;
    struct switch_port *from = NULL;
    for (unsigned looks = 0; looks < PATIENCE && good && !taken; looks++) {
        lock_take(&table_lock);
        from = table[index];
        good = from != NULL && from != port && strcmp(from->network, port->network) == 0 &&
               from->device->queues[QUEUE_TX].event_idx;
        taken = good && lock_try(&from->device->queues[QUEUE_TX].lock);
        lock_release(&table_lock);
    }
    return taken ? from : NULL;
}

/*
 * PORT gets a stream and has just answered. Its core takes the next ROOM frames while their sender
 * makes them, without a kick, and looks for each as long as PATIENCE lasts. With one more the
 * sender kicks: its own core goes on.
 */
static void fetch_stream(const struct switch_port *port, unsigned index, unsigned room)
{
    struct switch_port *from = room > 0 ? sender_take(port, index) : NULL;
    if (from == NULL)
        return;
    struct virtqueue *tx = &from->device->queues[QUEUE_TX];
    room = room < FETCH_FRAMES ? room : FETCH_FRAMES;
    virtqueue_kick_behind(tx, room);
    for (unsigned looks = 0; looks < PATIENCE && room > 0; looks++)
        if (send_some(from, 1) > 0) {
            room--;
            looks = 0;
        }
    if (room > 0) { /* it shall kick with the next one again; what has just come is still ours */
        unsigned last = 0;
        while (virtqueue_kick_behind(tx, last))
            last++;
        send_some(from, last);
    }
    virtio_signal(from->device, QUEUE_TX);
    lock_release(&tx->lock);
}

static bool kick(struct virtio_device *device, unsigned queue)
{
    struct switch_port *port = device->port;
    bool more = false;
    unsigned stream = 0;
    lock_take(&device->queues[queue].lock);
    if (queue == QUEUE_RX) /* buffers come without a kick from now on */
        virtqueue_want_kick(&device->queues[QUEUE_RX], false);
    else if (!(more = send_waiting(port)))
        stream = atomic_exchange(&port->stream, 0);
    lock_release(&device->queues[queue].lock);
    fetch_stream(port, stream % MAX_VMS, stream / MAX_VMS);
    return more;
}

const struct virtio_class switch_class = {
    .name = "net",
    .id = 1,
    .queues = 2,
    .features = F_CSUM | F_GUEST_CSUM | F_MAC | F_GUEST_TSO4 | F_GUEST_TSO6 | F_HOST_TSO4 |
                F_HOST_TSO6 | F_MRG_RXBUF,
    .config_bytes = SWITCH_MAC_BYTES,
    .kick = kick,
};
