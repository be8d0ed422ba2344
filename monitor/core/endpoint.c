/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control service's sockets. What comes in is used up at once, so its credit is never short;
 * what goes out waits for the peer's credit and for receive buffers. One core works at a time; one
 * that comes meanwhile leaves a note and goes.
 */
#include "core/endpoint.h"

#include "lib/fmt.h"
#include "lib/string.h"

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
    uint64_t body;       /* bytes that are still to come */
    char line[ENDPOINT_LINE];
    unsigned length;
    char *answer;
    uint32_t answer_at, answer_end; /* what is still to be sent of it */
};

static struct connection connections[ENDPOINT_CONNECTIONS];
static const struct endpoint_service *service;
static uint32_t answer_size; /* beyond ENDPOINT_HEAD */
static atomic_flag busy = ATOMIC_FLAG_INIT;
static _Atomic bool work, gone;

void endpoint_init(const struct endpoint_service *from, char *memory, uint32_t size)
{
    service = from;
    answer_size = size / ENDPOINT_CONNECTIONS - ENDPOINT_HEAD;
    for (unsigned i = 0; i < ENDPOINT_CONNECTIONS; i++)
        connections[i].answer = memory + i * (size / ENDPOINT_CONNECTIONS);
}

static unsigned number(const struct connection *c)
{
    return (unsigned)(c - connections);
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
        service->ended(number(c));
    c->stage = STAGE_CLOSED;
}

/* True if HEADER, of no connection, asks for one that there may be. */
static bool open(const struct vsock_header *header)
{
    if (service == NULL || header->op != VSOCK_REQUEST || header->type != VSOCK_STREAM ||
        header->dst_port != ENDPOINT_PORT || header->src_port >= ENDPOINT_PRIVILEGED)
        return false;
    for (struct connection *c = connections; c < connections + ENDPOINT_CONNECTIONS; c++) {
        if (c->stage != STAGE_CLOSED)
            continue;
        *c = (struct connection){.stage = STAGE_LINE,
                                 .pending = 1u << VSOCK_RESPONSE,
                                 .port = header->src_port,
                                 .buf_alloc = header->buf_alloc,
                                 .fwd_cnt = header->fwd_cnt,
                                 .answer = c->answer};
        return true;
    }
    return false;
}

/* The request is complete. Its answer is put behind its first line, which ends at ENDPOINT_HEAD. */
static void answer(struct connection *c)
{
    char head[ENDPOINT_HEAD];
    uint32_t length = 0;
    bool good = service->answer(number(c), c->answer + ENDPOINT_HEAD, answer_size, &length);
    uint32_t head_length =
        (uint32_t)fmt_text(head, sizeof(head), "%s %u\n", good ? "ok" : "error", length);
    c->answer_at = ENDPOINT_HEAD - head_length;
    c->answer_end = ENDPOINT_HEAD + length;
    memcpy(c->answer + c->answer_at, head, head_length);
    c->stage = STAGE_ANSWER;
}

/* One byte of a request's line. False: the line is too long. */
static bool take_byte(struct connection *c, uint8_t byte)
{
    if (c->length == sizeof(c->line))
        return false;
    c->line[c->length++] = (char)byte;
    if (byte != '\n')
        return true;
    c->line[c->length - 1] = '\0';
    c->length = 0;
    c->body = service->line(number(c), c->line);
    c->stage = STAGE_BODY;
    if (c->body == 0)
        answer(c);
    return true;
}

/* Some of a body. */
static uint32_t take_body(struct connection *c, const uint8_t *data, uint32_t size)
{
    uint32_t share = size < c->body ? size : (uint32_t)c->body;
    service->body(number(c), data, share);
    c->body -= share;
    if (c->body == 0)
        answer(c);
    return share;
}

/*
 * The payload of a packet. False: the peer breaks the protocol by a line that is too long, or a
 * request before the answer to the last.
 */
static bool take_data(struct connection *c, const struct virtqueue_chain *chain, uint32_t size)
{
    for (uint32_t at = 0, piece; at < size;) {
        const uint8_t *data = chain_piece(chain, VSOCK_HEADER + at, &piece);
        if (c->stage == STAGE_BODY)
            at += take_body(c, data, piece < size - at ? piece : size - at);
        else if (c->stage != STAGE_LINE || !take_byte(c, *data))
            return false;
        else
            at++;
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
    payload.pieces[0] = (struct virtqueue_piece){(uint8_t *)c->answer + c->answer_at, size};
    enum vsock_result result = vsock_deliver(port, &header, &payload, 0, &sent);
    c->answer_at += sent;
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
        uint32_t left = c->answer_end - c->answer_at;
        uint32_t flying = c->sent - c->fwd_cnt;
        uint32_t credit = c->buf_alloc > flying ? c->buf_alloc - flying : 0;
        if (left == 0)
            c->stage = STAGE_LINE;
        else if (credit == 0)
            return true;
        else
            result = put(port, c, VSOCK_RW, left < credit ? left : credit);
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
