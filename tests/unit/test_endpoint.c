/* SPDX-License-Identifier: Apache-2.0 */
/* CID 2 as a kernel's socket sees it: who may connect, requests and answers, credit both ways. */
#include "unit.h"

#include "core/endpoint.h"
#include "vsock_vm.h"

#define CREDIT (256u * 1024)
#define PEER   1000u

static struct socket_vm host, vm;
static uint8_t memory[ENDPOINT_MEMORY];
static uint8_t place[16 * MIB]; /* for the bodies of `keep` */
static unsigned aborted;
static uint16_t tx_head;
static uint32_t received; /* bytes that the peer has used up */

static bool run_echo(struct control *control)
{
    text_bytes(&control->answer, (const char *)control->body, control->body_length);
    return true;
}

static bool run_fill(struct control *control)
{
    uint64_t count;
    if (!control_number(control, 1, &count))
        return false;
    for (uint64_t i = 0; i < count; i++)
        text_bytes(&control->answer, &(char){(char)(i * 7)}, 1);
    return true;
}

static bool begin_keep(struct control *control)
{
    control->body = place;
    return control->body_length <= sizeof(place) || control_refuse(control, "too much");
}

static bool run_keep(struct control *control)
{
    text_print(&control->answer, "kept %lu", (unsigned long)control->body_length);
    return true;
}

static void abort_keep(struct control *control)
{
    (void)control;
    aborted++;
}

static const struct control_command commands[] = {
    {"echo LENGTH", NULL, run_echo, NULL},
    {"fill COUNT", NULL, run_fill, NULL},
    {"keep LENGTH", begin_keep, run_keep, abort_keep},
    {NULL, NULL, NULL, NULL},
};

static int start(void **state)
{
    (void)state;
    endpoint_init(commands, memory);
    vm_init(&host, "host", 0, NULL);
    host.config.service = true;
    vm_init(&vm, "vm", 1, "host");
    vm_drive(&host, 256);
    vm_drive(&vm, 256);
    vm_post(&host, 200, RX_BUFFER);
    vm_post(&vm, 200, RX_BUFFER);
    tx_head = 0;
    aborted = 0;
    received = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    vm_end(&host);
    vm_end(&vm);
    return 0;
}

static void send_op(struct socket_vm *from, uint32_t port, enum vsock_op op, const char *data,
                    uint32_t size, uint32_t flags)
{
    struct vsock_header header = vm_header(from, 2, port, ENDPOINT_PORT, op);
    uint16_t used;
    uint32_t length;
    header.size = size;
    header.flags = flags;
    header.buf_alloc = CREDIT;
    header.fwd_cnt = received;
    vm_send(from, tx_head, &header, data, true);
    tx_head = (uint16_t)((tx_head + 1) % 256);
    assert_true(vm_used(from, VSOCK_TX, &used, &length)); /* nothing of it waits, ever */
}

static void send_text(uint32_t port, const char *text)
{
    send_op(&host, port, VSOCK_RW, text, (uint32_t)strlen(text), 0);
}

static void expect(uint32_t port, enum vsock_op op)
{
    const struct vsock_header *header = vm_receive(&host, NULL);
    assert_non_null(header);
    assert_int_equal(header->op, op);
    assert_int_equal(header->src_cid, 2);
    assert_int_equal(header->dst_cid, 3);
    assert_int_equal(header->src_port, ENDPOINT_PORT);
    assert_int_equal(header->dst_port, port);
}

static void connect(uint32_t port)
{
    send_op(&host, port, VSOCK_REQUEST, NULL, 0, 0);
    expect(port, VSOCK_RESPONSE);
}

/* All that comes now, in one piece; the peer has not used it up yet. */
static uint32_t gather(uint8_t *data, uint32_t size)
{
    const struct vsock_header *header;
    const uint8_t *payload;
    uint32_t at = 0;
    while ((header = vm_receive(&host, &payload)) != NULL) {
        if (header->op != VSOCK_RW)
            continue;
        assert_true(at + header->size <= size);
        memcpy(data + at, payload, header->size);
        at += header->size;
    }
    return at;
}

static void expect_text(const char *text)
{
    char got[1024];
    uint32_t size = gather((uint8_t *)got, sizeof(got) - 1);
    got[size] = '\0';
    assert_string_equal(got, text);
    received += size;
}

static void a_request_is_answered(void **state)
{
    (void)state;
    connect(PEER);
    send_text(PEER, "fill 3\n");
    expect_text("ok 3\n\x00");
    send_text(PEER, "no");
    send_text(PEER, "nsense 5\n");
    expect_text("error 78\n\"nonsense\" is no request; there are:\n  echo LENGTH\n  fill COUNT\n"
                "  keep LENGTH\n");
    send_text(PEER, "echo 11\nhello");
    expect_text("");
    send_text(PEER, " world");
    expect_text("ok 11\nhello world");
    send_text(PEER, "echo 0\n");
    expect_text("ok 0\n");
    send_text(PEER, "keep 99999999\nrefused, but its body c"); /* is swallowed */
    expect_text("");
}

