/* SPDX-License-Identifier: Apache-2.0 */
/* The switch and the queues below it: three VMs in host memory, each with its driver's side. */
#include "unit.h"

#include "core/switch.h"

#define VM_MEMORY  (2 * MIB)
#define RING_SPACE (64 * KIB)
#define BUFFERS    (256 * KIB) /* receive buffers, one a head */
#define FRAMES     (1 * MIB)   /* what is sent */
#define SLOT       2048u
#define SIZE       64u
#define HEADER     12u
#define ALL        0xffffffffu
#define MERGE      (1u << 15)
#define GUEST_CSUM (1u << 1)

struct ring {
    uint64_t *descriptors;
    volatile uint16_t *available, *used;
    uint16_t next, seen;
};

struct net_vm {
    uint8_t *memory;
    struct place_extent extents[2];
    struct guest_memory ram;
    struct virtio_device device;
    struct switch_port port;
    struct ring rx, tx;
    unsigned interrupts[3];
    uint16_t posted;
};

static struct net_vm vms[3];

static void interrupted(struct virtio_device *device, uint16_t vector)
{
    ((struct net_vm *)device->vm)->interrupts[vector]++;
}

static void set(struct net_vm *vm, unsigned offset, unsigned size, uint64_t value)
{
    virtio_write(&vm->device, offset, size, (uint32_t)value);
}

static void start_queue(struct net_vm *vm, unsigned index, struct ring *ring)
{
    uint64_t at = index * RING_SPACE;
    *ring = (struct ring){(uint64_t *)(void *)(vm->memory + at),
                          (volatile uint16_t *)(void *)(vm->memory + at + 0x1000),
                          (volatile uint16_t *)(void *)(vm->memory + at + 0x2000), 0, 0};
    memset(vm->memory + at, 0, RING_SPACE);
    set(vm, 0x16, 2, index);
    set(vm, 0x18, 2, SIZE);
    set(vm, 0x1a, 2, index);
    set(vm, 0x20, 4, at);
    set(vm, 0x28, 4, at + 0x1000);
    set(vm, 0x30, 4, at + 0x2000);
    set(vm, 0x1c, 2, 1);
}

/* A driver that accepts these of the first 32 features. */
static void drive(struct net_vm *vm, uint32_t features)
{
    set(vm, 0x14, 1, 0);
    set(vm, 0x04, 4, 0);
    uint32_t offered = virtio_read(&vm->device, 0x04, 4);
    set(vm, 0x0c, 4, offered & features);
    set(vm, 0x08, 4, 1);
    set(vm, 0x0c, 4, 1);
    set(vm, 0x14, 1, 11);
    assert_int_equal(virtio_read(&vm->device, 0x14, 1), 11);
    start_queue(vm, 0, &vm->rx);
    start_queue(vm, 1, &vm->tx);
    set(vm, 0x14, 1, 15);
    vm->posted = 0;
    memset(vm->interrupts, 0, sizeof(vm->interrupts));
}

static int begin(void **state)
{
    static const char *const names[] = {"web", "db", "mail"};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct net_vm *vm = &vms[i];
        memset(vm, 0, sizeof(*vm));
        vm->memory = aligned_alloc(PAGE_SIZE, VM_MEMORY);
        memset(vm->memory, 0, VM_MEMORY);
        vm->extents[0] = (struct place_extent){{(uintptr_t)vm->memory}, {0}, VM_MEMORY, 0};
        vm->ram = (struct guest_memory){vm->extents, 1, NULL};
        vm->device.vm = vm;
        vm->device.interrupt = interrupted;
        virtio_init(&vm->device, &switch_class, &vm->ram);
        switch_join(&vm->port, &vm->device, names[i], i == 2 ? "other" : "lan");
        drive(vm, ALL & ~(1u << 29)); /* no EVENT_IDX: each test says if it wants it */
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        switch_leave(&vms[i].port);
        virtio_reset(&vms[i].device);
        free(vms[i].memory);
    }
    return 0;
}

static void offer(struct ring *ring, uint16_t head, uint64_t gpa, uint32_t size, unsigned flags)
{
    ring->descriptors[2 * head] = gpa;
    ring->descriptors[2 * head + 1] = size | (uint64_t)flags << 32;
    ring->available[2 + ring->next % SIZE] = head;
    ring->available[1] = ++ring->next;
}

