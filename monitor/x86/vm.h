/* SPDX-License-Identifier: Apache-2.0 */
/* A virtual machine: what it owns, what is emulated for it, how it starts and stops. */
#pragma once

#include "core/config.h"
#include "core/console.h"
#include "core/events.h"
#include "core/memory_device.h"
#include "core/place.h"
#include "core/switch.h"
#include "core/unlisted.h"
#include "core/vsock.h"
#include "core/wedge.h"
#include "x86/boot/guest.h"
#include "x86/guest_pci.h"
#include "x86/vcpu.h"

enum vm_state {
    VM_OFF,
    VM_BUILDING,
    VM_RUNNING,
    VM_STOPPING,
    VM_FAILED,
    VM_DESTROYING, /* its memory is being cleared */
    VM_GONE,       /* .. is clear: to be taken apart when its cores have let go */
};

enum vm_hold { VM_NOT_HELD, VM_HELD, VM_RELEASING };

#define VM_MSRS_LOGGED 64u
/* Kinds of misdeeds; each may cost VM_DENIALS_LOGGED lines of log, so that none hides another. */
enum denial { DENIED_PORT, DENIED_MSR, DENIED_MEMORY, DENIED_IPI, DENIED_INSTRUCTION, DENIALS };
#define VM_DENIALS_LOGGED 50u

struct vm_milestones {
    uint64_t scrubbed, loaded, entered, cores_up; /* microseconds since the monitor's entry */
};

/* A virtio device and where its driver has put it (virtio_pci.c). */
struct virtio_function {
    struct virtio_device device;
    uint8_t *page;            /* the MSI-X table */
    uint64_t page_at;         /* gpa where the guest finds it; 0: nowhere */
    uint16_t ports_at;        /* first of its ports; 0: none */
    _Atomic unsigned pending; /* vectors that could not be sent, bit by number */
};

struct vm {
    unsigned index;
    const struct config_vm *config;
    struct placement *place;
    bool service;
    _Atomic int state;   /* enum vm_state */
    _Atomic bool killed; /* to stay off, whatever it is on its way to */
    _Atomic bool doomed; /* to be destroyed as soon as it is off */
    _Atomic bool paused; /* no core enters the guest */
    _Atomic int hold;    /* VM_HELD: likewise, until all cores have the new time stamp offset */
    unsigned starts;     /* how often it was booted */
    struct vcpu *vcpus;
    unsigned vcpu_count; /* with those whose core is away */
    unsigned vcpu_most;
    struct cpu_set cpu_set; /* = place->cpus */

    /* What holds now; a change fills the other set, and waits until all cores have taken it. */
    const struct controls *_Atomic controls;
    struct controls control_sets[2];
    _Atomic unsigned controls_number;  /* of changes */
    _Atomic unsigned controls_refused; /* the last change that a core has refused; 0: none */
    struct event_ring events;
    struct unlisted unlisted;

    uint64_t *nested_root;
    struct lock port_lock;
    uint8_t *port_map; /* the back end's bitmaps */
    uint8_t *msr_map;
    struct lock log_lock;

    struct guest_memory memory;
    struct lock memory_lock; /* for uses of it that no queue's lock covers */
    struct e820_map e820;
    const struct boot_module *kernel, *initrd, *modules[CONFIG_VM_MODULES];
    struct vm_milestones milestones; /* of the last start */
    _Atomic unsigned cores_up;
    uint64_t clock_start_tsc; /* the guest's kvm-clock begins here */

    struct console console;
    struct wedge wedge;
    unsigned wedge_told; /* the start at which the log was told of one */
    struct lock pci_lock;
    struct guest_pci pci;
    struct virtio_function net, socket, ram;
    struct switch_port switch_port;
    struct vsock_port vsock_port;
    struct memory_device memory_device;       /* behind `ram` */
    void *block_table;                        /* for it */
    struct placement *more;                   /* what it has in all, plugged or not */
    uint32_t ioapic_select[ACPI_IOAPICS_MAX]; /* service VM */