static void refused(struct socket_vm *from, uint32_t src_port, uint32_t dst_port, uint16_t type)
{
    struct vsock_header header = vm_header(from, 2, src_port, dst_port, VSOCK_REQUEST);
    const struct vsock_header *answer;
    header.type = type;
    vm_send(from, tx_head++, &header, NULL, true);
    answer = vm_receive(from, NULL);
    assert_non_null(answer);
    assert_int_equal(answer->op, VSOCK_RST);
    assert_int_equal(answer->dst_port, src_port);
    assert_int_equal(answer->src_port, dst_port);
    assert_int_equal(answer->type, type);
}

static void only_the_privileged_may_connect(void **state)
{
    (void)state;
    refused(&vm, 1000, ENDPOINT_PORT, VSOCK_STREAM);
    refused(&host, 1024, ENDPOINT_PORT, VSOCK_STREAM);
    refused(&host, UINT32_MAX, ENDPOINT_PORT, VSOCK_STREAM);
    refused(&host, 1000, 78, VSOCK_STREAM);
    refused(&host, 1000, ENDPOINT_PORT, VSOCK_SEQPACKET);
    for (uint32_t port = 0; port < ENDPOINT_CONNECTIONS; port++) {
        struct vsock_header header = vm_header(&host, 2, port, ENDPOINT_PORT, VSOCK_REQUEST);
        vm_send(&host, tx_head++, &header, NULL, true);
        expect(port, VSOCK_RESPONSE);
    }
    refused(&host, 1000, ENDPOINT_PORT, VSOCK_STREAM);
    refused(&host, 1, ENDPOINT_PORT, VSOCK_STREAM); /* it has one, which ends */
    struct vsock_header data = vm_header(&host, 2, 1, ENDPOINT_PORT, VSOCK_RW);
    vm_send(&host, tx_head++, &data, NULL, true);
    expect(1, VSOCK_RST);
}

static void no_more_is_sent_than_the_peer_takes(void **state)
{
    static uint8_t got[70000];
    (void)state;
    connect(PEER);
    for (uint32_t i = 0; i < 4; i++) { /* the peer uses nothing up */
        send_text(PEER, "fill 60000\n");
        assert_int_equal(gather(got, sizeof(got)), strlen("ok 60000\n") + 60000);
    }
    send_text(PEER, "fill 60000\n");
    assert_int_equal(gather(got, sizeof(got)), CREDIT - 4 * 60009);
    received = 60009;
    send_op(&host, PEER, VSOCK_CREDIT_UPDATE, NULL, 0, 0);
    assert_int_equal(gather(got, sizeof(got)), 5 * 60009 - CREDIT);
    received = UINT32_MAX; /* more than was sent */
    send_text(PEER, "fill 1\n");
    assert_int_equal(gather(got, sizeof(got)), 0);
}

static void an_answer_waits_for_buffers(void **state)
{
    static uint8_t got[60009];
    uint32_t at;
    (void)state;
    connect(PEER);
    vm_drive(&host, 256); /* no buffers now, and no connection */
    vm_post(&host, 1, RX_BUFFER);
    connect(PEER);
    send_text(PEER, "fill 60000\n");
    assert_int_equal(gather(got, sizeof(got)), 0);
    for (at = 0; at < sizeof(got);) {
        vm_post(&host, 1, RX_BUFFER);
        uint32_t share = gather(got + at, (uint32_t)sizeof(got) - at);
        assert_true(share > 0);
        at += share;
    }
    assert_memory_equal(got, "ok 60000\n", 9);
    for (uint32_t i = 0; i < 60000; i++)
        assert_int_equal(got[9 + i], (uint8_t)(i * 7));
    vm_post(&host, 1, RX_BUFFER);
    uint64_t kicks = atomic_load(&host.device.counters.kicks);
    vm_post(&host, 1, RX_BUFFER);
    assert_int_equal(atomic_load(&host.device.counters.kicks), kicks);
}

