/* SPDX-License-Identifier: Apache-2.0 */
/* Start-up and exceptions of the attack guests. */
#include "guest.h"

#define START_MAGIC 0x336ec578u
#define RESUME_CODE 0x18u

struct start_info {
    uint32_t magic, version, flags, module_count;
    uint64_t module_list, cmdline, rsdp, memory_map;
    uint32_t memory_entries, reserved;
};

struct memory_entry {
    uint64_t base, size;
    uint32_t type, reserved;
};

extern uint64_t start_info;
extern const uint8_t entries[];
void exception(struct frame *frame);
void guest_start(void);
void cpu_start(struct cpu *cpu);

const char *command_line;
uint64_t memory_size;
static const struct memory_entry *memory_map;
static unsigned memory_entries;
void (*on_nmi)(struct cpu *cpu);

static struct {
    uint16_t offset0, selector, flags, offset16;
    uint32_t offset32, reserved;
} idt[256];

void idt_load(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) pointer = {sizeof(idt) - 1, (uint64_t)idt};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

static void idt_fill(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint64_t entry = (uint64_t)entries + i * 16;
        idt[i].offset0 = (uint16_t)entry;
        idt[i].selector = RESUME_CODE;
        idt[i].flags = 0x8e00;
        idt[i].offset16 = (uint16_t)(entry >> 16);
        idt[i].offset32 = (uint32_t)(entry >> 32);
    }
}

/* As interrupts, 17 and 21 have no error code: their entries become vector 18's, or their own. */
void idt_plain(bool on)
{
    static const unsigned vectors[] = {17, 21};
    for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint64_t entry = (uint64_t)entries + (on ? 18 : vectors[i]) * 16;
        idt[vectors[i]].offset0 = (uint16_t)entry;
        idt[vectors[i]].offset16 = (uint16_t)(entry >> 16);
    }
}

/* One task state is enough: one core at a time goes to ring 3. */
void tss_load(void)
{
    extern uint64_t gdt[];
    static uint8_t tss[104];
    static uint8_t stack[4096] __attribute__((aligned(16)));
    uint64_t base = (uint64_t)tss;
    *(uint64_t *)(tss + 4) = (uint64_t)stack + sizeof(stack);
    gdt[6] = 0x0000890000000000ull | (sizeof(tss) - 1) | (base & 0xffffff) << 16 |
             (base >> 24 & 0xff) << 56;
    gdt[7] = base >> 32;
    __asm__ volatile("ltr %w0" : : "r"(0x30));
}

/* RAM, or the ACPI tables in it: what a VM's memory map calls its own. The first MiB always is. */
bool memory_is_own(uint64_t at)
{
    if (at < 1ull << 20)
        return true;
    for (unsigned i = 0; i < memory_entries; i++)
        if (at >= memory_map[i].base && at - memory_map[i].base < memory_map[i].size)
            return memory_map[i].type == 1 || memory_map[i].type == 3;
    return false;
}

/* Leave a loop of one exception after LIMIT rounds. True: go on looping. */
static bool loop_goes_on(struct cpu *cpu, volatile uint64_t *count)
{
    (*count)++;
    return *count < cpu->limit;
}

void exception(struct frame *frame)
{
    struct cpu *cpu = this_cpu();
    if (frame->vector == VECTOR_NMI) {
        cpu->nmis++;
        if (on_nmi != NULL)
            on_nmi(cpu);
        return;
    }
    if (frame->vector == VECTOR_SPURIOUS)
        return;
    if (frame->vector == 16 || frame->vector >= 18) { /* nothing here raises these but the APIC */
        cpu->interrupts++;
        wrmsr(X2APIC_EOI, 0);
        return;
    }
    if (frame->vector == VECTOR_DB && loop_goes_on(cpu, &cpu->debugs))
        return;
    if (frame->vector == VECTOR_AC && loop_goes_on(cpu, &cpu->alignments))
        return;
    if (cpu->recover == NULL) {
        print("GUEST BAD: exception %lu error %lx at %lx on core %u\n", frame->vector, frame->error,
              frame->rip, cpu->index);
        for (;;)
            __asm__ volatile("cli; hlt");
    }
    cpu->error = frame->error;
    cpu->survived = *frame;
    __asm__ volatile("movq %%cr2, %0" : "=r"(cpu->address));
    frame->rdi = (uint64_t)cpu->recover;
    frame->rsi = frame->vector + 1;
    frame->rip = (uint64_t)recover_resume;
    frame->cs = RESUME_CODE;
    frame->ss = 0x10;
    frame->rflags = 2 | (frame->rflags & 0x200);
    frame->rsp = cpu->recover->rsp;
    cpu->recover = NULL;
}

int attempt(void (*action)(void *), void *argument)
{
    struct recover recover;
    struct cpu *cpu = this_cpu();
    int vector = recover_set(&recover);
    if (vector != 0)
        return vector - 1;
    cpu->recover = &recover;
    action(argument);
    cpu->recover = NULL;
    return -1;
}

void guest_start(void)
{
    const struct start_info *info = (const struct start_info *)(uint64_t)start_info;
    const struct memory_entry *map = (const struct memory_entry *)info->memory_map;
    memory_map = map;
    memory_entries = info->memory_entries;
    struct cpu *cpu = &cpus[0];
    cpu->self = cpu;
    wrmsr(0xc0000101, (uint64_t)cpu); /* GS base */
    idt_fill();
    idt_load();
    wrmsr(X2APIC_SVR, SVR_ON);
    cpu->apic_id = (uint32_t)rdmsr(X2APIC_ID);
    command_line = (const char *)info->cmdline;
    for (unsigned i = 0; i < info->memory_entries; i++)
        if (map[i].type == 1 && map[i].base + map[i].size > memory_size)
            memory_size = map[i].base + map[i].size;
    cpus_find(info->rsdp);
    print_init();
    guest_main();
    power_off();
}

void power_off(void)
{
    out8(0x404, 0x34); /* sleep control: type 5, enable */
    for (;;)
        __asm__ volatile("cli; hlt");
}
