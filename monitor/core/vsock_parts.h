/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the sockets share. Private to them. */
#pragma once

#include "core/vsock.h"

#define VSOCK_ENDPOINT MAX_VMS /* beside the VMs' slots */

static inline unsigned vsock_slot(const struct vsock_port *port)
{
    return (unsigned)(port->cid - VSOCK_CID_FIRST);
}

static inline struct virtqueue *vsock_queue(struct vsock_port *port, unsigned index)
{
    return &port->device->queues[index];
}

static inline void vsock_count_drop(struct vsock_port *port)
{
    atomic_fetch_add(&port->device->counters.drops, 1);
}

/* The port in SLOT, which stays until vsock_port_release; NULL if there is none. Any core. */
struct vsock_port *vsock_port_use(unsigned slot);
void vsock_port_release(struct vsock_port *port);
/* May PORT talk to the VM in SLOT? */
bool vsock_allowed(const struct vsock_port *port, unsigned slot);

/* All below: the lock of the sender's send queue is held. */

/* A packet's header, if it is one that PORT may send: its own address, no more than is there. */
bool vsock_header_read(const struct vsock_port *port, const struct virtqueue_chain *chain,
                       struct vsock_header *header);
/*
 * The chain with HEAD waits at the end of LIST, for TO (NULL: the endpoint), which has SENT bytes
 * of its payload.
 */
void vsock_hold(struct vsock_port *from, struct vsock_list *list, struct vsock_port *to,
                uint16_t head, uint32_t sent);
/* The first of LIST is done with. */
void vsock_let_go(struct vsock_port *from, struct vsock_list *list, struct vsock_port *to);
/* Move what waits in FROM for TO, as far as there are buffers. */
void vsock_serve(struct vsock_port *from, struct vsock_port *to);
/* The sender of HEADER hears that there is no such connection. */
void vsock_answer_reset(struct vsock_port *port, const struct vsock_header *header);
/* One packet too many waits for TO, and HEADER's is lost. */
void vsock_overflow(struct vsock_port *from, struct vsock_port *to,
                    const struct vsock_header *header);
/* What PORT sent is nobody's any more. */
void vsock_drop_own(struct vsock_port *port);