/* What the peer sends is used up; it learns so before its credit for the endpoint is at its end. */
static void the_peer_gets_credit(void **state)
{
    char piece[4000];
    uint32_t credit = 0, sent = 0;
    const struct vsock_header *header;
    (void)state;
    send_op(&host, PEER, VSOCK_REQUEST, NULL, 0, 0);
    credit = vm_receive(&host, NULL)->buf_alloc;
    assert_int_equal(credit, ENDPOINT_CREDIT);
    send_text(PEER, "keep 8000000\n");
    sent = 13;
    for (unsigned i = 0; i < 30; i++) {
        memset(piece, (int)i, sizeof(piece));
        send_op(&host, PEER, VSOCK_RW, piece, sizeof(piece), 0);
        sent += (uint32_t)sizeof(piece);
    }
    send_op(&host, PEER, VSOCK_CREDIT_REQUEST, NULL, 0, 0);
    header = vm_receive(&host, NULL);
    assert_int_equal(header->op, VSOCK_CREDIT_UPDATE);
    assert_int_equal(header->fwd_cnt, sent);
    for (uint32_t at = sent; sent - at < ENDPOINT_CREDIT / 2; sent += (uint32_t)sizeof(piece)) {
        assert_null(vm_receive(&host, NULL));
        send_op(&host, PEER, VSOCK_RW, piece, sizeof(piece), 0);
    }
    expect(PEER, VSOCK_CREDIT_UPDATE);
    while (sent < 8000013) {
        uint32_t left = 8000013 - sent, share = left < sizeof(piece) ? left : sizeof(piece);
        memset(piece, (int)sent, share);
        send_op(&host, PEER, VSOCK_RW, piece, share, 0);
        sent += share;
        if (sent < 8000013 && vm_receive(&host, NULL) != NULL) /* credit */
            vm_post(&host, 1, RX_BUFFER);
    }
    expect_text("ok 12\nkept 8000000");
    for (unsigned i = 0; i < 30 * sizeof(piece); i++)
        assert_int_equal(place[i], i / sizeof(piece));
}

static void connections_end(void **state)
{
    (void)state;
    connect(PEER);
    send_op(&host, PEER, VSOCK_SHUTDOWN, NULL, 0, 3);
    expect(PEER, VSOCK_RST);
    connect(PEER);
    send_text(PEER, "keep 10\nhalf");
    send_op(&host, PEER, VSOCK_RST, NULL, 0, 0);
    assert_int_equal(aborted, 1);
    assert_null(vm_receive(&host, NULL));
    connect(PEER);
    send_text(PEER, "echo 4\nhalf");
    expect_text("ok 4\nhalf");
    send_op(&host, PEER, VSOCK_SHUTDOWN, NULL, 0, 2); /* it sends no more: neither do we */
    expect(PEER, VSOCK_SHUTDOWN);
    send_text(PEER, "fill 1\n");
    expect(PEER, VSOCK_RST);
    connect(PEER);
    send_text(PEER, "keep 10\nhalf");
    virtio_reset(&host.device);
    assert_int_equal(aborted, 2);
}

/* The half-closed get what they asked for first. */
static void the_last_answer_is_sent(void **state)
{
    const uint32_t answer = 60009;
    (void)state;
    connect(PEER);
    received = 1; /* more than was sent: there is no credit */
    send_text(PEER, "fill 60000\n");
    send_op(&host, PEER, VSOCK_SHUTDOWN, NULL, 0, 2);
    assert_null(vm_receive(&host, NULL));
    received = 0;
    send_op(&host, PEER, VSOCK_CREDIT_UPDATE, NULL, 0, 0);
    for (uint32_t size = 0; size < answer;) {
        const struct vsock_header *header = vm_receive(&host, NULL);
        assert_non_null(header);
        assert_int_equal(header->op, VSOCK_RW);
        size += header->size;
    }
    expect(PEER, VSOCK_SHUTDOWN);
}

static void broken_protocol_is_reset(void **state)
{
    char line[CONTROL_LINE_MAX + 1];
    (void)state;
    connect(PEER);
    memset(line, 'x', sizeof(line));
    line[CONTROL_LINE_MAX] = '\0';
    send_text(PEER, line);
    assert_null(vm_receive(&host, NULL));
    send_text(PEER, "x");
    expect(PEER, VSOCK_RST);
    connect(PEER);
    send_text(PEER, "fill 1\nfill 1\n"); /* the second before the answer to the first */
    expect(PEER, VSOCK_RST);
    connect(PEER);
    send_op(&host, PEER, (enum vsock_op)99, NULL, 0, 0);
    expect(PEER, VSOCK_RST);
    assert_null(vm_receive(&host, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_is_answered, start, end),
        cmocka_unit_test_setup_teardown(only_the_privileged_may_connect, start, end),
        cmocka_unit_test_setup_teardown(no_more_is_sent_than_the_peer_takes, start, end),
        cmocka_unit_test_setup_teardown(an_answer_waits_for_buffers, start, end),
        cmocka_unit_test_setup_teardown(the_peer_gets_credit, start, end),
        cmocka_unit_test_setup_teardown(connections_end, start, end),
        cmocka_unit_test_setup_teardown(the_last_answer_is_sent, start, end),
        cmocka_unit_test_setup_teardown(broken_protocol_is_reset, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
