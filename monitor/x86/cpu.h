/* SPDX-License-Identifier: Apache-2.0 */
/* A core of the machine as the monitor sees it, and how one core reaches another. */
#pragma once

#include <stdatomic.h>

#include "core/machine.h"

struct vcpu;

/* Why a core is called (bits of pcpu.request); set before the NMI that carries the call. */
#define REQUEST_KICKED    (1u << 0)  /* an NMI of ours is on its way */
#define REQUEST_GUEST_NMI (1u << 1)  /* a VM's own NMI, from its ICR */
#define REQUEST_INIT      (1u << 2)  /* emulated INIT */
#define REQUEST_SIPI      (1u << 3)  /* emulated start-up; the vector is in the vCPU */
#define REQUEST_STOP      (1u << 4)  /* leave the guest and park: the VM stops or restarts */
#define REQUEST_BOOT      (1u << 5)  /* build the VM and run it from its boot entry */
#define REQUEST_PING      (1u << 6)  /* count only: the kick test */
#define REQUEST_FLUSH     (1u << 7)  /* the VM's nested tables have changed */
#define REQUEST_KILL      (1u << 8)  /* stop the VM and leave it off */
#define REQUEST_REBOOT    (1u << 9)  /* stop the VM and start it anew */
#define REQUEST_SCRUB     (1u << 10) /* the VM is off: clear its memory */
#define REQUEST_LEAVE     (1u << 11) /* leave the service VM once off line */
#define REQUEST_REMAIN    (1u << 12) /* .. no more */
#define REQUEST_CONTROLS  (1u << 13) /* the VM's controls have changed */
#define REQUEST_PAUSE     (1u << 14) /* the VM has been paused, or goes on */

struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint8_t reserved2[10];
    uint16_t io_map;
} __attribute__((packed));

struct pcpu {
    struct pcpu *self; /* at %gs:0 */
    cpu_id_t id;
    apic_id_t apic_id;
    _Atomic uint32_t request;
    uint32_t nmi_seen;         /* set by the NMI handler, cleared by cpu_take_nmi and cpu_park */
    struct vcpu *_Atomic vcpu; /* the vCPU that lives here, or NULL */
    _Atomic bool parked;       /* asleep: it looks at vcpu anew before it does anything else */
    void *host_state;          /* a page: of SVM's VMSAVE, or VT-x's VMCS */
    _Atomic bool online;
    _Atomic uint64_t pings;
    uint64_t gdt[6];
    struct tss tss;
    uint8_t *stack_top;
};

extern struct pcpu *cpus[MAX_CPUS];
extern struct machine machine; /* the inventory; read-only after boot */

static inline struct pcpu *this_cpu(void)
{
    struct pcpu *cpu;
    __asm__("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* Allocate the cores' state and stacks (each under a guard page). Boot core, once. */
bool cpu_init_all(void);
/* Load this core's GDT, TSS, IDT and GS; then the APIC in x2APIC mode. Each core, once. */
void cpu_init_this(struct pcpu *cpu);
/* Start all other cores; those that don't answer are reported and left out. Boot core, once. */
void cpu_start_others(void (*entry)(struct pcpu *));

/* Ask CPU for REQUEST and send it an NMI unless one is on its way. Any core. */
void cpu_kick(struct pcpu *cpu, uint32_t request);
/* Let a pending NMI in (GIF on for an instant) and return what was asked. After an NMI exit. */
uint32_t cpu_take_nmi(void);
/* Sleep in host mode until an NMI comes, or has come; returns what was asked. */
uint32_t cpu_park(void);

/* Busy wait, by the TSC. Any core, after time_calibrate. */
void cpu_delay_us(uint64_t microseconds);