    uint64_t ports_logged[65536 / 64]; /* one bit a port: its denial has been logged */
    uint32_t msrs_logged[VM_MSRS_LOGGED];
    unsigned msrs_logged_count;
    _Atomic uint64_t denied_ports, denied_msrs, denied_memory, denied_ipis;
    _Atomic unsigned denials_logged[DENIALS]; /* beyond VM_DENIALS_LOGGED only counted */
};

extern struct vm *vms[MAX_VMS];
extern unsigned vm_count;
extern enum config_poweroff poweroff_rule;

/* One vCPU more, whose core is away; false: there may be no more, or no memory. */
bool vm_add_vcpu(struct vm *vm);
/* Make the VM of CONFIG at PLACE, with MORE for what it gets later: tables, bitmaps, vCPUs. NULL
 * after a message. Boot core. */
struct vm *vm_create(unsigned index, const struct config_vm *config, struct placement *place,
                     struct placement *more);
/* Take apart a VM that is VM_GONE, or was never started: all that vm_create took returns. */
void vm_free(struct vm *vm);
/* Take the VM from its cores. True: none of them looks at it any more, or ever again. */
bool vm_release(struct vm *vm);
/* The VM is to be destroyed, in whatever state it is. Any core. */
void vm_destroy(struct vm *vm);
/* Clear the memory of a VM_DESTROYING, and call it VM_GONE. A core of the VM. */
void vm_scrub(struct vm *vm);
/* Build the VM's memory as a boot loader would and set its boot vCPU to run. Its boot core. */
void vm_boot(struct vm *vm);
/* Stop all of the VM's cores, then start it anew or leave it off. A core of the VM. */
void vm_stop(struct vcpu *vcpu, bool restart, const char *reason);

#define APIC_IDS 4096u
extern struct vcpu *vcpu_of_apic[APIC_IDS]; /* whose core is it? */

/* Has the VM's kernel been told of cores that it has not now? */
static inline bool vm_lacks_cores(const struct vm *vm)
{
    struct cpu_set told = vm->place->told;
    for (unsigned i = 0; i < ARRAY_SIZE(told.bits); i++)
        if (((told.bits[i] | vm->place->may.bits[i]) & ~vm->cpu_set.bits[i]) != 0)
            return true;
    return false;
}

/* The vCPU with APIC id ID in VM, or NULL. Any core; inline: it is looked up at each IPI. */
static inline struct vcpu *vm_find_vcpu(const struct vm *vm, apic_id_t id)
{
    struct vcpu *vcpu = id.v < APIC_IDS ? vcpu_of_apic[id.v] : NULL;
    return vcpu != NULL && vcpu->vm == vm ? vcpu : NULL;
}

/* All cores of VM leave the guest and stay out, or go on. Any core. */
void vm_pause(struct vm *vm, bool pause);
/* Cores of VM, those on their way among them; those that have taken its controls up are added to
 * TAKEN. */
unsigned vm_count_cores(const struct vm *vm, unsigned *taken);
bool vm_is_settled(const struct vm *vm);
/* A VM that is held goes on if all of its cores have its controls. Any core. */
void vm_release_hold(struct vm *vm);
/* May one more denial of VM's be logged? The last one says that it is the last. Any core. */
bool vm_may_log(struct vm *vm, enum denial kind);
/* All of the VM's cores forget the nested tables: this one now, the others before long. Any core.
 */
void vm_flush(struct vm *vm);
/* The controls, or the place of the console, may have changed: the VM's wedge is told. Any core. */
void vm_tell_wedge(struct vm *vm, bool cpuids_changed);
/* .. or there is none any more: the VM has stopped. */
void vm_forget_wedge(struct vm *vm);
const char *vm_state_name(const struct vm *vm);
