/* SPDX-License-Identifier: Apache-2.0 */
/* The VMs' 16550: what stock drivers ask of it, in the order in which they ask. */
#include "unit.h"

#include "core/serial.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCRATCH };
#define TRANSMIT 0x02
#define RECEIVE  0x04
#define NONE     0x01

static void scratch_and_divisor_are_kept(void **state)
{
    struct serial s;
    (void)state;
    serial_reset(&s);
    serial_write(&s, SCRATCH, 0x5a);
    assert_int_equal(serial_read(&s, SCRATCH), 0x5a);
    serial_write(&s, LCR, 0x80);
    serial_write(&s, DATA, 0x34);
    serial_write(&s, IER, 0x12);
    assert_int_equal(serial_read(&s, DATA), 0x34);
    assert_int_equal(serial_read(&s, IER), 0x12);
    serial_write(&s, LCR, 3);
    assert_int_equal(serial_read(&s, IER), 0);
}

/* "Transmitter empty" is told once when it is asked for, and once more after each byte. */
static void transmitter_interrupts_come_and_go(void **state)
{
    struct serial s;
    (void)state;
    serial_reset(&s);
    assert_false(serial_interrupt(&s));
    serial_write(&s, IER, 2);
    assert_true(serial_interrupt(&s));
    assert_int_equal(serial_read(&s, IIR) & 0xf, TRANSMIT);
    assert_false(serial_interrupt(&s));
    /* A second core that asks sees it, too; one that never stops asking is told off. */
    assert_int_equal(serial_read(&s, IIR) & 0xf, TRANSMIT);
    for (unsigned i = 0; i < 8; i++)
        serial_read(&s, IIR);
    assert_int_equal(serial_read(&s, IIR) & 0xf, NONE);
    assert_int_equal(serial_write(&s, DATA, 'x'), 'x');
    assert_true(serial_interrupt(&s));
    serial_write(&s, IER, 0);
    assert_false(serial_interrupt(&s));
    assert_int_equal(serial_read(&s, LSR) & 0x60, 0x60);
}

static void received_bytes_come_in_order(void **state)
{
    struct serial s;
    (void)state;
    serial_reset(&s);
    serial_write(&s, IIR, 1);
    serial_write(&s, IER, 1);
    for (unsigned i = 0; i < SERIAL_FIFO; i++)
        assert_true(serial_receive(&s, (uint8_t)i));
    assert_false(serial_receive(&s, 0));
    assert_int_equal(serial_read(&s, IIR), 0xc0 | RECEIVE);
    for (unsigned i = 0; i < SERIAL_FIFO; i++) {
        assert_true((serial_read(&s, LSR) & 1) != 0);
        assert_int_equal(serial_read(&s, DATA), (uint8_t)i);
    }
    assert_int_equal(serial_read(&s, LSR) & 1, 0);
    assert_false(serial_interrupt(&s));
    serial_receive(&s, 'a');
    serial_write(&s, IIR, 3); /* clears the FIFO */
    assert_int_equal(serial_read(&s, LSR) & 1, 0);
}

/* The driver's test for a 16550: in loop-back the modem lines follow the control register. */
static void loop_back_is_a_16550s(void **state)
{
    struct serial s;
    (void)state;
    serial_reset(&s);
    serial_write(&s, MCR, 0x1a);
    assert_int_equal(serial_read(&s, MSR) & 0xf0, 0x90);
    assert_int_equal(serial_write(&s, DATA, 'q'), -1);
    assert_int_equal(serial_read(&s, DATA), 'q');
    serial_write(&s, MCR, 0);
    assert_int_equal(serial_read(&s, MSR), 0xb0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scratch_and_divisor_are_kept),
        cmocka_unit_test(transmitter_interrupts_come_and_go),
        cmocka_unit_test(received_bytes_come_in_order),
        cmocka_unit_test(loop_back_is_a_16550s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
