/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypercalls of a wedge, with what is not this VM's as addresses, lengths and cores; before
 * they are open, in every version, from ring 3, and from all cores at once.
 */
#include "hostile.h"

#define START         0u
#define CONSOLE_WRITE 1u
#define SEND_IPI      2u
#define NEWEST        2u
#define LONGEST       256u
#define NUMBERS       64u
#define IDS           256u
#define IDS_AT_ONCE   64u
#define LEGAL         16u
#define RING_3        2000u
#define FLOOD         20000u
#define UNTOUCHED     0x55555555u
#define CLASSES       0x7fu
#define STEP          (2ull << 20)
#define SWEPT         (8ull << 30)

struct call {
    uint64_t number, a, b, c; /* in; out: A is RAX, C is RDX */
};

static struct {
    volatile uint32_t trap, rest[3];
} words __attribute__((aligned(16)));

static void vmmcall(void *argument)
{
    struct call *call = argument;
    __asm__ volatile("vmmcall"
                     : "=a"(call->a), "+d"(call->c)
                     : "a"(call->number), "D"(call->a), "S"(call->b)
                     : "memory");
}

static void vmcall(void *argument)
{
    struct call *call = argument;
    __asm__ volatile("vmcall"
                     : "=a"(call->a), "+d"(call->c)
                     : "a"(call->number), "D"(call->a), "S"(call->b)
                     : "memory");
}

/* True: it was taken, and CALL has the answer. */
static bool try(struct call *call)
{
    int vector = attempt(is_vtx() ? vmcall : vmmcall, call);
    tally(INSNS, vector >= 0);
    if (vector >= 0 && vector != VECTOR_UD)
        bad("a hypercall ends in an exception", call->number, (uint64_t)vector);
    return vector < 0;
}

static void must_fault(uint64_t number, const char *when)
{
    struct call call = {number, (uint64_t)&words, 1, 1};
    if (try(&call))
        bad(when, number, call.a);
}

static uint64_t start(uint64_t version, uint64_t at)
{
    struct call call = {START, version, at, 0};
    if (!try(&call))
        bad("START is not open", version, at);
    return call.a;
}

/* All but START, whatever the number. */
static void must_be_closed(const char *when)
{
    for (uint64_t number = 1; number < NUMBERS; number++)
        must_fault(number, when);
    for (unsigned bit = 6; bit < 32; bit++)
        must_fault(1ull << bit, when);
}

static bool is_whole(uint64_t at)
{
    return memory_is_own(at) && memory_is_own(at + sizeof(words) - 1);
}

static void must_refuse(uint64_t at)
{
    if (start(NEWEST, at) != 0)
        bad("START takes words that are not whole and ours", at, NEWEST);
}

/* Devices, ROM, the monitor's and other VMs' memory, none at all; and across the end of ours. */
static void foreign_words(void)
{
    static const uint64_t places[] = {0xfec00000, 0xfee00000,     0xfee00300,     0xfffffff0,
                                      0xc0000000, 0xc0000800,     0xfed00000,     0xb0000000,
                                      1ull << 32, 1ull << 40,     1ull << 47,     1ull << 63,
                                      UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 15};
    uint64_t end = (memory_size + 7) & ~7ull;
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        must_refuse(places[i]);
    for (uint64_t at = 0; at < SWEPT; at += STEP)
        if (!is_whole(at))
            must_refuse(at);
    for (uint64_t at = end - 8; at < end + 64; at += 8)
        if (!is_whole(at))
            must_refuse(at);
    for (uint64_t off = 1; off < 8; off++)
        must_refuse((uint64_t)&words + off);
    must_be_closed("open after a refused START");
}

static uint64_t write(uint64_t at, uint64_t length)
{
    struct call call = {CONSOLE_WRITE, at, length, 0};
    if (!try(&call))
        bad("CONSOLE_WRITE is not open", at, length);
    return call.a;
}

static void expect(uint64_t at, uint64_t length, uint64_t expected)
{
    uint64_t done = write(at, length);
    if (done != (is_service() ? 0 : expected))
        bad("CONSOLE_WRITE", at, done);
}

static void console(void)
{
    static const char lines[] = "HOSTILE one line\nHOSTILE another\n";
    static const uint64_t lengths[] = {LONGEST + 1, 4096, 1ull << 31, 1ull << 32, UINT64_MAX};
    expect((uint64_t)lines, sizeof(lines) - 1, 17);
    expect((uint64_t)lines + 17, sizeof(lines) - 1 - 17, 16);
    expect((uint64_t)lines, 0, 0);
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        expect((uint64_t)lines, lengths[i], 0);
    const uint64_t last = memory_size - 5;
    char kept[5];
    memcpy(kept, (void *)last, sizeof(kept));
    memcpy((void *)last, "end!\n", sizeof(kept));
    expect(last, LONGEST, sizeof(kept));
    memcpy((void *)last, "end!!", sizeof(kept));
    expect(last, LONGEST, sizeof(kept)); /* beyond it is nobody's, or another VM's */
    memcpy((void *)last, kept, sizeof(kept));
    expect(memory_size, 1, 0);
    static const uint64_t places[] = {0xfee00000, 0xfec00000, 0xc0000000, 0xfffffff0,
                                      1ull << 40, 1ull << 63, UINT64_MAX, UINT64_MAX - 7};
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        expect(places[i], LONGEST, 0);
    for (uint64_t at = 0; at < SWEPT; at += STEP)
        if (!memory_is_own(at))
            expect(at, 1, 0);
}

static uint64_t own_mask(uint64_t first)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < cpu_count; i++)
        if (cpus[i].apic_id >= first && cpus[i].apic_id - first < IDS_AT_ONCE)
            mask |= 1ull << (cpus[i].apic_id - first);
    return mask;
}

