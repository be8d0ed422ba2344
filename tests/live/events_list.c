/* SPDX-License-Identifier: Apache-2.0 */
/* The events: one function each, which looks at what came of it. */
#include "events.h"

#define CR0_AM      (1ull << 18)
#define CR4_PCE     (1ull << 8)
#define PORT_INDEX  0x70u /* of the clock: harmless, and what it reads is the same everywhere */
#define PORT_DATA   0x71u
#define CLOCK_POWER 0x0du
#define ABSENT      0x58u  /* selector of a segment that is marked as not present */
#define BEYOND      0xff8u /* behind the end of the GDT */
#define UNMAPPED    (1ull << 45)

struct table {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

uint64_t wrong, seen;

static void expect(bool right)
{
    wrong += !right;
}

/* An interrupt waits, and STI opens for it behind the next instruction only: that ends at once. */
static void with_interrupt(void (*wait)(void))
{
    uint64_t before = this_cpu()->interrupts;
    __asm__ volatile("cli");
    wrmsr(X2APIC_SELF_IPI, VECTOR_IPI);
    wait();
    expect(this_cpu()->interrupts == before + 1);
}

static void halt(void)
{
    __asm__ volatile("sti; hlt; nop; cli" : : : "memory");
}

static void mwait(void)
{
    __asm__ volatile("sti; mwait; nop; cli" : : "a"(0), "c"(0) : "memory");
}

static void do_hlt(void *number)
{
    (void)number;
    with_interrupt(halt);
}

static void do_pause(void *number)
{
    (void)number;
    relax();
}

static void do_monitor(void *number)
{
    __asm__ volatile("monitor" : : "a"(number), "c"(0), "d"(0));
}

static void do_mwait(void *number)
{
    (void)number;
    with_interrupt(mwait);
}

static void do_rdtsc(void *number)
{
    static uint64_t last;
    uint64_t now = rdtsc();
    expect(now > last || *(uint64_t *)number == 1);
    last = now;
}

static void do_rdtscp(void *number)
{
    static uint64_t last;
    uint32_t low, high, aux;
    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(aux));
    uint64_t now = (uint64_t)high << 32 | low;
    expect(now > last || *(uint64_t *)number == 1);
    last = now;
}

static void do_rdpmc(void *number)
{
    (void)number;
    __asm__ volatile("rdpmc" : : "c"(0) : "eax", "edx");
}

static void do_invlpg(void *number)
{
    __asm__ volatile("invlpg %0" : : "m"(*(uint8_t *)number) : "memory");
}

static void do_wbinvd(void *number)
{
    (void)number;
    __asm__ volatile("wbinvd" : : : "memory");
}

