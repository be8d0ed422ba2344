/* SPDX-License-Identifier: Apache-2.0 */
/* A VM's memory device: what its driver may ask for and when, and that no frame is in two places.
 */
#include "unit.h"

#include "memory_vm.h"

#define BLOCK(number) (REGION + (number)*LARGE_PAGE)
#define GROWTH        (64 * MIB)

static struct memory_vm vm;

static int begin(void **state)
{
    (void)state;
    vm_init(&vm, GROWTH);
    return 0;
}

static int end(void **state)
{
    (void)state;
    vm_end(&vm);
    return 0;
}

/* BLOCKS more frames are the VM's, full of something. */
static void give(unsigned first, unsigned blocks)
{
    uint8_t *at = vm.frames + first * LARGE_PAGE;
    memset(at, 0xee, blocks * LARGE_PAGE);
    memory_device_add(&vm.plugs, (hpa_t){(uintptr_t)at}, blocks * LARGE_PAGE);
}

static void want(unsigned blocks)
{
    memory_device_request(&vm.plugs, blocks * LARGE_PAGE);
}

/* The answer to a request, kicked as often as the device asks for. */
static unsigned ask_state(unsigned type, uint64_t address, unsigned blocks, unsigned *state)
{
    vm_offer(&vm, (uint16_t)type, address, (uint16_t)blocks, 0);
    for (unsigned kicks = 0; vm_kick(&vm); kicks++)
        assert_true(kicks < 100);
    return vm_answer(&vm, state);
}

static unsigned ask(unsigned type, uint64_t address, unsigned blocks)
{
    unsigned state;
    return ask_state(type, address, blocks, &state);
}

static unsigned state_of(unsigned first, unsigned blocks)
{
    unsigned state = NO_ANSWER;
    assert_int_equal(ask_state(STATE, BLOCK(first), blocks, &state), ACK);
    return state;
}

static uint8_t *reached(uint64_t gpa)
{
    return guest_pointer(&vm.memory, (gpa_t){gpa}, 1);
}

/* Each frame is behind one block or spare, or nowhere; what is mapped is what the queues see. */
static void check_frames(unsigned owned)
{
    unsigned uses[FRAMES] = {0};
    unsigned count = vm.plugs.spare_count;
    for (unsigned i = 0; i < vm.plugs.spare_count; i++)
        uses[(vm.plugs.spare[i] & 0x3fffffff) - (uintptr_t)vm.frames / LARGE_PAGE]++;
    for (unsigned i = 0; i < vm.plugs.blocks.count; i++) {
        assert_ptr_equal(reached(BLOCK(i)), vm.mapped[i]);
        if (vm.mapped[i] == 0)
            continue;
        uses[(vm.mapped[i] - (uintptr_t)vm.frames) / LARGE_PAGE]++;
        count++;
    }
    for (unsigned i = 0; i < FRAMES; i++)
        assert_true(uses[i] <= 1);
    assert_int_equal(count, owned);
    assert_int_equal(memory_device_have(&vm.plugs), owned * LARGE_PAGE);
    assert_int_equal(vm_config(&vm, 0x28), vm.plugs.plugged * LARGE_PAGE);
}

static void test_what_the_driver_reads(void **state)
{
    (void)state;
    assert_int_equal(vm_config(&vm, 0x00), LARGE_PAGE);
    assert_int_equal(vm_config(&vm, 0x10), REGION);
    assert_int_equal(vm_config(&vm, 0x18), 2 * GIB);
    assert_int_equal(vm_config(&vm, 0x20), 2 * GIB);
    assert_int_equal(vm_config(&vm, 0x30), 0);
    uint32_t generation = virtio_read(&vm.device, 0x15, 1);
    want(8);
    assert_int_equal(vm_config(&vm, 0x30), 8 * LARGE_PAGE);
    assert_int_not_equal(virtio_read(&vm.device, 0x15, 1), generation);
    assert_int_equal(vm.interrupts, 1);
    assert_int_equal(virtio_read(&vm.device, VIRTIO_ISR, 1), 2);
    virtio_reset(&vm.device);
    want(4); /* nobody to be told */
    assert_int_equal(vm.interrupts, 1);
}

