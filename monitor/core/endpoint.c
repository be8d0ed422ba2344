/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control service's sockets. What comes in is used up at once, so its credit is never short;
 * what goes out waits for the peer's credit and for receive buffers. One core works at a time; one
 * that comes meanwhile leaves a note and goes.
 */
#include "core/endpoint.h"

#define SHUT_RECEIVE 1u /* flags of VSOCK_SHUTDOWN: the sender of it will not ... any more */
#define SHUT_SEND    2u

enum stage { STAGE_CLOSED, STAGE_LINE, STAGE_BODY, STAGE_ANSWER };

struct connection {
    enum stage stage;
    bool ending;         /* the peer sends no more: close when all is answered */
    unsigned pending;    /* packets to be sent, a bit for each op */
    uint32_t port;       /* the peer's */
    uint32_t buf_alloc;  /* the peer's buffer, */
    uint32_t fwd_cnt;    /* what it has used up of that, */
    uint32_t sent;       /* and what was sent to it */
    uint32_t used, told; /* bytes used up here; told to the peer */
    char line[CONTROL_LINE_MAX];
    size_t length;      /* of the line, or the body, so far */
    const char *answer; /* what is still to be sent of it */
    size_t left;
    struct control control;
};

static struct connection connections[ENDPOINT_CONNECTIONS];
static atomic_flag busy = ATOMIC_FLAG_INIT;
static _Atomic bool work, gone;

void endpoint_init(const struct control_command *commands, uint8_t *memory)
{
    for (unsigned i = 0; i < ENDPOINT_CONNECTIONS; i++) {
        control_init(&connections[i].control, commands, memory, (char *)memory + CONTROL_BODY_MAX);
        memory += CONTROL_BODY_MAX + CONTROL_ANSWER_MAX;
    }
}

static struct connection *find(uint32_t port)
{
    for (struct connection *c = connections; c < connections + ENDPOINT_CONNECTIONS; c++)
        if (c->stage != STAGE_CLOSED && c->port == port)
            return c;
    return NULL;
}

static void close(struct connection *c)
{
    if (c->stage == STAGE_BODY)
        control_abort(&c->control);
    c->stage = STAGE_CLOSED;
}

/* True if HEADER, of no connection, asks for one that there may be. */
static bool open(const struct vsock_header *header)
{
    if (header->op != VSOCK_REQUEST || header->type != VSOCK_STREAM ||
        header->dst_port != ENDPOINT_PORT || header->src_port >= ENDPOINT_PRIVILEGED)
        return false;
    for (struct connection *c = connections; c < connections + ENDPOINT_CONNECTIONS; c++) {
        if (c->stage != STAGE_CLOSED || c->control.commands == NULL)
            continue;
        *c = (struct connection){.stage = STAGE_LINE,
                                 .pending = 1u << VSOCK_RESPONSE,
                                 .port = header->src_port,
                                 .buf_alloc = header->buf_alloc,
                                 .fwd_cnt = header->fwd_cnt,
                                 .answer = "",
                                 .control = c->control};
        return true;
    }
    return false;
}

/* The request is complete. */
static void answer(struct connection *c)
{
    c->answer = control_run(&c->control, &c->left);
    c->length = 0;
    c->stage = STAGE_ANSWER;
}

/* One byte of a request's line. False: the line is too long. */
static bool take_byte(struct connection *c, char byte)
{
    if (c->length == sizeof(c->line))
        return false;
    if (byte != '\n') {
        c->line[c->length++] = byte;
        return true;
    }
    control_line(&c->control, c->line, c->length);
    c->length = 0;
    c->stage = STAGE_BODY;
    if (c->control.body_length == 0)
        answer(c);
    return true;
}

/* At most SIZE bytes of a body, straight to its place. */
static uint32_t take_body(struct connection *c, const struct virtqueue_chain *chain,
                          uint32_t offset, uint32_t size)
{
    uint64_t left = c->control.body_length - c->length;
    uint32_t share = size < left ? size : (uint32_t)left;
    if (c->control.body != NULL)
        chain_read(chain, offset, c->control.body + c->length, share);
    c->length += share;
    if (share == left)
        answer(c);
    return share;
}

/*
 * The payload of a packet. False: the peer breaks the protocol by a line that is too long, or a
 * request before the answer to the last.
 */
static bool take_data(struct connection *c, const struct virtqueue_chain *chain, uint32_t size)
{
    char byte;
    for (uint32_t at = 0; at < size;) {
        if (c->stage == STAGE_BODY) {
            at += take_body(c, chain, VSOCK_HEADER + at, size - at);
            continue;
        }
        chain_read(chain, VSOCK_HEADER + at++, &byte, 1);
        if (c->stage != STAGE_LINE || !take_byte(c, byte))
            return false;
    }
    c->used += size;
    return true;
}

