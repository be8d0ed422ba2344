/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets between VMs (virtio 1.2, 5.10). Packets are forwarded, and nothing is known of the
 * connections: they are the kernels' own. The one endpoint is CID 2, the control service.
 */
#pragma once

#include "core/config.h"
#include "core/virtio.h"

#define VSOCK_CID_CONTROL 2u
#define VSOCK_CID_FIRST   3u /* of the VM in slot 0 */
#define VSOCK_RX          0u /* queues */
#define VSOCK_TX          1u
#define VSOCK_TX_SIZE     2048u /* half of it may wait for one peer */
#define VSOCK_RESETS      32u   /* resets that wait for receive buffers, of one sender */
/*
 * A sender with half a ring for one receiver repeats its kick so often before connections end; each
 * packet that the receiver takes makes up for some.
 */
#define VSOCK_PATIENCE    262144u
#define VSOCK_REFUND      256u
#define VSOCK_PACKET_MAX  (64 * KIB) /* payload of a packet */

enum vsock_op {
    VSOCK_REQUEST = 1,
    VSOCK_RESPONSE,
    VSOCK_RST,
    VSOCK_SHUTDOWN,
    VSOCK_RW,
    VSOCK_CREDIT_UPDATE,
    VSOCK_CREDIT_REQUEST,
};

#define VSOCK_STREAM    1u
#define VSOCK_SEQPACKET 2u

struct vsock_header {
    uint64_t src_cid, dst_cid;          /* 0x00 */
    uint32_t src_port, dst_port, size;  /* 0x10 */
    uint16_t type, op;                  /* 0x1c */
    uint32_t flags, buf_alloc, fwd_cnt; /* 0x20 */
} __attribute__((packed));
#define VSOCK_HEADER ((uint32_t)sizeof(struct vsock_header))
_Static_assert(VSOCK_HEADER == 44, "virtio 1.2, 5.10.6");

/* Packets of one sender that wait for one receiver, the oldest first: heads of chains. */
struct vsock_list {
    uint16_t first, last;
    unsigned count;
    unsigned tries; /* kicks repeated for want of room in the list, less what was made up for */
    uint32_t sent;  /* bytes of the first one's payload that are with the receiver already */
};

/* A VM's device as the others reach it. */
struct vsock_port {
    struct virtio_device *device;
    uint64_t cid;
    const struct config_vm *vm;
    _Atomic unsigned waiting;    /* packets of all senders that wait for a receive buffer here */
    _Atomic bool endpoint_waits; /* ... and CID 2 */

    /* What this VM sent and nobody took; guarded by the lock of its send queue. */
    struct vsock_list lists[MAX_VMS + 1]; /* by the receiver's slot; the last is for CID 2 */
    uint16_t behind[VSOCK_TX_SIZE];       /* by head: 0 if it does not wait, or who is next */
    unsigned held;                        /* chains in all lists */
    struct vsock_header resets[VSOCK_RESETS];
    unsigned reset_count;
    uint32_t lost; /* a bit for each peer that could not be told of a reset: it gets nothing */
};

extern const struct virtio_class vsock_class;

/*
 * DEVICE of VM, initialised before, gets CID and can be reached by those VMs that are its peers, or
 * whose peer it is. VM stays valid until vsock_leave, after which no core uses PORT.
 */
void vsock_join(struct vsock_port *port, struct virtio_device *device, uint64_t cid,
                const struct config_vm *vm);
/* The VMs' configurations name other peers than before; what is under way may still arrive. */
void vsock_change_peers(void);
void vsock_leave(struct vsock_port *port);

enum vsock_result {
    VSOCK_DONE,
    VSOCK_FULL, /* the receiver has no buffer for the rest */
    VSOCK_GONE, /* nor will it have one: its driver is not there */
};

/* For the endpoint; its caller holds no queue's lock. The oldest packet that PORT has sent to it.
 */
bool vsock_next(struct vsock_port *port, struct vsock_header *header,
                struct virtqueue_chain *chain);
/* That one is done with. */
void vsock_done(struct vsock_port *port);
/*
 * Give TO the packet HEADER with its payload at OFFSET of FROM's readable part, of which *SENT
 * bytes were given before: in several packets if the receive buffers are smaller.
 */
enum vsock_result vsock_deliver(struct vsock_port *to, const struct vsock_header *header,
                                const struct virtqueue_chain *from, uint32_t offset,
                                uint32_t *sent);
/* Have the driver kick when it adds receive buffers. True if it has just done so: try again. */
bool vsock_want_buffers(struct vsock_port *port);
/* A reset in answer to HEADER, which PORT has sent; waits for a buffer if there is none. */
void vsock_refuse(struct vsock_port *port, const struct vsock_header *header);
