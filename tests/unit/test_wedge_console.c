/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's UART through the wedge: as if each byte had gone there, by one call a line. */
#include <pthread.h>

#include "wedge_machine.h"

#define STEPS 4000u
#define CORES 4u

struct step {
    bool out;
    uint16_t port;
    uint8_t value;
};

enum { SITE_IN, SITE_OUT, NATIVE_IN, NATIVE_OUT, SITES };

static uint8_t *sites[SITES];

static void start(uint64_t seed, uint32_t classes)
{
    static const char insn[SITES] = {'\xec', '\xee', '\xec', '\xee'};
    machine_new(seed);
    for (unsigned i = 0; i < SITES; i++) {
        unsigned kind = i % 2 == 0 ? AFTERBURN_IN : AFTERBURN_OUT;
        sites[i] = machine_site(kind, &insn[i], 1, 5, 0);
        machine.sites[i].flags = i < NATIVE_IN ? 0 : AFTERBURN_EXCLUDED;
        machine_end();
    }
    machine.data->console.port = MACHINE_COM1;
    machine_patch(GROUND_KVM, ~0ull, classes);
}

/* What IN reads. */
static uint8_t run(bool native, struct step step)
{
    struct machine_cpu cpu, after;
    machine_cpu_random(&cpu);
    cpu.r[RAX] = (cpu.r[RAX] & ~0xffull) | step.value;
    cpu.r[RDX] = (cpu.r[RDX] & ~0xffffull) | step.port;
    after = cpu;
    machine_run(sites[(native ? NATIVE_IN : SITE_IN) + step.out], &after);
    cpu.r[RAX] = step.out ? cpu.r[RAX] : (cpu.r[RAX] & ~0xffull) | (after.r[RAX] & 0xff);
    cpu.r[RSP] = 0;
    machine_cpu_same(&cpu, &after);
    return (uint8_t)after.r[RAX];
}

static void out(unsigned offset, uint8_t value)
{
    run(false, (struct step){true, (uint16_t)(MACHINE_COM1 + offset), value});
}

static uint8_t in(unsigned offset)
{
    return run(false, (struct step){false, (uint16_t)(MACHINE_COM1 + offset), 0});
}

static struct step random_step(void)
{
    static const uint8_t values[] = {0, 0, 0, 5, 5, 7, 0x80, 3, 0x10, 0x0b, 0xff, '\n'};
    static const uint8_t offsets[] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 5, 6, 7};
    uint64_t random = machine_random();
    struct step step = {.port = (uint16_t)(MACHINE_COM1 + offsets[random % sizeof(offsets)])};
    step.out = (random >> 8 & 3) != 0 && step.port != MACHINE_COM1 + 5;
    step.value = values[(random >> 16) % sizeof(values)];
    if (step.port == MACHINE_COM1 + 3 || step.port == MACHINE_COM1 + 4)
        step.value = (random >> 24) % 4 != 0 ? 3 : step.value; /* seldom a divisor, or a loop */
    if (step.port == MACHINE_COM1)
        step.value = (random >> 24) % 16 == 0 ? '\n' : (uint8_t)(random >> 32);
    if ((random >> 40) % 64 == 0)
        step = (struct step){true, 0x4000, 1};
    return step;
}