static void post(struct net_vm *vm, unsigned count, uint32_t size)
{
    for (; count > 0; count--, vm->posted++)
        offer(&vm->rx, vm->posted % SIZE, BUFFERS + vm->posted % SIZE * (uint64_t)SLOT, size, 2);
}

static bool used(struct ring *ring, uint16_t *head, uint32_t *length)
{
    if (ring->seen == ring->used[1])
        return false;
    const volatile uint16_t *element = ring->used + 2 + ring->seen++ % SIZE * 4u;
    *head = element[0];
    *length = element[2] | (uint32_t)element[3] << 16;
    return true;
}

static uint8_t *frame_of(struct net_vm *from, const uint8_t to[6], uint32_t size)
{
    uint8_t *frame = from->memory + FRAMES;
    memset(frame, 0, HEADER);
    for (uint32_t i = 0; i < size; i++)
        frame[HEADER + i] = (uint8_t)(i * 7 + size);
    memcpy(frame + HEADER, to, 6);
    memcpy(frame + HEADER + 6, from->port.mac, 6);
    return frame;
}

static bool kick(struct net_vm *vm, unsigned queue)
{
    return virtio_write(&vm->device, VIRTIO_NOTIFY, 2, queue);
}

/* Send what lies at FRAMES, and have it back. */
static void send(struct net_vm *vm, uint32_t size)
{
    uint16_t head;
    uint32_t length;
    offer(&vm->tx, 3, FRAMES, HEADER + size, 0);
    kick(vm, 1);
    assert_true(used(&vm->tx, &head, &length));
    assert_int_equal(head, 3);
    assert_int_equal(length, 0);
}

/* What VM received, without headers, in SIZE bytes of FRAME; the number of buffers, 0: nothing. */
static unsigned receive(struct net_vm *vm, uint8_t *frame, uint32_t *size)
{
    uint16_t head;
    uint32_t length;
    uint16_t buffers = 1;
    *size = 0;
    for (unsigned i = 0; i < buffers; i++) {
        if (!used(&vm->rx, &head, &length))
            return 0;
        const uint8_t *at = vm->memory + BUFFERS + head * (uint64_t)SLOT;
        uint32_t skip = i == 0 ? HEADER : 0;
        if (i == 0)
            memcpy(&buffers, at + 10, 2);
        memcpy(frame + *size, at + skip, length - skip);
        *size += length - skip;
    }
    return buffers;
}

static void addresses_come_from_names(void **state)
{
    uint8_t mac[6];
    (void)state;
    switch_mac("", mac); /* the basis of FNV-1a: cbf29ce484222325 */
    assert_memory_equal(mac, ((const uint8_t[]){0x02, 0xe4, 0x84, 0x22, 0x23, 0x25}), 6);
    switch_mac("a", mac); /* af63dc4c8601ec8c */
    assert_memory_equal(mac, ((const uint8_t[]){0x02, 0x4c, 0x86, 0x01, 0xec, 0x8c}), 6);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(virtio_read(&vms[0].device, VIRTIO_CONFIG + i, 1), vms[0].port.mac[i]);
}

static void frames_of_any_size_arrive_whole(void **state)
{
    static const uint32_t sizes[] = {14, 60, 1500, 1514, 2036, 2037, 4084, 9000, 20000, 65000};
    static uint8_t got[70000];
    uint32_t size;
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        drive(&vms[1], ALL & ~(1u << 29));
        post(&vms[1], SIZE, SLOT);
        const uint8_t *frame = frame_of(&vms[0], vms[1].port.mac, sizes[i]);
        send(&vms[0], sizes[i]);
        assert_int_equal(receive(&vms[1], got, &size), (sizes[i] + HEADER + SLOT - 1) / SLOT);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(got, frame + HEADER, size);
        assert_true(vms[1].interrupts[0] > 0);
        assert_int_equal(receive(&vms[2], got, &size), 0); /* another network */
    }
    assert_int_equal(vms[1].device.counters.rx_packets, ARRAY_SIZE(sizes));
    assert_int_equal(vms[1].device.counters.drops, 0);
}