static void test_plug_and_unplug(void **state)
{
    (void)state;
    give(0, 8);
    want(8);
    assert_null(reached(BLOCK(3)));
    assert_int_equal(ask(PLUG, BLOCK(3), 4), ACK);
    check_frames(8);
    assert_int_equal(vm.plugs.plugged, 4);
    for (unsigned i = 0; i < 4; i++) { /* side by side, clear, and nothing beside them */
        assert_ptr_equal(reached(BLOCK(3 + i)), vm.frames + i * LARGE_PAGE);
        assert_int_equal(*reached(BLOCK(3 + i) + 12345), 0);
    }
    assert_null(reached(BLOCK(2) + LARGE_PAGE - 1));
    assert_null(reached(BLOCK(7)));
    assert_int_equal(state_of(3, 4), 0);
    assert_int_equal(state_of(7, 4), 1);
    assert_int_equal(state_of(2, 2), 2);
    memset(reached(BLOCK(4)), 0x55, LARGE_PAGE);
    assert_int_equal(ask(UNPLUG, BLOCK(4), 1), ACK);
    assert_int_equal(vm.forgets, 1);
    assert_null(reached(BLOCK(4)));
    assert_int_equal(vm.frames[LARGE_PAGE + 77], 0);
    check_frames(8);
    assert_int_equal(ask(UNPLUG_ALL, 0, 0), ACK);
    assert_int_equal(vm.plugs.plugged, 0);
    check_frames(8);
    assert_int_equal(ask(UNPLUG_ALL, 0, 0), ACK); /* nothing is there: it is so already */
    assert_int_equal(vm.forgets, 2);
}

