/* SPDX-License-Identifier: Apache-2.0 */
/* Packets between VMs: who may talk, what waits for whom, what is never lost. */
#include "unit.h"

#include "vsock_vm.h"

static struct socket_vm a, b, c, other;

static int start(void **state)
{
    (void)state;
    vm_init(&a, "a", 0, "b");
    vm_init(&b, "b", 1, NULL);
    vm_init(&c, "c", 2, "a");
    vm_init(&other, "other", 3, NULL);
    vm_drive(&a, 256);
    vm_drive(&b, 256);
    vm_drive(&c, 256);
    vm_drive(&other, 256);
    return 0;
}

static int end(void **state)
{
    (void)state;
    vm_end(&a);
    vm_end(&b);
    vm_end(&c);
    vm_end(&other);
    return 0;
}

static uint64_t drops(const struct socket_vm *vm)
{
    return atomic_load(&vm->device.counters.drops);
}

/* A packet of SIZE bytes from A's port 1000 to TO's 2000, its bytes counted from FIRST. */
static void send_bytes(uint16_t head, const struct socket_vm *to, uint32_t size, uint8_t first)
{
    uint8_t bytes[4000];
    struct vsock_header header = vm_header(&a, to->port.cid, 1000, 2000, VSOCK_RW);
    header.size = size;
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(first + i);
    vm_send(&a, head, &header, bytes, true);
}

static unsigned completed(struct socket_vm *vm)
{
    uint16_t head;
    uint32_t length;
    unsigned count = 0;
    while (vm_used(vm, VSOCK_TX, &head, &length))
        count++;
    return count;
}

static void expect_reset(struct socket_vm *vm, uint64_t from, uint32_t src_port, uint32_t dst_port)
{
    const struct vsock_header *header = vm_receive(vm, NULL);
    assert_non_null(header);
    assert_int_equal(header->op, VSOCK_RST);
    assert_int_equal(header->src_cid, from);
    assert_int_equal(header->dst_cid, vm->port.cid);
    assert_int_equal(header->src_port, src_port);
    assert_int_equal(header->dst_port, dst_port);
    assert_int_equal(header->size, 0);
}