static void broadcast_stays_in_the_network(void **state)
{
    static const uint8_t all[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t got[2000];
    uint32_t size;
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        post(&vms[i], 4, SLOT);
    frame_of(&vms[0], all, 100);
    send(&vms[0], 100);
    assert_int_equal(receive(&vms[1], got, &size), 1);
    assert_int_equal(receive(&vms[0], got, &size), 0);
    assert_int_equal(receive(&vms[2], got, &size), 0);
    switch_leave(&vms[1].port);
    send(&vms[0], 100);
    assert_int_equal(receive(&vms[1], got, &size), 0);
}

static void false_senders_are_refused(void **state)
{
    uint8_t got[2000];
    uint32_t size;
    (void)state;
    post(&vms[1], 4, SLOT);
    uint8_t *frame = frame_of(&vms[0], vms[1].port.mac, 100);
    frame[HEADER + 11] ^= 1;
    send(&vms[0], 100);
    assert_int_equal(receive(&vms[1], got, &size), 0);
    assert_int_equal(vms[0].device.counters.drops, 1);
    assert_int_equal(vms[0].device.counters.tx_packets, 0);
    frame_of(&vms[0], vms[1].port.mac, 100);
    send(&vms[0], 13); /* no Ethernet header */
    send(&vms[0], 66000);
    assert_int_equal(vms[0].device.counters.drops, 3);
}

static void a_full_receiver_drops(void **state)
{
    uint8_t got[8192];
    uint32_t size;
    (void)state;
    post(&vms[1], 2, SLOT);
    frame_of(&vms[0], vms[1].port.mac, 5000); /* needs three */
    send(&vms[0], 5000);
    assert_int_equal(receive(&vms[1], got, &size), 0);
    assert_int_equal(vms[1].device.counters.drops, 1);
    frame_of(&vms[0], vms[1].port.mac, 3000);
    send(&vms[0], 3000);
    assert_int_equal(receive(&vms[1], got, &size), 2); /* none of the buffers was lost */
    drive(&vms[1], ALL & ~(1u << 29 | MERGE));
    post(&vms[1], 4, SLOT);
    send(&vms[0], 3000); /* more than one buffer, and it takes no merged ones */
    assert_int_equal(receive(&vms[1], got, &size), 0);
    set(&vms[1], 0x14, 1, 0);
    send(&vms[0], 100);
    assert_int_equal(vms[1].device.counters.drops, 3);
}

static void offloads_go_to_those_who_take_them(void **state)
{
    uint8_t got[4096];
    uint32_t size;
    (void)state;
    post(&vms[1], 8, SLOT);
    uint8_t *frame = frame_of(&vms[0], vms[1].port.mac, 3000);
    const uint8_t header[HEADER] = {1, 1, 54, 0, 0xa8, 5, 34, 0, 16, 0, 9, 9};
    memcpy(frame, header, HEADER);
    send(&vms[0], 3000);
    assert_memory_equal(vms[1].memory + BUFFERS, header, 10);
    assert_int_equal(receive(&vms[1], got, &size), 2);
    drive(&vms[1], ALL & ~(1u << 29 | GUEST_CSUM));
    post(&vms[1], 8, SLOT);
    send(&vms[0], 3000);
    assert_int_equal(receive(&vms[1], got, &size), 0);
    drive(&vms[1], ALL & ~(1u << 29 | 1u << 7));
    post(&vms[1], 8, SLOT);
    send(&vms[0], 3000);
    assert_int_equal(receive(&vms[1], got, &size), 0);
    assert_int_equal(vms[1].device.counters.drops, 2);
    frame[6] = 0xff; /* the checksum would lie outside the frame */
    frame[7] = 0xff;
    send(&vms[0], 3000);
    assert_int_equal(vms[0].device.counters.drops, 1);
}

static void interrupts_and_kicks_are_asked_for(void **state)
{
    (void)state;
    drive(&vms[0], ALL);
    drive(&vms[1], ALL);
    post(&vms[1], 32, SLOT);
    frame_of(&vms[0], vms[1].port.mac, 100);
    send(&vms[0], 100);
    assert_int_equal(vms[1].interrupts[0], 1); /* the first, always */
    vms[1].rx.available[2 + SIZE] = 3;         /* used_event: when the fourth has come */
    send(&vms[0], 100);
    send(&vms[0], 100);
    assert_int_equal(vms[1].interrupts[0], 1);
    send(&vms[0], 100);
    assert_int_equal(vms[1].interrupts[0], 2);
    assert_int_equal(vms[0].tx.used[2 + 4 * SIZE], vms[0].tx.next); /* kick at the next */
    kick(&vms[1], 0);
    uint16_t event = vms[1].rx.used[2 + 4 * SIZE];
    /* One more buffer needs no kick (2.7.10). */
    assert_true((uint16_t)(vms[1].rx.next + 1 - event - 1) >= 1);
}

static void many_frames_are_repeated(void **state)
{
    (void)state;
    frame_of(&vms[0], vms[1].port.mac, 100);
    for (unsigned i = 0; i < 10; i++)
        offer(&vms[0].tx, 3, FRAMES, HEADER + 100, 0);
    assert_false(kick(&vms[0], 1));
    assert_int_equal(vms[0].tx.used[1], 10);
}

/* COUNT frames of TO's wait, and nobody was told: its driver was asked to kick later. */
static void wait_quietly(struct net_vm *from, const struct net_vm *to, unsigned count,
                         uint32_t size)
{
    frame_of(from, to->port.mac, size);
    for (; count > 0; count--)
        offer(&from->tx, 3, FRAMES, HEADER + size, 0);
}

static uint16_t kick_event(const struct ring *tx)
{
    return tx->used[2 + 4 * SIZE];
}

/* Who gets a large frame and answers takes the next ones, as many as there is room for. */
static void a_receiver_fetches_a_stream(void **state)
{
    struct net_vm *from = &vms[0];
    struct net_vm *to = &vms[1];
    (void)state;
    drive(from, ALL);
    drive(to, ALL);
    post(to, 50, SLOT);
    wait_quietly(from, to, 1, 1000); /* not large */
    kick(from, 1);
    wait_quietly(from, to, 1, 20000);
    kick(to, 1);
    assert_int_equal(from->tx.used[1], 1);
    kick(from, 1); /* large: 10 buffers, and 39 are left */
    assert_int_equal(from->tx.used[1], 2);
    wait_quietly(from, to, 5, 20000);
    kick(to, 1);
    assert_int_equal(from->tx.used[1], 5);
    assert_int_equal(to->device.counters.drops, 0);
    assert_int_equal(kick_event(&from->tx), 5); /* the kick for the next one is due */
    kick(from, 1);
    assert_int_equal(from->tx.used[1], 7);
    assert_int_equal(kick_event(&from->tx), 7);
}

/* Once for each large frame, within the network, and never from a driver that can't be held off. */
static void only_streams_are_fetched(void **state)
{
    struct net_vm *from = &vms[0];
    struct net_vm *to = &vms[1];
    (void)state;
    for (unsigned kind = 0; kind < 3; kind++) {
        drive(from, kind == 0 ? ALL & ~(1u << 29) : ALL);
        drive(to, ALL);
        post(to, SIZE, SLOT);
        wait_quietly(from, to, 1, 20000);
        kick(from, 1);
        if (kind == 1)
            kick(to, 1); /* nothing waited: once is enough */
        if (kind == 2)
            switch_leave(&from->port);
        wait_quietly(from, to, 1, 20000);
        kick(to, 1);
        assert_int_equal(from->tx.used[1], 1);
    }
    switch_join(&from->port, &from->device, "web", "lan");
}

/* Chains that no driver makes break the queue, and nothing else. */
static void broken_rings(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 8; kind++) {
        struct ring *tx = &vms[0].tx;
        drive(&vms[0], ALL & ~(1u << 29));
        frame_of(&vms[0], vms[1].port.mac, 100);
        offer(tx, 0, kind == 0 ? VM_MEMORY - 10 : FRAMES, HEADER + 100, kind == 1 ? 1 : 0);
        if (kind == 1) /* chained to itself: a loop */
            tx->descriptors[1] |= (uint64_t)0 << 48;
        if (kind == 2)
            tx->available[2] = SIZE; /* no such descriptor */
        if (kind == 3)
            tx->available[1] = SIZE + 1; /* more than the ring holds */
        if (kind == 4)
            tx->descriptors[1] |= (uint64_t)(4 | 1) << 32; /* indirect and chained */
        if (kind == 5)
            tx->descriptors[0] = UINT64_MAX - 4;
        if (kind == 6) { /* an indirect table in an indirect table */
            uint64_t *table = (uint64_t *)(void *)(vms[0].memory + FRAMES + 0x8000);
            table[0] = FRAMES + 0x8000;
            table[1] = 16 | (uint64_t)4 << 32;
            tx->descriptors[0] = FRAMES + 0x8000;
            tx->descriptors[1] = 16 | (uint64_t)4 << 32;
        }
        if (kind == 7) /* to be written, then to be read */
            tx->descriptors[1] = 16 | (uint64_t)(2 | 1) << 32 | (uint64_t)1 << 48;
        kick(&vms[0], 1);
        bool needs_reset = (virtio_read(&vms[0].device, 0x14, 1) & 64) != 0;
        assert_true(needs_reset);
        assert_int_equal(vms[0].tx.used[1], 0);
    }
    drive(&vms[0], ALL & ~(1u << 29)); /* a reset mends it */
    post(&vms[1], 1, SLOT);
    frame_of(&vms[0], vms[1].port.mac, 100);
    send(&vms[0], 100);
    assert_int_equal(vms[1].device.counters.rx_packets, 1);
}