/* Random accesses: each read reads the same, and all is the same in the end. */
static void any_order(uint32_t classes, bool refuse)
{
    static struct step steps[STEPS];
    static uint8_t reads[STEPS];
    for (uint64_t seed = 1; seed <= 10; seed++) {
        start(seed, classes);
        seen.refuse = refuse;
        for (unsigned i = 0; i < STEPS; i++) {
            steps[i] = random_step();
            reads[i] = run(true, steps[i]);
        }
        for (unsigned i = 0; i < 2; i++)
            run(true, (struct step){false, MACHINE_COM1 + 2, 0});
        struct machine_seen native = seen;
        seen = (struct machine_seen){.refuse = refuse};
        for (unsigned i = 0; i < STEPS; i++)
            if (run(false, steps[i]) != reads[i])
                fail_msg("seed %lu, step %u: port %x reads otherwise", seed, i, steps[i].port);
        for (unsigned i = 0; i < 2; i++) /* told of an empty transmitter, it has nothing more */
            in(2);
        seen.uart.empty = native.uart.empty = 0; /* as the reads have shown */
        assert_memory_equal(&native.uart, &seen.uart, sizeof(seen.uart));
        assert_int_equal(native.length, seen.length);
        assert_memory_equal(native.text, seen.text, sizeof(seen.text));
        assert_true(native.writes == seen.writes);
        if (classes != 0 && !refuse)
            assert_true(seen.calls != 0 && seen.faults < native.faults);
        else
            assert_int_equal(seen.calls, 0);
    }
}

static void test_any_order(void **state)
{
    (void)state;
    any_order(WEDGE_CONSOLE, false);
}

static void test_mapping_refuses(void **state)
{
    (void)state;
    any_order(WEDGE_CONSOLE, true);
}

static void test_class_off(void **state)
{
    (void)state;
    any_order(0, false);
}

static void print(const char *text)
{
    uint8_t ier = in(1);
    out(1, 0);
    for (; *text != '\0'; text++) {
        assert_int_equal(in(5), 0x60);
        out(0, (uint8_t)*text);
    }
    assert_int_equal(in(5), 0x60);
    out(1, ier);
}

/* As Linux' console prints: from the second line on, one call each and nothing else. */
static void test_linux_lines(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    out(1, 5);
    print("first\n");
    seen = (struct machine_seen){.uart = seen.uart};
    print("a line\n");
    print("another one\n");
    print("no end");
    assert_int_equal(seen.faults, 0);
    assert_int_equal(seen.calls, 3);
    assert_string_equal(seen.text, "a line\nanother one\nno end");
    assert_int_equal(seen.uart.ier, 5);
}

/* A line goes out at its end, not when the next access comes; a long one in pieces. */
static void test_line_end(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    out(0, 'x');
    assert_int_equal(seen.length, 0);
    out(0, '\n');
    assert_string_equal(seen.text, "x\n");
    for (unsigned i = 0; i < WEDGE_CONSOLE_LINE; i++)
        out(0, 'y');
    assert_int_equal(seen.length, 2 + WEDGE_CONSOLE_LINE);
    assert_int_equal(seen.calls, 2);
}

/* The write that lets the transmitter interrupt raises that interrupt: it is never kept back. */
static void test_transmit_interrupt(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    out(1, 7);
    assert_int_equal(seen.uart.ier, 7);
    out(1, 0);
    assert_int_equal(seen.uart.ier, 0);
    out(1, 7);
    assert_int_equal(seen.uart.ier, 7);
    assert_int_equal(seen.faults, 3);
}

/* As Linux sends what programs print: 16 bytes an interrupt, until it masks that interrupt. */
static void print_by_interrupts(const char *text)
{
    out(1, 7);
    while (in(2) == 0xc2) {
        assert_int_equal(in(5), 0x60);
        assert_int_equal(in(6), 0xb0);
        for (unsigned i = 0; i < 16 && *text != '\0'; i++)
            out(0, (uint8_t)*text++);
        if (*text == '\0')
            out(1, 5);
    }
    assert_int_equal(in(5), 0x60);
    assert_string_equal(text, "");
}

/* A line is one call, however many interrupts it takes; what has no end goes out with the last. */
static void test_lines_by_interrupts(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    out(2, 1);
    seen.uart.msr = 0xb0;
    seen.faults = 0;
    print_by_interrupts("a line of a program, and of more than 32 bytes\n");
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.faults,
                     8); /* IER, IIR, both statuses, one of them again; IER, IIR, LSR */
    print_by_interrupts("one\nprompt that ends nowhere: ");
    assert_int_equal(seen.calls, 3);
    assert_string_equal(seen.text, "a line of a program, and of more than 32 bytes\n"
                                   "one\nprompt that ends nowhere: ");
    assert_int_equal(seen.uart.ier, 5);
}