static void test_refused(void **state)
{
    (void)state;
    give(0, 8);
    assert_int_equal(ask(PLUG, BLOCK(0), 1), NACK); /* it is asked to have none */
    want(4);
    assert_int_equal(ask(PLUG, BLOCK(0), 5), NACK);
    assert_int_equal(ask(PLUG, BLOCK(0), 3), ACK);
    assert_int_equal(ask(PLUG, BLOCK(3), 2), NACK);
    static const struct {
        uint64_t address;
        unsigned blocks;
    } bad[] = {
        {BLOCK(8) + PAGE_SIZE, 1}, {BLOCK(8), 0},     {BLOCK(0) - LARGE_PAGE, 1},
        {BLOCK(1024), 1},          {BLOCK(1023), 2},  {0, 1},
        {UINT64_MAX, 1},           {BLOCK(1), 65535}, {UINT64_MAX - LARGE_PAGE + 1, 2},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        for (unsigned type = PLUG; type <= STATE; type++)
            if (type != UNPLUG_ALL)
                assert_int_equal(ask(type, bad[i].address, bad[i].blocks), ERROR);
    assert_int_equal(ask(4, BLOCK(0), 1), ERROR);
    assert_int_equal(ask(0xffff, BLOCK(0), 1), ERROR);
    assert_int_equal(ask(PLUG, BLOCK(2), 1), ERROR);   /* it is */
    assert_int_equal(ask(UNPLUG, BLOCK(2), 2), ERROR); /* half of it is not */
    assert_int_equal(vm.plugs.plugged, 3);
    check_frames(8);
    want(1); /* it is asked for less, and may not have more */
    assert_int_equal(ask(PLUG, BLOCK(4), 1), NACK);
    want(10);
    assert_int_equal(ask(PLUG, BLOCK(4), 6), BUSY); /* more than it has */
    vm.full = true;
    assert_int_equal(ask(PLUG, BLOCK(4), 1), BUSY);
    assert_int_equal(ask(UNPLUG, BLOCK(0), 1), BUSY);
    vm.full = false;
    check_frames(8);
}

static void test_short_requests(void **state)
{
    (void)state;
    volatile uint64_t *descriptors = (volatile uint64_t *)(void *)vm.ram;
    unsigned none;
    vm_offer(&vm, STATE, BLOCK(0), 1, 0);
    descriptors[1] -= 1; /* of the request */
    assert_false(vm_kick(&vm));
    assert_int_equal(vm_answer(&vm, &none), ERROR);
    vm_offer(&vm, STATE, BLOCK(0), 1, 0);
    descriptors[7] -= 4; /* of the response, which says how long it is */
    assert_false(vm_kick(&vm));
    assert_int_equal(vm_answer(&vm, &none), NO_ANSWER);
    assert_int_equal(virtio_read(&vm.device, 0x14, 1), 15);
}

/* An answer waits until every core has forgotten what is unplugged; so long it is nobody's. */
static void test_not_before_all_have_forgotten(void **state)
{
    unsigned none;
    (void)state;
    give(0, 4);
    want(4);
    assert_int_equal(ask(PLUG, BLOCK(0), 4), ACK);
    memset(reached(BLOCK(1)), 0x77, LARGE_PAGE);
    vm.remembers = true;
    vm_offer(&vm, UNPLUG, BLOCK(1), 2, 0);
    assert_true(vm_kick(&vm));
    assert_true(vm_kick(&vm));
    assert_int_equal(vm_answer(&vm, &none), NO_ANSWER);
    assert_null(reached(BLOCK(1)));
    assert_int_equal(vm.mapped[1], 0);
    assert_int_equal(vm.frames[LARGE_PAGE], 0x77); /* a core may still write to it */
    assert_int_equal(vm.plugs.spare_count, 0);
    assert_int_equal(vm.plugs.plugged, 4);
    assert_int_equal(vm.forgets, 1);
    vm.remembers = false;
    assert_false(vm_kick(&vm));
    assert_int_equal(vm_answer(&vm, &none), ACK);
    assert_int_equal(vm.frames[LARGE_PAGE], 0);
    assert_int_equal(vm.plugs.spare_count, 2);
    check_frames(4);
}

/* Another request in the place of one that is not done with does not lose frames. */
static void test_changed_meanwhile(void **state)
{
    unsigned none;
    (void)state;
    give(0, 4);
    want(4);
    assert_int_equal(ask(PLUG, BLOCK(0), 4), ACK);
    vm.remembers = true;
    vm_offer(&vm, UNPLUG, BLOCK(0), 2, 0);
    assert_true(vm_kick(&vm));
    uint64_t plug[3] = {PLUG, BLOCK(0), 1};
    memcpy(vm.ram + REQUESTS + (vm.next - 1u) % (QUEUE_SIZE / 2) * 128, plug, sizeof(plug));
    assert_false(vm_kick(&vm));
    assert_int_equal(vm_answer(&vm, &none), ERROR);
    vm.remembers = false;
    assert_int_equal(ask(UNPLUG, BLOCK(0), 3), ACK);
    check_frames(4);
}

/* Much is cleared in steps, between which the core may be called away. */
static void test_in_steps(void **state)
{
    unsigned none, kicks = 1;
    (void)state;
    give(0, 40);
    want(40);
    vm_offer(&vm, PLUG, BLOCK(0), 40, 0);
    for (; vm_kick(&vm); kicks++)
        assert_int_equal(vm.plugs.plugged, 0);
    assert_int_equal(kicks, 3);
    assert_int_equal(vm_answer(&vm, &none), ACK);
    for (unsigned i = 0; i < 40; i++) {
        assert_int_equal(*reached(BLOCK(i)), 0);
        memset(reached(BLOCK(i)), 0x99, LARGE_PAGE);
    }
    vm_offer(&vm, UNPLUG_ALL, 0, 0, 0);
    for (kicks = 1; vm_kick(&vm); kicks++)
        assert_int_equal(vm.plugs.spare_count, 0);
    assert_int_equal(kicks, 3);
    assert_int_equal(vm_answer(&vm, &none), ACK);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(vm.frames[i * LARGE_PAGE], 0);
    check_frames(40);
}

/* The place for a response goes with the block that it is in: the queue is dead, no frame written.
 */
static void test_response_in_what_goes(void **state)
{
    (void)state;
    give(0, 2);
    want(2);
    assert_int_equal(ask(PLUG, BLOCK(0), 2), ACK);
    vm_offer(&vm, UNPLUG, BLOCK(0), 2, BLOCK(1));
    assert_false(vm_kick(&vm));
    assert_int_equal(virtio_read(&vm.device, 0x14, 1), 15 | 64);
    for (unsigned i = 0; i < LARGE_PAGE; i += 2)
        assert_int_equal(vm.frames[LARGE_PAGE + i], 0);
    check_frames(2);
    vm_drive(&vm);
    assert_int_equal(ask(PLUG, BLOCK(0), 2), ACK);
}

static unsigned released, room;

static bool release(void *context, hpa_t frame)
{
    assert_ptr_equal(context, &vm);
    for (unsigned i = 0; i < LARGE_PAGE; i += 4096)
        assert_int_equal(((uint8_t *)(uintptr_t)frame.v)[i], 0);
    if (room == 0)
        return false;
    room--;
    released++;
    return true;
}

/* What it is not to have any more goes, cleared; what it is to have, or has plugged, stays. */
static void test_trim(void **state)
{
    (void)state;
    released = 0;
    room = 100;
    give(0, 8);
    memory_device_trim(&vm.plugs, 3, release, &vm);
    assert_int_equal(released, 3);
    check_frames(5);
    want(4);
    assert_int_equal(ask(PLUG, BLOCK(9), 2), ACK);
    memory_device_trim(&vm.plugs, 100, release, &vm);
    check_frames(4);
    want(1); /* two are plugged */
    memory_device_trim(&vm.plugs, 100, release, &vm);
    check_frames(2);
    assert_int_equal(ask(UNPLUG, BLOCK(9), 1), ACK);
    room = 0;
    memory_device_trim(&vm.plugs, 100, release, &vm);
    check_frames(2);
    room = 1;
    memory_device_trim(&vm.plugs, 0, release, &vm); /* it is clear already */
    check_frames(1);
    assert_int_equal(released, 7);
}

/* The machine's restart takes all away and keeps the frames; the device's own reset does not. */
static void test_reset(void **state)
{
    (void)state;
    give(0, 6);
    want(6);
    assert_int_equal(ask(PLUG, BLOCK(0), 6), ACK);
    for (unsigned i = 0; i < 6; i++)
        memset(reached(BLOCK(i)), 0x33, LARGE_PAGE);
    vm.remembers = true;
    vm_offer(&vm, UNPLUG, BLOCK(1), 2, 0);
    assert_true(vm_kick(&vm));
    vm_drive(&vm);
    assert_int_equal(vm.plugs.plugged, 6);
    assert_non_null(reached(BLOCK(0)));
    memory_device_reset(&vm.plugs);
    vm.remembers = false;
    assert_int_equal(vm.plugs.plugged, 0);
    check_frames(6);
    assert_int_equal(ask(PLUG, BLOCK(0), 6), ACK);
    check_frames(6);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(*reached(BLOCK(i)), 0);
}

/* Any requests, with wishes that come and go: each frame is in one place, and none is lost. */
static void test_any_order(void **state)
{
    uint64_t seed = 7;
    unsigned owned = 0, done = 0;
    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        uint64_t r = unit_random(&seed);
        unsigned type = r % 64 == 0 ? UNPLUG_ALL : (unsigned)(r >> 8) % 2;
        if (r % 97 == 0 && owned + 4 <= FRAMES) {
            memory_device_add(&vm.plugs, (hpa_t){(uintptr_t)vm.frames + owned * LARGE_PAGE},
                              4 * LARGE_PAGE);
            owned += 4;
        }
        if (r % 13 == 0)
            want((unsigned)(r >> 16) % (owned + 1));
        done += ask(type, BLOCK((r >> 24) % 64), 1 + (unsigned)(r >> 32) % 3) == ACK ? 1 : 0;
        check_frames(owned);
    }
    assert_true(owned == FRAMES && done > 300);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_the_driver_reads, begin, end),
        cmocka_unit_test_setup_teardown(test_plug_and_unplug, begin, end),
        cmocka_unit_test_setup_teardown(test_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_short_requests, begin, end),
        cmocka_unit_test_setup_teardown(test_not_before_all_have_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(test_changed_meanwhile, begin, end),
        cmocka_unit_test_setup_teardown(test_in_steps, begin, end),
        cmocka_unit_test_setup_teardown(test_response_in_what_goes, begin, end),
        cmocka_unit_test_setup_teardown(test_trim, begin, end),
        cmocka_unit_test_setup_teardown(test_reset, begin, end),
        cmocka_unit_test_setup_teardown(test_any_order, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