static void a_packet_arrives_as_it_was_sent(void **state)
{
    const uint8_t *payload;
    (void)state;
    vm_post(&b, 4, RX_BUFFER);
    send_bytes(7, &b, 100, 1);
    const struct vsock_header *header = vm_receive(&b, &payload);
    assert_non_null(header);
    assert_int_equal(header->src_cid, 3);
    assert_int_equal(header->dst_cid, 4);
    assert_int_equal(header->buf_alloc, 256 * 1024);
    assert_int_equal(header->size, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(payload[i], 1 + i);
    assert_int_equal(completed(&a), 1);
    assert_int_equal(a.interrupts[VSOCK_TX], 1);
    assert_int_equal(b.interrupts[VSOCK_RX], 1);
    assert_int_equal(atomic_load(&b.device.counters.rx_bytes), 100);
    assert_int_equal(atomic_load(&a.device.counters.tx_packets), 1);
}

/* Either may name the other; nobody else is reached, and the sender hears of it. */
static void only_peers_are_reached(void **state)
{
    const uint64_t forbidden[] = {6, 3, 0, 1, 2, 7, 19, 3 + (1ull << 32), UINT64_MAX};
    (void)state;
    vm_post(&a, 32, RX_BUFFER);
    vm_post(&c, 4, RX_BUFFER);
    vm_post(&other, 4, RX_BUFFER);
    send_bytes(0, &c, 10, 0); /* c names a */
    assert_non_null(vm_receive(&c, NULL));
    for (unsigned i = 0; i < ARRAY_SIZE(forbidden); i++) {
        struct vsock_header header = vm_header(&a, forbidden[i], 1000 + i, 2000, VSOCK_REQUEST);
        vm_send(&a, (uint16_t)i, &header, NULL, true);
        expect_reset(&a, forbidden[i], 2000, 1000 + i);
    }
    assert_int_equal(drops(&a), ARRAY_SIZE(forbidden));
    assert_null(vm_receive(&other, NULL));
    assert_null(vm_receive(&a, NULL));
    struct vsock_header reset = vm_header(&a, 6, 1000, 2000, VSOCK_RST);
    vm_send(&a, 20, &reset, NULL, true);
    assert_null(vm_receive(&a, NULL)); /* a reset is not answered */
}

static void a_foreign_source_is_dropped(void **state)
{
    (void)state;
    vm_post(&a, 4, RX_BUFFER);
    vm_post(&b, 4, RX_BUFFER);
    struct vsock_header header = vm_header(&c, 4, 1000, 2000, VSOCK_RST);
    vm_send(&a, 0, &header, NULL, true);
    header = vm_header(&a, 4, 1000, 2000, VSOCK_RW);
    header.size = 5; /* more than is there */
    vm_send(&a, 1, &header, NULL, true);
    header.size = UINT32_MAX;
    vm_send(&a, 2, &header, NULL, true);
    vm_offer(&a, VSOCK_TX, 3, VM_PACKETS, VSOCK_HEADER - 1, false);
    vm_kick(&a, VSOCK_TX);
    assert_null(vm_receive(&b, NULL));
    assert_null(vm_receive(&a, NULL));
    assert_int_equal(drops(&a), 4);
    assert_int_equal(completed(&a), 4);
}

/* A packet larger than the buffers becomes several, waiting in the middle for more of them. */
static void large_packets_are_split(void **state)
{
    const uint8_t *payload;
    const struct vsock_header *header;
    uint32_t got = 0;
    (void)state;
    vm_post(&b, 3, 1044);
    send_bytes(0, &b, 3500, 3);
    assert_int_equal(completed(&a), 0);
    vm_post(&b, 2, 344);
    assert_int_equal(completed(&a), 1);
    while ((header = vm_receive(&b, &payload)) != NULL) {
        assert_int_equal(header->op, VSOCK_RW);
        assert_int_equal(header->src_port, 1000);
        for (uint32_t i = 0; i < header->size; i++, got++)
            assert_int_equal(payload[i], (uint8_t)(3 + got));
    }
    assert_int_equal(got, 3500);
}

/* The mark at the end of a message comes with its last part. */
static void a_message_ends_once(void **state)
{
    uint8_t bytes[150] = {0};
    const struct vsock_header *part;
    (void)state;
    vm_post(&b, 2, 144);
    struct vsock_header header = vm_header(&a, 4, 1000, 2000, VSOCK_RW);
    header.type = VSOCK_SEQPACKET;
    header.flags = 3;
    header.size = sizeof(bytes);
    vm_send(&a, 0, &header, bytes, true);
    part = vm_receive(&b, NULL);
    assert_int_equal(part->size, 100);
    assert_int_equal(part->flags, 0);
    part = vm_receive(&b, NULL);
    assert_int_equal(part->size, 50);
    assert_int_equal(part->flags, 3);
}

/* Packets for a receiver without buffers wait, in their order; those for another overtake them. */
static void a_stalled_peer_holds_up_nobody_else(void **state)
{
    const uint8_t *payload;
    uint16_t head;
    uint32_t length;
    (void)state;
    vm_post(&c, 8, RX_BUFFER);
    for (uint8_t i = 0; i < 100; i++)
        send_bytes(i, &b, 1, i);
    assert_int_equal(completed(&a), 0);
    send_bytes(200, &c, 10, 0);
    assert_non_null(vm_receive(&c, NULL));
    assert_true(vm_used(&a, VSOCK_TX, &head, &length)); /* out of order */
    assert_int_equal(head, 200);
    struct vsock_header header = vm_header(&c, 3, 5, 6, VSOCK_RW);
    vm_post(&a, 8, RX_BUFFER);
    vm_send(&c, 0, &header, NULL, true);
    assert_non_null(vm_receive(&a, NULL));
    vm_post(&b, 60, RX_BUFFER);
    vm_post(&b, 60, RX_BUFFER);
    for (unsigned i = 0; i < 100; i++) {
        assert_non_null(vm_receive(&b, &payload));
        assert_int_equal(payload[0], i);
        assert_true(vm_used(&a, VSOCK_TX, &head, &length));
        assert_int_equal(head, i);
    }
    assert_int_equal(drops(&a), 0);
}

/* The receiver's driver kicks for each refill only while somebody waits for that. */
static void refills_are_told_when_awaited(void **state)
{
    (void)state;
    vm_post(&b, 1, RX_BUFFER); /* the first comes with a kick, as nothing was said yet */
    uint64_t kicks = atomic_load(&b.device.counters.kicks);
    vm_post(&b, 1, RX_BUFFER);
    assert_int_equal(atomic_load(&b.device.counters.kicks), kicks);
    for (uint16_t i = 0; i < 3; i++)
        send_bytes(i, &b, 1, 0);
    assert_int_equal(completed(&a), 2);
    vm_post(&b, 1, RX_BUFFER);
    assert_int_equal(atomic_load(&b.device.counters.kicks), kicks + 1);
    assert_int_equal(completed(&a), 1);
    vm_post(&b, 1, RX_BUFFER);
    assert_int_equal(atomic_load(&b.device.counters.kicks), kicks + 1);
}

/* A sender that is faster than the receiver is held up, and nothing is lost. */
static void a_slow_receiver_loses_nothing(void **state)
{
    const uint8_t *payload;
    uint8_t next = 0;
    (void)state;
    for (uint16_t i = 0; i < 128; i++)
        send_bytes(i, &b, 1, (uint8_t)i);
    struct vsock_header header = vm_header(&a, 4, 1000, 2000, VSOCK_RW);
    header.size = 1;
    for (uint16_t i = 128; i < 200; i++)
        vm_send(&a, i, &header, &(uint8_t){(uint8_t)i}, false);
    for (unsigned i = 0; i < VSOCK_PATIENCE; i++)
        assert_true(virtio_write(&a.device, VIRTIO_NOTIFY, 2, VSOCK_TX));
    assert_int_equal(atomic_load(&a.device.counters.tx_packets), 128);
    for (unsigned i = 0; i < 100; i++) {
        vm_post(&b, 2, RX_BUFFER);
        assert_true(virtio_write(&a.device, VIRTIO_NOTIFY, 2, VSOCK_TX) || i >= 35);
        while (vm_receive(&b, &payload) != NULL)
            assert_int_equal(payload[0], next++);
    }
    assert_int_equal(next, 200);
    assert_int_equal(drops(&a), 0);
    assert_int_equal(completed(&a), 200);
}

/*
 * A receiver that never refills: half of the send ring waits for it, then connections end, on both
 * sides before any more of them arrives; other peers are reached all the time.
 */
static void a_dead_receiver_costs_its_connections(void **state)
{
    const struct vsock_header *header;
    unsigned packets = 0;
    (void)state;
    vm_post(&a, 200, RX_BUFFER);
    vm_post(&c, 200, RX_BUFFER);
    for (uint16_t i = 0; i < 128; i++)
        send_bytes(i, &b, 1, (uint8_t)i);
    assert_null(vm_receive(&a, NULL));
    assert_int_equal(drops(&a), 0);
    for (uint16_t i = 0; i < 100; i++) {
        send_bytes(128, &b, 1, 77);
        assert_int_equal(completed(&a), 1);
        expect_reset(&a, 4, 2000, 1000);
        send_bytes(129, &c, 1, 0);
        assert_non_null(vm_receive(&c, NULL));
        assert_int_equal(completed(&a), 1);
    }
    assert_int_equal(drops(&a), 100);
    vm_post(&b, 256, RX_BUFFER); /* back to life */
    expect_reset(&b, 3, 1000, 2000);
    while ((header = vm_receive(&b, NULL)) != NULL) {
        assert_int_equal(header->op, VSOCK_RW);
        packets++;
    }
    assert_int_equal(packets, 128);
    assert_int_equal(completed(&a), 128);
    assert_null(vm_receive(&a, NULL));
    send_bytes(0, &b, 1, 0);
    assert_non_null(vm_receive(&b, NULL));
}

/* Where the receiver can't be told of all connections that ended, nothing more goes there. */
static void a_torn_stream_never_goes_on(void **state)
{
    uint16_t head = 128;
    (void)state;
    vm_post(&a, 256, RX_BUFFER);
    for (uint16_t i = 0; i < 128; i++)
        send_bytes(i, &b, 1, 0);
    for (uint32_t port = 0; port <= VSOCK_RESETS; port++) {
        struct vsock_header header = vm_header(&a, 4, port, 2000, VSOCK_CREDIT_UPDATE);
        vm_send(&a, head, &header, NULL, true);
        expect_reset(&a, 4, 2000, port);
    }
    vm_post(&b, 256, RX_BUFFER);
    completed(&a);
    while (vm_receive(&b, NULL) != NULL)
        ;
    send_bytes(head, &b, 1, 0);
    assert_null(vm_receive(&b, NULL));
    expect_reset(&a, 4, 2000, 1000);
    vm_drive(&b, 256); /* its connections are gone now */
    vm_post(&b, 1, RX_BUFFER);
    send_bytes(head, &b, 1, 0);
    assert_non_null(vm_receive(&b, NULL));
}

/* A reset for a sender without receive buffers waits for them, too. */
static void resets_wait_for_buffers(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < VSOCK_RESETS + 3; i++) {
        struct vsock_header header = vm_header(&a, 6, i, 2000, VSOCK_REQUEST);
        vm_send(&a, i, &header, NULL, true);
    }
    assert_int_equal(completed(&a), VSOCK_RESETS + 3);
    vm_post(&a, 256, RX_BUFFER);
    for (unsigned i = 0; i < VSOCK_RESETS; i++)
        assert_int_equal(vm_receive(&a, NULL)->op, VSOCK_RST);
    assert_null(vm_receive(&a, NULL));
}