/* A packet of connection C. False: it is to be reset. */
static bool take_packet(struct connection *c, const struct vsock_header *header,
                        const struct virtqueue_chain *chain)
{
    c->buf_alloc = header->buf_alloc;
    c->fwd_cnt = header->fwd_cnt;
    switch (header->op) {
    case VSOCK_RW:
        return !c->ending && take_data(c, chain, header->size);
    case VSOCK_SHUTDOWN:
        c->ending = c->ending || (header->flags & SHUT_SEND) != 0;
        return (header->flags & SHUT_RECEIVE) == 0;
    case VSOCK_CREDIT_REQUEST:
        c->pending |= 1u << VSOCK_CREDIT_UPDATE;
        return true;
    default:
        return header->op == VSOCK_CREDIT_UPDATE;
    }
}

static void take(struct vsock_port *port, const struct vsock_header *header,
                 const struct virtqueue_chain *chain)
{
    struct connection *c = header->dst_port == ENDPOINT_PORT ? find(header->src_port) : NULL;
    if (c == NULL ? open(header) : take_packet(c, header, chain))
        return;
    if (c != NULL)
        close(c);
    vsock_refuse(port, header);
}

/* One packet to the peer, with as much payload as there are buffers for. */
static enum vsock_result put(struct vsock_port *port, struct connection *c, enum vsock_op op,
                             uint32_t size)
{
    const struct vsock_header header = {
        .src_cid = VSOCK_CID_CONTROL,
        .dst_cid = port->cid,
        .src_port = ENDPOINT_PORT,
        .dst_port = c->port,
        .size = size,
        .type = VSOCK_STREAM,
        .op = (uint16_t)op,
        .flags = op == VSOCK_SHUTDOWN ? SHUT_RECEIVE | SHUT_SEND : 0,
        .buf_alloc = ENDPOINT_CREDIT,
        .fwd_cnt = c->used,
    };
    struct virtqueue_chain payload = {.readable = 1, .readable_bytes = size};
    uint32_t sent = 0;
    payload.pieces[0] = (struct virtqueue_piece){(uint8_t *)(uintptr_t)c->answer, size};
    enum vsock_result result = vsock_deliver(port, &header, &payload, 0, &sent);
    c->answer += sent;
    c->left -= sent;
    c->sent += sent;
    if (result == VSOCK_DONE) {
        c->pending &= ~(1u << op);
        c->told = c->used;
    }
    return result;
}

/* Send what C has to send and may. False: there are no buffers. */
static bool push(struct vsock_port *port, struct connection *c)
{
    enum vsock_result result = VSOCK_DONE;
    if (c->used - c->told >= ENDPOINT_CREDIT / 2)
        c->pending |= 1u << VSOCK_CREDIT_UPDATE;
    for (unsigned op = VSOCK_RESPONSE; op <= VSOCK_CREDIT_UPDATE && result == VSOCK_DONE; op++)
        if ((c->pending >> op & 1) != 0)
            result = put(port, c, (enum vsock_op)op, 0);
    while (result == VSOCK_DONE && c->stage == STAGE_ANSWER) {
        uint32_t flying = c->sent - c->fwd_cnt;
        uint32_t credit = c->buf_alloc > flying ? c->buf_alloc - flying : 0;
        if (c->left == 0)
            c->stage = STAGE_LINE;
        else if (credit == 0)
            return true;
        else
            result = put(port, c, VSOCK_RW, c->left < credit ? (uint32_t)c->left : credit);
    }
    if (result == VSOCK_DONE && c->ending && c->stage != STAGE_ANSWER &&
        (result = put(port, c, VSOCK_SHUTDOWN, 0)) == VSOCK_DONE)
        close(c);
    return result != VSOCK_FULL;
}

static void push_all(struct vsock_port *port)
{
    bool full;
    do {
        full = false;
        for (struct connection *c = connections; c < connections + ENDPOINT_CONNECTIONS; c++)
            full = (c->stage != STAGE_CLOSED && !push(port, c)) || full;
        atomic_store(&port->endpoint_waits, full);
    } while (full && vsock_want_buffers(port));
}

static void run(struct vsock_port *port)
{
    struct vsock_header header;
    struct virtqueue_chain chain;
    if (atomic_exchange(&gone, false))
        for (unsigned i = 0; i < ENDPOINT_CONNECTIONS; i++)
            close(&connections[i]);
    while (vsock_next(port, &header, &chain)) {
        take(port, &header, &chain);
        vsock_done(port);
        push_all(port);
    }
    push_all(port);
}

void endpoint_run(struct vsock_port *port)
{
    atomic_store(&work, true);
    while (atomic_load(&work) && !atomic_flag_test_and_set(&busy)) {
        atomic_store(&work, false);
        run(port);
        atomic_flag_clear(&busy);
    }
}

void endpoint_reset(struct vsock_port *port)
{
    atomic_store(&gone, true);
    endpoint_run(port);
}
