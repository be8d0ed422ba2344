/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mapping `count`: all kinds are counted and stay native, on any ground. When the guest's
 * first core is about to power the machine off, to reset it or to stop, COM1 gets the counts.
 */
#include "io.h"
#include "wedge.h"

#define COM1          0x3f8u
#define LSR           5u
#define LSR_ROOM      0x20u
#define WAIT_FOR_ROOM 1000000u
#define TOP           20u

#define PORT_KEYBOARD  0x64u /* FEh: resets */
#define KEYBOARD_RESET 0xfeu
#define PORT_RESET     0xcf9u
#define PM1_FIRST      0x400u /* ACPI's registers are somewhere above */
#define PM1_SLEEP      (1u << 13)
#define FLAGS_IF       0x200u
#define APIC_BASE      0x1bu
#define APIC_BASE_BSP  (1u << 8)

static const char names[AFTERBURN_KINDS][12] RESIDENT_CONST = {
    "none",    "cli",     "sti",      "pushf",   "popf",     "iret",       "hlt",         "in",
    "out",     "ins",     "outs",     "cpuid",   "rdmsr",    "wrmsr",      "rdtsc",       "rdtscp",
    "rdpmc",   "cr-read", "cr-write", "dr-read", "dr-write", "table-load", "table-store", "msw",
    "segment", "far",     "int",      "invlpg",  "invpcid",  "cache",      "swapgs",      "sysret",
    "xsetbv",  "virt",    "pause",    "monitor", "mwait"};

static const char text_start[] RESIDENT_CONST = "\r\ncount: executed";
static const char text_kind[] RESIDENT_CONST = "count: kind ";
static const char text_top[] RESIDENT_CONST = "count: site ";
static const char text_modules[] RESIDENT_CONST = "count: modules' sites, patched";
static const char text_end[] RESIDENT_CONST = "count: end";
static const char text_line[] RESIDENT_CONST = "\r\n";
static const char text_blank[] RESIDENT_CONST = " ";

static bool detect(void)
{
    return true;
}

static const char *start(struct wedge_load *load)
{
    load->kinds = (1ull << AFTERBURN_KINDS) - 1;
    return NULL;
}

const struct wedge_mapping mapping_count = {"count", GROUND_COUNT, detect, start, wedge_print_com1};

static RESIDENT void print(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned wait = WAIT_FOR_ROOM;
        while ((port_read(COM1 + LSR) & LSR_ROOM) == 0 && --wait != 0)
            ;
        port_write(COM1, (uint8_t)*text);
    }
}

static RESIDENT void print_number(uint64_t number, unsigned base)
{
    char digits[24];
    unsigned at = sizeof(digits);
    digits[--at] = '\0';
    do {
        unsigned digit = (unsigned)(number % base);
        digits[--at] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        number /= base;
    } while (number != 0);
    print(text_blank);
    print(digits + at);
}

static RESIDENT void print_kind(const struct wedge_data *data, unsigned kind)
{
    uint64_t executed = 0, sites = 0;
    for (unsigned i = 0; i < data->counter_count; i++) {
        if (data->counters[i].kind != kind)
            continue;
        executed += data->counters[i].count;
        sites += data->counters[i].count != 0;
    }
    if (sites == 0)
        return;
    print(text_kind);
    print(names[kind]);
    print_number(executed, 10);
    print_number(sites, 10);
    print(text_line);
}

/* The site with the highest count below COUNT, or with this one and behind NUMBER; itself: none. */
static RESIDENT unsigned next_site(const struct wedge_data *data, uint32_t count, unsigned number)
{
    unsigned best = number;
    uint32_t highest = 0;
    for (unsigned i = 0; i < data->counter_count; i++) {
        uint32_t here = data->counters[i].count;
        bool behind = here < count || (here == count && i > number);
        if (behind && here > highest) {
            highest = here;
            best = i;
        }
    }
    return best;
}

/* Sites of the guest itself by their physical addresses, those of modules by their linked ones. */
static RESIDENT uint64_t linked_address(const struct wedge_data *data, uint32_t site)
{
    return site >> 31 != 0 ? site | 0xffffffff00000000ull : site + (uint64_t)data->link_offset;
}

static RESIDENT void print_top(const struct wedge_data *data)
{
    uint32_t count = UINT32_MAX;
    unsigned number = UINT32_MAX;
    for (unsigned i = 0; i < TOP; i++) {
        unsigned next = next_site(data, count, number);
        if (next == number)
            return;
        const struct wedge_counter *counter = &data->counters[number = next];
        count = counter->count;
        print(text_top);
        print(names[counter->kind]);
        print_number(count, 10);
        print_number(linked_address(data, counter->site), 16);
        print(text_line);
    }
}

static RESIDENT void print_all(const struct wedge_data *data)
{
    print(text_start);
    print(text_line);
    for (unsigned kind = 1; kind < AFTERBURN_KINDS; kind++)
        print_kind(data, kind);
    print_top(data);
    print(text_modules);
    print_number(data->module_sites, 10);
    print_number(data->module_patched, 10);
    print(text_line);
    print(text_end);
    print(text_line);
}

/* The other cores stop in this way, too, and then the first one goes on. */
static RESIDENT bool is_first_core(void)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(APIC_BASE));
    return (low & APIC_BASE_BSP) != 0;
}

static RESIDENT bool is_end(const struct wedge_regs *regs)
{
    uint32_t word = (uint32_t)regs->site;
    if (SITE_KIND(word) == AFTERBURN_HLT)
        return (regs->flags & FLAGS_IF) == 0 && is_first_core();
    uint16_t port = (uint16_t)((word & SITE_PORT_DX) != 0 ? regs->rdx : SITE_PORT(word));
    unsigned width = SITE_WIDTH(word);
    return (width == 2 && port >= PM1_FIRST && (regs->rax & PM1_SLEEP) != 0) ||
           (width == 1 && port == PORT_KEYBOARD && (regs->rax & 0xff) == KEYBOARD_RESET) ||
           (width == 1 && port == PORT_RESET && (regs->rax & 4) != 0);
}

RESIDENT bool count_access(struct wedge_data *data, const struct wedge_regs *regs)
{
    __atomic_fetch_add(&data->counters[SITE_NUMBER((uint32_t)regs->site)].count, 1,
                       __ATOMIC_RELAXED);
    if (is_end(regs))
        print_all(data);
    return false;
}