/* Those who are not ours are left out, named in the answer, and denied one by one. */
static void send(uint64_t vector, uint64_t first, uint64_t mask)
{
    struct call call = {SEND_IPI, vector, first, mask};
    bool legal = vector >= LEGAL && vector < 256;
    uint64_t left = legal ? mask & ~own_mask(first) : mask;
    if (!try(&call))
        bad("SEND_IPI is not open", vector, first);
    if (call.a != left)
        bad("SEND_IPI leaves others out", call.a, left);
    for (uint64_t bits = legal ? left : 0; bits != 0; bits &= bits - 1)
        tallies[MESSAGES].attempts++;
}

static void ipis(void)
{
    static const uint64_t firsts[] = {0x100,   0xfff,      0x1000,     0xffff,
                                      0x10000, 0x7fffffff, 0xfffffffe, UINT32_MAX};
    static const uint64_t vectors[] = {0,   1,     2,       15,         256,
                                       257, 0x4e5, 0x800e5, 1ull << 32, UINT64_MAX};
    struct cpu *self = this_cpu();
    uint64_t interrupts = self->interrupts;
    __asm__ volatile("sti");
    for (uint64_t first = 0; first < IDS; first++)
        send(VECTOR_IPI, first, UINT64_MAX);
    for (unsigned i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
        send(VECTOR_IPI, firsts[i], UINT64_MAX);
    for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        send(vectors[i], 0, UINT64_MAX);
    send(VECTOR_IPI, 0, 0);
    wait_seconds(1);
    __asm__ volatile("cli");
    if (self->interrupts == interrupts)
        bad("own IPIs do not come", VECTOR_IPI, interrupts);
}

static void versions(void)
{
    words.trap = UNTOUCHED;
    if (start(0, (uint64_t)&words) != 0 || words.trap != UNTOUCHED)
        bad("version 0 is granted", words.trap, 0);
    must_be_closed("open in version 0");
    if (start(1, (uint64_t)&words) != 1 || (words.trap & ~CLASSES) != 0)
        bad("version 1 is not granted", words.trap, 1);
    for (uint64_t number = SEND_IPI; number < NUMBERS; number++)
        must_fault(number, "open in version 1");
    if (start(UINT32_MAX, (uint64_t)&words) != NEWEST || (words.trap & ~CLASSES) != 0)
        bad("the newest version is not granted", words.trap, NEWEST);
    for (uint64_t number = NEWEST + 1; number < NUMBERS; number++)
        must_fault(number, "open, and unknown");
    for (unsigned i = 0; i < 3; i++)
        if (words.rest[i] != UNTOUCHED)
            bad("more than one word is written", i, words.rest[i]);
}

void attack_hypercalls(void)
{
    for (unsigned i = 0; i < 3; i++)
        words.rest[i] = UNTOUCHED;
    start(0, 0);
    must_be_closed("open before START");
    foreign_words();
    versions();
    hypercalls_from_ring_3(RING_3);
    console();
    ipis();
    start(0, 0);
    must_be_closed("open after the last START");
}

static volatile uint64_t flooded, left_out, taken;
static volatile uint32_t seen_set, seen_clear; /* bits of the word that the monitor writes */

/* Starts of both versions and none, by all cores; what is open changes under their feet. */
static void flood(void)
{
    void (*const issue)(void *) = is_vtx() ? vmcall : vmmcall;
    uint64_t out = 0, in = 0;
    __asm__ volatile("sti");
    for (uint64_t i = 0; i < FLOOD; i++) {
        struct call call = {i % 4 == 0 ? START : i % 4 == 1 ? CONSOLE_WRITE : SEND_IPI, 0, 0, 0};
        if (call.number == START) {
            call.a = i / 4 % 3;
            call.b = (uint64_t)&words;
        } else if (call.number == CONSOLE_WRITE) {
            call.a = memory_size + i;
            call.b = i % 300;
        } else {
            call.a = VECTOR_IPI;
            call.c = own_mask(0) | 1ull << (IDS_AT_ONCE - 1); /* and one of nobody's */
        }
        bool sends = call.number == SEND_IPI;
        uint32_t trap = words.trap;
        __atomic_fetch_or(&seen_set, trap, __ATOMIC_RELAXED);
        __atomic_fetch_or(&seen_clear, ~trap & CLASSES, __ATOMIC_RELAXED);
        bool done = attempt(issue, &call) < 0;
        in += done;
        out += done && sends;
        if (done && sends && call.a != 1ull << (IDS_AT_ONCE - 1))
            bad("SEND_IPI leaves others out", i, call.a);
    }
    __asm__ volatile("cli");
    __atomic_fetch_add(&left_out, out, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&taken, in, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&flooded, 1, __ATOMIC_SEQ_CST);
}

static void flood_once(void)
{
    flooded = left_out = taken = 0;
    seen_set = seen_clear = 0;
    for (unsigned i = 1; i < cpu_count; i++)
        cpu_run(&cpus[i], flood);
    flood();
    while (flooded < cpu_count)
        relax();
    tallies[INSNS].attempts += (uint64_t)FLOOD * cpu_count;
    tallies[INSNS].refused += (uint64_t)FLOOD * cpu_count - taken;
    tallies[MESSAGES].attempts += left_out;
    print("HOSTILE hypercalls: %lu taken, %lu with a core left out; to trap %x, not %x\n", taken,
          left_out, seen_set, seen_clear);
}

void attack_hypercall_flood(void)
{
    uint64_t floods = option_number("floods");
    for (uint64_t i = 0; i < floods || i == 0; i++)
        flood_once();
    start(0, 0);
}