/* Whoever sends to a VM that has gone, or whose driver has, hears of it; so do those who wait. */
static void packets_for_the_dead_are_refused(void **state)
{
    (void)state;
    vm_post(&a, 32, RX_BUFFER);
    send_bytes(0, &b, 1, 0);
    send_bytes(1, &b, 1, 0);
    assert_null(vm_receive(&a, NULL));
    virtio_reset(&b.device);
    expect_reset(&a, 4, 2000, 1000);
    assert_int_equal(completed(&a), 2);
    send_bytes(2, &b, 1, 0);
    while (vm_receive(&a, NULL) != NULL)
        ;
    vsock_leave(&b.port);
    send_bytes(3, &b, 1, 0);
    expect_reset(&a, 4, 2000, 1000);
    vsock_join(&b.port, &b.device, 4, &b.config);
    vm_drive(&b, 256);
    vm_post(&b, 1, RX_BUFFER);
    send_bytes(4, &b, 1, 0);
    assert_non_null(vm_receive(&b, NULL));
}

/* The sender's driver goes: what it had in its ring is nobody's. */
static void a_dead_sender_leaves_nothing(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 10; i++)
        send_bytes(i, &b, 1, 0);
    assert_int_equal(atomic_load(&b.port.waiting), 10);
    virtio_reset(&a.device);
    assert_int_equal(atomic_load(&b.port.waiting), 0);
    vm_post(&b, 20, RX_BUFFER);
    assert_null(vm_receive(&b, NULL));
    vm_drive(&a, 256);
    send_bytes(0, &b, 1, 0);
    assert_non_null(vm_receive(&b, NULL));
}