/* A change of the modem's lines shows once; while a line is sent they are as at its start. */
static void test_modem_status(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    out(2, 1);
    for (unsigned line = 0; line < 2; line++) {
        uint8_t level = line == 0 ? 0xb0 : 0x30;
        seen.uart.msr = level | 1;
        out(1, 7);
        assert_int_equal(in(2), 0xc2);
        for (unsigned i = 0; i < 3; i++) {
            out(0, 'x');
            assert_int_equal(in(2), 0xc2);
            assert_int_equal(in(6), i == 0 ? level | 1 : level);
            seen.uart.msr = 0xf8;
        }
        out(1, 5);
    }
    assert_int_equal(in(6), 0xf8);
}

/* The UART has not got the bytes, but the driver waits for its interrupt to give it more: it comes
 * with the next access, but for one that masks it. */
static void test_interrupt_for_more(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    out(1, 7);
    assert_int_equal(in(2), 2);
    for (unsigned i = 0; i < 16; i++)
        out(0, 'x');
    assert_int_equal(in(2), 2);
    assert_int_equal(in(2), 1);
    out(0, '\n');
    out(4, 0x0b);
    assert_int_equal(seen.uart.empty, 1);
    assert_int_equal(in(2), 2);
    out(0, 'y');
    out(1, 7);
    assert_int_equal(seen.uart.empty, 1);
    assert_int_equal(in(2), 2);
    out(0, 'z');
    seen.faults = 0;
    out(1, 5);
    assert_int_equal(seen.faults, 1);
    assert_int_equal(seen.uart.ier, 5);
    assert_string_equal(seen.text + 16, "\nyz");
}

/* A driver leaves off after so many rounds, and comes back by the next interrupt: there is one. */
static void test_interrupt_comes_back(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    seen.sends_by_uart = true;
    out(2, 1);
    out(1, 7);
    for (unsigned handler = 0; handler < 3; handler++) {
        unsigned edges = seen.edges;
        for (unsigned round = 0; round < 8; round++) {
            assert_int_equal(in(2), 0xc2);
            for (unsigned i = 0; i < 16; i++)
                out(0, round % 4 == 0 && i == 0 ? '\n' : 'x');
        }
        assert_true(seen.edges > edges);
    }
}

/* What comes in while lines go out is seen after the line, by both statuses. */
static void test_received_amidst(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    out(2, 1);
    out(1, 7);
    assert_int_equal(in(2), 0xc2);
    out(0, 'x');
    seen.uart.ready = 1;
    assert_int_equal(in(2), 0xc2);
    assert_int_equal(in(5), 0x60);
    out(0, '\n');
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(in(2), 0xc4);
        assert_int_equal(in(5), 0x61);
    }
    seen.uart.ready = 0;
    out(0, '\n');
    assert_int_equal(in(2), 0xc2);
    out(0, 'z');
    seen.faults = 0;
    assert_int_equal(in(2), 0xc2);
    assert_int_equal(seen.faults, 0);
}

/* Nobody cuts a line that its driver is amidst of. */
static void test_amidst(void **state)
{
    (void)state;
    const struct step elsewhere = {true, 0x604, 0};
    start(1, WEDGE_CONSOLE);
    out(1, 5);
    out(1, 0);
    out(0, 'a');
    run(false, elsewhere);
    assert_int_equal(seen.length, 0);
    out(1, 5);
    assert_string_equal(seen.text, "a");
    out(1, 7);
    out(0, 'b');
    run(false, elsewhere);
    assert_int_equal(seen.length, 1);
    out(1, 5);
    assert_string_equal(seen.text, "ab");
}

/* A byte that came in shows after two reads of the status at most. */
static void test_received(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    for (unsigned i = 0; i < 300; i++)
        out(0, 'x');
    seen.uart.ready = 1;
    in(5);
    in(5);
    assert_int_equal(in(5), 0x61);
    assert_int_equal(in(5), 0x61);
}