static void indirect_chains_cross_extents(void **state)
{
    uint8_t got[5000];
    uint32_t size;
    (void)state;
    struct net_vm *vm = &vms[0]; /* the same memory, in two extents that meet in the frame */
    uint64_t border = FRAMES + 1000;
    vm->extents[1] =
        (struct place_extent){{(uintptr_t)vm->memory + border}, {border}, VM_MEMORY - border, 0};
    vm->extents[0].size = border;
    vm->ram.count = 2;
    drive(vm, ALL & ~(1u << 29));
    post(&vms[1], 8, SLOT);
    const uint8_t *frame = frame_of(vm, vms[1].port.mac, 4000);
    uint64_t *table = (uint64_t *)(void *)(vm->memory + FRAMES + 0x8000);
    uint32_t cuts[] = {0, 12, 26, 700, 1400, 1401, 4012};
    for (unsigned i = 0; i + 1 < ARRAY_SIZE(cuts); i++) {
        table[2 * i] = FRAMES + cuts[i];
        bool last = i + 2 == ARRAY_SIZE(cuts);
        table[2 * i + 1] =
            (cuts[i + 1] - cuts[i]) | (uint64_t)(last ? 0 : 1) << 32 | (uint64_t)(i + 1) << 48;
    }
    offer(&vm->tx, 0, FRAMES + 0x8000, 16 * (ARRAY_SIZE(cuts) - 1), 4);
    kick(vm, 1);
    assert_int_equal(receive(&vms[1], got, &size), 2);
    assert_int_equal(size, 4000);
    assert_memory_equal(got, frame + HEADER, 4000);
}

