/* SPDX-License-Identifier: Apache-2.0 */
/* What all attack guests share: console, exceptions that are survived, cores. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CPUS            8u
#define STACK_SIZE          16384u
#define X2APIC_ID           0x802u
#define X2APIC_EOI          0x80bu
#define X2APIC_SVR          0x80fu
#define X2APIC_ESR          0x828u
#define X2APIC_ICR          0x830u
#define X2APIC_LVT_TIMER    0x832u
#define X2APIC_TIMER_INIT   0x838u
#define X2APIC_TIMER_DIVIDE 0x83eu
#define X2APIC_SELF_IPI     0x83fu
#define DELIVERY_FIXED      0u
#define DELIVERY_SMI        2u
#define DELIVERY_NMI        4u
#define DELIVERY_INIT       5u
#define DELIVERY_SIPI       6u
#define ICR_ASSERT          (1ull << 14)
#define VECTOR_DB           1u
#define VECTOR_NMI          2u
#define VECTOR_UD           6u
#define VECTOR_GP           13u
#define VECTOR_PF           14u
#define VECTOR_AC           17u
#define VECTOR_SPURIOUS     15u /* none that can be sent: in Bochs an EOI never ends that one */
#define SVR_ON              (0x100u | VECTOR_SPURIOUS)
#define VECTOR_IPI          0xe5u /* stock kernels use it for nothing: a stray one is reported */
#define CODE_32             0x08u /* selectors of start.S's GDT */
#define DATA_0              0x10u
#define CODE_64             0x18u
#define DATA_USER           0x23u
#define CODE_64_USER        0x2bu
#define CODE_32_USER        0x43u

struct frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct recover {
    uint64_t rip, rsp, rbx, rbp, r12, r13, r14, r15;
};

struct cpu {
    struct cpu *self; /* %gs:0 */
    unsigned index;
    uint32_t apic_id;
    struct recover *recover; /* where an exception leads; NULL: it is the guest's end */
    volatile bool online;
    void (*volatile job)(void); /* what an idle core does next */
    volatile uint64_t nmis, interrupts, debugs, alignments;
    volatile uint64_t limit; /* exceptions of a loop before it is left */
    uint64_t error, address; /* of the last exception survived */
    struct frame survived;   /* .. and all that was in the registers */
};

extern struct cpu cpus[MAX_CPUS];
extern unsigned cpu_count;
extern const char *command_line;
extern uint64_t memory_size; /* from 0 on, all of it the guest's own */

void guest_main(void);                  /* each guest's own; the boot core */
extern void (*on_nmi)(struct cpu *cpu); /* called for each NMI */

void print_init(void);
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool option(const char *name, char *value, size_t size); /* NAME=VALUE of the command line */
uint64_t option_number(const char *name);                /* decimal; 0: not there */
bool same(const char *a, const char *b);
_Noreturn void power_off(void);
void *memset(void *to, int value, size_t size); /* the compiler calls these two */
void *memcpy(void *to, const void *from, size_t size);

/* Where execution goes on after an exception: see attempt. */
int recover_set(struct recover *recover) __attribute__((returns_twice));
void recover_resume(void);
int attempt(void (*action)(void *), void *argument); /* -1, or the exception's vector */

void random_seed(void);
uint64_t random(void);

bool memory_is_own(uint64_t at);
void cpus_find(uint64_t rsdp);
bool cpu_revive(struct cpu *cpu); /* INIT, start-up; true when it is idle */
void cpu_run(struct cpu *cpu, void (*job)(void));
void idt_load(void);
void idt_plain(bool on); /* vectors that bring an error code as exceptions: without it */
void tss_load(void);
void enter_with(struct frame *frame);
void call_at(uint64_t address);
void ring3(uint64_t rip, uint64_t rsp, uint64_t flags);
extern const uint8_t unaligned_loop[];

static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t low, high;
    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

static inline uint64_t rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static inline void relax(void)
{
    __asm__ volatile("pause" : : : "memory");
}

static inline void ipi(uint32_t apic_id, uint64_t command)
{
    wrmsr(X2APIC_ICR, (uint64_t)apic_id << 32 | ICR_ASSERT | command);
}
