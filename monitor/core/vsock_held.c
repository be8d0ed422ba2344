/* SPDX-License-Identifier: Apache-2.0 */
/* What waits in a send queue: packets, chained by their heads, and resets. All under its lock. */
#include "core/vsock_parts.h"

#define LAST 0xffffu /* in `behind` */

void vsock_hold(struct vsock_port *from, struct vsock_list *list, struct vsock_port *to,
                uint16_t head, uint32_t sent)
{
    if (from->behind[head] != 0) { /* it was made available while it was still ours */
        vsock_queue(from, VSOCK_TX)->broken = true;
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

void vsock_let_go(struct vsock_port *from, struct vsock_list *list, struct vsock_port *to)
{
    uint16_t head = list->first;
    list->first = (uint16_t)(from->behind[head] - 1);
    from->behind[head] = 0;
    list->sent = 0;
    list->count--;
    list->tries -= list->tries < VSOCK_REFUND ? list->tries : VSOCK_REFUND;
    from->held--;
    if (to != NULL)
        atomic_fetch_sub(&to->waiting, 1);
    virtqueue_give(vsock_queue(from, VSOCK_TX), head, 0);
}

bool vsock_header_read(const struct vsock_port *port, const struct virtqueue_chain *chain,
                       struct vsock_header *header)
{
    return chain_read(chain, 0, header, VSOCK_HEADER) == VSOCK_HEADER &&
           header->src_cid == port->cid && header->size <= VSOCK_PACKET_MAX &&
           header->size <= chain->readable_bytes - VSOCK_HEADER;
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
    struct vsock_list *list = &from->lists[vsock_slot(to)];
    struct virtqueue_chain chain;
    struct vsock_header header;
    if (list->count == 0)
        return false;
    *result = VSOCK_DONE;
    if (!virtqueue_look(vsock_queue(from, VSOCK_TX), list->first, &chain) ||
        !vsock_header_read(from, &chain, &header) || header.dst_cid != to->cid ||
        header.size < list->sent)
        vsock_count_drop(from);
    else
        *result = vsock_deliver(to, &header, &chain, VSOCK_HEADER, &list->sent);
    if (*result == VSOCK_FULL)
        return true;
    vsock_let_go(from, list, to);
    if (*result == VSOCK_GONE)
        vsock_answer_reset(from, &header);
    return true;
}

void vsock_serve(struct vsock_port *from, struct vsock_port *to)
{
    enum vsock_result result;
    while (serve_reset(from, to, &result) || serve_packet(from, to, &result))
        if (result == VSOCK_FULL && !vsock_want_buffers(to))
            return;
}

void vsock_answer_reset(struct vsock_port *port, const struct vsock_header *header)
{
    const struct vsock_header reset = {.src_cid = header->dst_cid,
                                       .dst_cid = port->cid,
                                       .src_port = header->dst_port,
                                       .dst_port = header->src_port,
                                       .type = header->type,
                                       .op = VSOCK_RST};
    uint32_t sent = 0;
    if (header->op == VSOCK_RST || vsock_deliver(port, &reset, NULL, 0, &sent) != VSOCK_FULL)
        return;
    if (!reset_later(port, port, &reset))
        vsock_count_drop(port);
    vsock_serve(port, port);
}

/* The connection must end on both sides, and before another packet of it arrives there. */
void vsock_overflow(struct vsock_port *from, struct vsock_port *to,
                    const struct vsock_header *header)
{
    struct vsock_header reset = *header;
    reset.op = VSOCK_RST;
    reset.size = reset.flags = 0;
    vsock_count_drop(from);
    vsock_answer_reset(from, header);
    if (header->op != VSOCK_REQUEST && !reset_later(from, to, &reset))
        from->lost |= 1u << vsock_slot(to);
    vsock_serve(from, to);
}

void vsock_drop_own(struct vsock_port *port)
{
    struct virtqueue *tx = vsock_queue(port, VSOCK_TX);
    lock_take(&tx->lock);
    for (unsigned slot = 0; slot < MAX_VMS; slot++) {
        struct vsock_port *to = vsock_port_use(slot);
        while (port->lists[slot].count > 0)
            vsock_let_go(port, &port->lists[slot], to);
        for (unsigned i = port->reset_count; to != NULL && i-- > 0;)
            if (port->resets[i].dst_cid == to->cid)
                reset_forget(port, to, i);
        if (to != NULL)
            vsock_port_release(to);
    }
    while (port->lists[VSOCK_ENDPOINT].count > 0)
        vsock_let_go(port, &port->lists[VSOCK_ENDPOINT], NULL);
    port->lost = 0;
    lock_release(&tx->lock);
}

bool vsock_next(struct vsock_port *port, struct vsock_header *header, struct virtqueue_chain *chain)
{
    struct virtqueue *tx = vsock_queue(port, VSOCK_TX);
    struct vsock_list *list = &port->lists[VSOCK_ENDPOINT];
    bool found = false;
    lock_take(&tx->lock);
    while (list->count > 0 && !found) {
        found = virtqueue_look(tx, list->first, chain) && vsock_header_read(port, chain, header);
        if (!found) {
            vsock_count_drop(port);
            vsock_let_go(port, list, NULL);
        }
    }
    lock_release(&tx->lock);
    return found;
}

void vsock_done(struct vsock_port *port)
{
    struct virtqueue *tx = vsock_queue(port, VSOCK_TX);
    struct vsock_list *list = &port->lists[VSOCK_ENDPOINT];
    lock_take(&tx->lock);
    if (list->count > 0) /* else the device was reset meanwhile */
        vsock_let_go(port, list, NULL);
    virtio_signal(port->device, VSOCK_TX);
    lock_release(&tx->lock);
}

void vsock_refuse(struct vsock_port *port, const struct vsock_header *header)
{
    struct virtqueue *tx = vsock_queue(port, VSOCK_TX);
    lock_take(&tx->lock);
    vsock_answer_reset(port, header);
    lock_release(&tx->lock);
}