static void registers_hold_what_they_should(void **state)
{
    struct net_vm *vm = &vms[0];
    uint64_t seed = 99;
    (void)state;
    assert_int_equal(virtio_read(&vm->device, 0x12, 2), 2); /* queues */
    set(vm, 0x16, 2, 1);
    set(vm, 0x18, 2, 7); /* a queue that is on keeps its size */
    assert_int_equal(virtio_read(&vm->device, 0x18, 2), SIZE);
    set(vm, 0x16, 2, 2);
    assert_int_equal(virtio_read(&vm->device, 0x18, 2), 0); /* no such queue */
    set(vm, 0x14, 1, 0);
    set(vm, 0x14, 1, 8); /* features without VERSION_1 */
    assert_int_equal(virtio_read(&vm->device, 0x14, 1), 0);
    set(vm, 0x16, 2, 0);
    set(vm, 0x18, 2, 3); /* no power of two */
    set(vm, 0x1c, 2, 1);
    assert_int_equal(virtio_read(&vm->device, 0x1c, 2), 0);
    for (unsigned i = 0; i < 200000; i++) { /* any access is safe */
        uint64_t r = unit_random(&seed);
        if ((r & 1) != 0)
            set(vm, r >> 8 & 0x7f, 1u << (r >> 4 & 3) % 3, r >> 20);
        else
            virtio_read(&vm->device, r >> 8 & 0x7f, 1u << (r >> 4 & 3) % 3);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(addresses_come_from_names),
        TEST(frames_of_any_size_arrive_whole),
        TEST(broadcast_stays_in_the_network),
        TEST(false_senders_are_refused),
        TEST(a_full_receiver_drops),
        TEST(offloads_go_to_those_who_take_them),
        TEST(interrupts_and_kicks_are_asked_for),
        TEST(many_frames_are_repeated),
        TEST(a_receiver_fetches_a_stream),
        TEST(only_streams_are_fetched),
        TEST(broken_rings),
        TEST(indirect_chains_cross_extents),
        TEST(registers_hold_what_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