/* The end may come by any port: what is kept is sent first. */
static void test_last_words(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE | WEDGE_DELAY);
    out(0, 'a');
    run(false, (struct step){true, 0x80, 0});
    assert_int_equal(seen.length, 0);
    run(false, (struct step){true, 0x604, 0});
    assert_string_equal(seen.text, "a");
    out(0, 'b');
    machine.data->trap = WEDGE_CONSOLE;
    out(0, 'c');
    assert_string_equal(seen.text, "abc");
}

/* Another core, or the code that an NMI interrupted, is in here: native, and kept in step. */
static void test_locked(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    out(1, 5);
    machine.data->console.lock = 1;
    out(0, 'n');
    assert_string_equal(seen.text, "n");
    out(3, 0x83);
    out(1, 0);
    machine.data->console.lock = 0;
    out(0, 12);
    assert_int_equal(seen.uart.dll, 12);
    out(3, 3);
    machine.data->console.lock = 1;
    out(1, 7);
    machine.data->console.lock = 0;
    assert_int_equal(in(1), 7);
    assert_int_equal(seen.uart.ier, 7);
    out(0, 'x');
    machine.data->console.lock = 1;
    assert_int_equal(in(2), 0xc2);
    machine.data->console.lock = 0;
    assert_int_equal(in(2), 2);
}

/* A UART without interrupts stays one, and a line's end is known by their going "on" again. */
static void test_no_interrupts(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    out(1, 0);
    print("no end");
    assert_string_equal(seen.text, "no end");
    seen.faults = 0;
    print(", ");
    out(0, 'x');
    run(false, (struct step){true, 0x604, 0});
    assert_string_equal(seen.text, "no end, x");
    assert_int_equal(seen.faults, 1);
}

/* One of several cores at once, by the resident part's own function: what it can't do is native. */
static void *print_much(void *letter)
{
    for (unsigned i = 0; i < 2000; i++) {
        char value = i % 40 == 39 ? '\n' : *(char *)letter;
        struct wedge_regs regs = {
            .rax = (uint8_t)value, .rdx = MACHINE_COM1, .site = AFTERBURN_OUT | SITE_PORT_DX};
        if (!wedge_console_access(machine.data, &regs, 0, true))
            seen.text[__atomic_fetch_add(&seen.length, 1, __ATOMIC_RELAXED)] = value;
    }
    return NULL;
}

static void test_cores(void **state)
{
    (void)state;
    start(1, WEDGE_CONSOLE);
    pthread_t threads[CORES];
    char letters[CORES] = {'a', 'b', 'c', 'd'};
    for (unsigned i = 0; i < CORES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, print_much, &letters[i]), 0);
    for (unsigned i = 0; i < CORES; i++)
        pthread_join(threads[i], NULL);
    wedge_console_flush(machine.data);
    unsigned count[256] = {0};
    for (unsigned i = 0; i < seen.length; i++)
        count[(uint8_t)seen.text[i]]++;
    assert_int_equal(seen.length, 2000 * CORES);
    for (unsigned i = 0; i < CORES; i++)
        assert_int_equal(count[(uint8_t)letters[i]], 2000 - 50);
    assert_int_equal(count['\n'], 50 * CORES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_mapping_refuses),
        cmocka_unit_test(test_class_off),
        cmocka_unit_test(test_linux_lines),
        cmocka_unit_test(test_received),
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_locked),
        cmocka_unit_test(test_line_end),
        cmocka_unit_test(test_cores),
        cmocka_unit_test(test_interrupt_for_more),
        cmocka_unit_test(test_lines_by_interrupts),
        cmocka_unit_test(test_amidst),
        cmocka_unit_test(test_no_interrupts),
        cmocka_unit_test(test_received_amidst),
        cmocka_unit_test(test_interrupt_comes_back),
        cmocka_unit_test(test_modem_status),
        cmocka_unit_test(test_transmit_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