#define WRITE_REGISTER(name, flip)                                                                 \
    static void do_##name(void *number)                                                            \
    {                                                                                              \
        uint64_t old, now;                                                                         \
        (void)number;                                                                              \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(old));                                       \
        __asm__ volatile("mov %0, %%" #name : : "r"(old ^ (flip)) : "memory");                     \
        __asm__ volatile("mov %%" #name ", %0" : "=r"(now));                                       \
        expect(now == (old ^ (flip)));                                                             \
    }

WRITE_REGISTER(cr0, CR0_AM)
WRITE_REGISTER(cr3, 0ull)
WRITE_REGISTER(cr4, CR4_PCE)

static uint64_t debug_address; /* as it was written last */

static void do_dr_write(void *number)
{
    uint64_t address = *(uint64_t *)number;
    __asm__ volatile("mov %0, %%dr0" : : "r"(address));
    debug_address = address;
}

static void do_dr_read(void *number)
{
    uint64_t address;
    (void)number;
    __asm__ volatile("mov %%dr0, %0" : "=r"(address));
    expect(address == debug_address);
}

#define LOAD_TABLE(name)                                                                           \
    static void do_l##name(void *number)                                                           \
    {                                                                                              \
        struct table old, now;                                                                     \
        (void)number;                                                                              \
        __asm__ volatile("s" #name " %0" : "=m"(old));                                             \
        __asm__ volatile("l" #name " %0" : : "m"(old));                                            \
        __asm__ volatile("s" #name " %0" : "=m"(now));                                             \
        expect(now.base == old.base && now.limit == old.limit);                                    \
    }

LOAD_TABLE(gdt)
LOAD_TABLE(idt)

static void do_lldt(void *number)
{
    uint16_t now;
    (void)number;
    __asm__ volatile("lldt %w0" : : "r"(0));
    __asm__ volatile("sldt %0" : "=r"(now));
    expect(now == 0);
}

static void do_ltr(void *number)
{
    uint16_t now;
    (void)number;
    tss_load();
    __asm__ volatile("str %0" : "=r"(now));
    expect(now == 0x30);
}

static void do_xsetbv(void *number)
{
    uint32_t low, high, after;
    (void)number;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    __asm__ volatile("xsetbv" : : "a"(low ^ 2), "d"(high), "c"(0)); /* SSE's state: on, off */
    __asm__ volatile("xgetbv" : "=a"(after), "=d"(high) : "c"(0));
    expect(after == (low ^ 2));
}

static void raise_de(void *number)
{
    (void)number;
    __asm__ volatile("divl %0" : : "r"(0), "a"(1), "d"(0) : "cc");
}

static void raise_bp(void *number)
{
    (void)number;
    __asm__ volatile("int3");
}

static void raise_ud(void *number)
{
    (void)number;
    __asm__ volatile("ud2");
}

static void raise_np(void *number)
{
    (void)number;
    __asm__ volatile("movw %w0, %%ds" : : "r"(ABSENT));
}

static void raise_ss(void *number)
{
    (void)number;
    __asm__ volatile("movw %w0, %%ss" : : "r"(ABSENT));
}

static void raise_gp(void *number)
{
    (void)number;
    __asm__ volatile("movw %w0, %%ds" : : "r"(BEYOND));
}

static void raise_pf(void *number)
{
    *(volatile uint8_t *)(UNMAPPED + *(uint64_t *)number) = 0;
}

static void do_port_out(void *number)
{
    (void)number;
    out8(PORT_INDEX, CLOCK_POWER);
}

static void do_port_in(void *number)
{
    (void)number;
    seen = in8(PORT_DATA);
}

static uint64_t written;

static void do_msr_write(void *number)
{
    wrmsr(MSR_TSC_AUX, *(uint64_t *)number);
    written = *(uint64_t *)number;
}

static void do_msr_read(void *number)
{
    (void)number;
    seen = rdmsr(MSR_TSC_AUX);
    expect(written == 0 || seen == written);
}

const struct event events[] = {
    {"hlt", do_hlt},
    {"pause", do_pause},
    {"monitor", do_monitor},
    {"mwait", do_mwait},
    {"rdtsc", do_rdtsc},
    {"rdtscp", do_rdtscp},
    {"rdpmc", do_rdpmc},
    {"invlpg", do_invlpg},
    {"wbinvd", do_wbinvd},
    {"cr0", do_cr0},
    {"cr3", do_cr3},
    {"cr4", do_cr4},
    {"dr-write", do_dr_write},
    {"dr-read", do_dr_read},
    {"lgdt", do_lgdt},
    {"lidt", do_lidt},
    {"lldt", do_lldt},
    {"ltr", do_ltr},
    {"xsetbv", do_xsetbv},
    {"exception-0", raise_de},
    {"exception-3", raise_bp},
    {"exception-6", raise_ud},
    {"exception-11", raise_np},
    {"exception-12", raise_ss},
    {"exception-13", raise_gp},
    {"exception-14", raise_pf},
    {"port-out", do_port_out},
    {"port-in", do_port_in},
    {"msr-write", do_msr_write},
    {"msr-read", do_msr_read},
};
const unsigned event_count = sizeof(events) / sizeof(events[0]);
