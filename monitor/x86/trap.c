/* SPDX-License-Identifier: Apache-2.0 */
/* The IDT and what is done with the few exceptions that the monitor can have (AMD APM 2, 8). */
#include "x86/trap.h"

#include "core/log.h"
#include "lib/fmt.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/msr.h"

#define IDT_ENTRIES       256u
#define IDT_STUB_SIZE     16u
#define IDT_GATE          0x8e00u /* present, interrupt gate */
#define IDT_CODE_SELECTOR 8u
#define VECTOR_DF         8u
#define VECTOR_MC         18u
#define VECTOR_EXTERNAL   32u

struct idt_entry {
    uint16_t offset0;
    uint16_t selector;
    uint16_t flags; /* low 3 bits: IST */
    uint16_t offset16;
    uint32_t offset32;
    uint32_t reserved;
};

struct fixup {
    uint64_t from;
    uint64_t to;
};

/* Code that looks for an NMI and then does what the NMI should have prevented. */
struct restart {
    uint64_t begin, end;
    uint64_t to;
};

extern const uint8_t trap_entries[], trap_drain[];
extern const struct fixup fixups_start[], fixups_end[];
extern const struct restart restarts_start[], restarts_end[];
void trap_handle(struct trap_frame *frame);

static struct idt_entry idt[IDT_ENTRIES];
static struct idt_entry idt_drain[IDT_ENTRIES]; /* what looks like an exception is an interrupt */

static struct idt_entry idt_entry(const uint8_t *handler, uint16_t ist)
{
    uint64_t entry = (uint64_t)handler;
    return (struct idt_entry){
        .offset0 = (uint16_t)entry,
        .selector = IDT_CODE_SELECTOR,
        .flags = IDT_GATE | ist,
        .offset16 = (uint16_t)(entry >> 16),
        .offset32 = (uint32_t)(entry >> 32),
    };
}

void trap_init(void)
{
    for (unsigned i = 0; i < IDT_ENTRIES; i++) {
        uint16_t ist = i == VECTOR_DF || i == VECTOR_MC ? 1 : 0;
        idt[i] = idt_entry(trap_entries + i * IDT_STUB_SIZE, ist);
        /* An APIC takes 16 and above; emulators take any, down to 0. */
        idt_drain[i] = i == VECTOR_NMI ? idt[i] : idt_entry(trap_drain, 0);
    }
}

static void idt_load(const struct idt_entry *table)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(idt) - 1, (uint64_t)table};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

void trap_load_idt(void)
{
    idt_load(idt);
}

void trap_load_idt_drain(void)
{
    idt_load(idt_drain);
}

static bool trap_fix(struct trap_frame *frame)
{
    for (const struct fixup *f = fixups_start; f < fixups_end; f++) {
        if (f->from == frame->rip) {
            frame->rip = f->to;
            return true;
        }
    }
    return false;
}

static void trap_nmi(struct trap_frame *frame)
{
    this_cpu()->nmi_seen = 1;
    for (const struct restart *r = restarts_start; r < restarts_end; r++)
        if (frame->rip >= r->begin && frame->rip < r->end)
            frame->rip = r->to;
}

void trap_handle(struct trap_frame *frame)
{
    if (frame->vector == VECTOR_NMI)
        trap_nmi(frame);
    else if (frame->vector >= VECTOR_EXTERNAL)
        wrmsr(X2APIC_EOI, 0); /* a left-over of the guest, drained on its reset */
    else if (frame->vector != VECTOR_GP || !trap_fix(frame))
        panic("exception %lu, error %lx, at %lx, address %lx, stack %lx", frame->vector,
              frame->error, frame->rip, read_cr2(), frame->rsp);
}

void panic(const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    fmt_text_va(text, sizeof(text), format, args);
    va_end(args);
    log_error("panic: %s; this core stops, the others go on", text);
    cpu_halt();
}