/* A driver that makes a chain available while it waits breaks its own queue. */
static void a_chain_is_not_sent_twice(void **state)
{
    (void)state;
    send_bytes(5, &b, 1, 0);
    send_bytes(5, &b, 1, 0);
    assert_true(a.device.queues[VSOCK_TX].broken);
    vm_post(&b, 8, RX_BUFFER);
    send_bytes(6, &b, 1, 0);
    assert_null(vm_receive(&b, NULL));
    assert_int_equal(atomic_load(&b.port.waiting), 0);
}

/* Receive buffers that hold no packet break the receiver's queue. */
static void buffers_without_room_are_refused(void **state)
{
    (void)state;
    vm_post(&a, 4, RX_BUFFER);
    vm_post(&b, 4, VSOCK_HEADER);
    send_bytes(0, &b, 1, 0);
    assert_true(b.device.queues[VSOCK_RX].broken);
    expect_reset(&a, 4, 2000, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_packet_arrives_as_it_was_sent, start, end),
        cmocka_unit_test_setup_teardown(only_peers_are_reached, start, end),
        cmocka_unit_test_setup_teardown(a_foreign_source_is_dropped, start, end),
        cmocka_unit_test_setup_teardown(large_packets_are_split, start, end),
        cmocka_unit_test_setup_teardown(a_message_ends_once, start, end),
        cmocka_unit_test_setup_teardown(a_stalled_peer_holds_up_nobody_else, start, end),
        cmocka_unit_test_setup_teardown(refills_are_told_when_awaited, start, end),
        cmocka_unit_test_setup_teardown(a_slow_receiver_loses_nothing, start, end),
        cmocka_unit_test_setup_teardown(a_dead_receiver_costs_its_connections, start, end),
        cmocka_unit_test_setup_teardown(a_torn_stream_never_goes_on, start, end),
        cmocka_unit_test_setup_teardown(resets_wait_for_buffers, start, end),
        cmocka_unit_test_setup_teardown(packets_for_the_dead_are_refused, start, end),
        cmocka_unit_test_setup_teardown(a_dead_sender_leaves_nothing, start, end),
        cmocka_unit_test_setup_teardown(a_chain_is_not_sent_twice, start, end),
        cmocka_unit_test_setup_teardown(buffers_without_room_are_refused, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
