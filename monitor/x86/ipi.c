/* SPDX-License-Identifier: Apache-2.0 */
/* Inter-processor interrupts, confined to the VM (Intel SDM 3, 10.12.9; AMD APM 2, 16.13). */
#include "core/log.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/msr.h"

#define ICR_VECTOR       0xffull
#define ICR_LOGICAL      (1ull << 11)
#define ICR_ASSERT       (1ull << 14)
#define ICR_SHORTHAND(c) ((c) >> 18 & 3)
#define ICR_RESERVED     0xfff33000ull /* bits 12, 13, 16, 17, 20 .. 31 */
#define ICR_BROADCAST    UINT32_MAX
#define SHORTHAND_NONE   0u
#define SHORTHAND_SELF   1u
#define SHORTHAND_ALL    2u
#define VECTOR_FIRST     16u

struct ipi {
    struct vcpu *from;
    uint32_t delivery;
    bool assert;
    uint8_t vector;
};

static void ipi_deny(struct vcpu *vcpu, uint64_t command, const char *why)
{
    struct vm *vm = vcpu->vm;
    atomic_fetch_add(&vm->denied_ipis, 1);
    if (vm_may_log(vm, DENIED_IPI))
        log_warning("vm \"%s\": IPI %lx at %lx denied: %s", vm->config->name, command, vcpu->rip,
                    why);
}

static void ipi_send(const struct ipi *ipi, struct vcpu *to)
{
    switch (ipi->delivery) {
    case DELIVERY_NMI:
        cpu_kick(to->cpu, REQUEST_GUEST_NMI);
        break;
    case DELIVERY_INIT:
        if (ipi->assert)
            cpu_kick(to->cpu, REQUEST_INIT);
        break;
    case DELIVERY_SIPI:
        atomic_store(&to->sipi_vector, ipi->vector);
        cpu_kick(to->cpu, REQUEST_SIPI);
        break;
    default:
        wrmsr(X2APIC_ICR, (uint64_t)to->cpu->apic_id.v << 32 | ICR_ASSERT | ipi->vector);
    }
}

static void ipi_send_all(const struct ipi *ipi, const struct vcpu *except)
{
    struct vm *vm = ipi->from->vm;
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        if (&vm->vcpus[i] != except) {
            ipi_send(ipi, &vm->vcpus[i]);
            if (ipi->delivery == DELIVERY_LOWEST)
                return; /* one of them takes it */
        }
}

/* One of a cluster's 16 bits each; those of other VMs' cores are dropped. */
static bool ipi_send_cluster(const struct ipi *ipi, uint32_t destination)
{
    bool all_ours = true;
    for (unsigned bit = 0; bit < 16; bit++) {
        if ((destination >> bit & 1) == 0)
            continue;
        apic_id_t id = {(destination >> 16) << 4 | bit};
        struct vcpu *to = vm_find_vcpu(ipi->from->vm, id);
        if (to == NULL) {
            all_ours = false;
            continue;
        }
        ipi_send(ipi, to);
        if (ipi->delivery == DELIVERY_LOWEST)
            break;
    }
    return all_ours;
}

static bool ipi_check(struct vcpu *vcpu, uint64_t command, const struct ipi *ipi)
{
    bool known = ipi->delivery == DELIVERY_FIXED || ipi->delivery == DELIVERY_LOWEST ||
                 ipi->delivery == DELIVERY_NMI || ipi->delivery == DELIVERY_INIT ||
                 ipi->delivery == DELIVERY_SIPI;
    if (!known || (command & ICR_RESERVED) != 0) {
        ipi_deny(vcpu, command, "this kind of interrupt is not a VM's to send");
        return false;
    }
    return true;
}

bool ipi_command(struct vcpu *vcpu, uint64_t command)
{
    struct ipi ipi = {vcpu, command >> 8 & 7, (command & ICR_ASSERT) != 0,
                      (uint8_t)(command & ICR_VECTOR)};
    if (!ipi_check(vcpu, command, &ipi))
        return false;
    vcpu->icr = command;
    if (ipi.delivery <= DELIVERY_LOWEST && ipi.vector < VECTOR_FIRST)
        return true; /* illegal vectors are dropped, as the APIC does */
    uint32_t destination = (uint32_t)(command >> 32);
    uint32_t shorthand = ICR_SHORTHAND(command);
    if (shorthand == SHORTHAND_SELF) {
        ipi_send(&ipi, vcpu);
    } else if (shorthand != SHORTHAND_NONE) {
        ipi_send_all(&ipi, shorthand == SHORTHAND_ALL ? NULL : vcpu);
    } else if (destination == ICR_BROADCAST) {
        ipi_send_all(&ipi, NULL);
    } else if ((command & ICR_LOGICAL) != 0) {
        if (!ipi_send_cluster(&ipi, destination))
            ipi_deny(vcpu, command, "a core of its cluster is not this VM's");
    } else {
        struct vcpu *to = vm_find_vcpu(vcpu->vm, (apic_id_t){destination});
        if (to != NULL)
            ipi_send(&ipi, to);
        else
            ipi_deny(vcpu, command, "the core is not this VM's");
    }
    return true;
}

void ipi_message(struct vm *vm, uint64_t address, uint32_t data)
{
    apic_id_t id = {address >> 12 & 0xff};
    uint32_t delivery = data >> 8 & 7;
    bool valid = address >> 20 == 0xfee && (address & 1u << 2) == 0 &&
                 delivery <= DELIVERY_LOWEST && (data & 0xff) >= VECTOR_FIRST;
    struct vcpu *to = vm_find_vcpu(vm, id);
    if (!valid || to == NULL) {
        atomic_fetch_add(&vm->denied_ipis, 1);
        return;
    }
    wrmsr(X2APIC_ICR, (uint64_t)id.v << 32 | ICR_ASSERT | (data & 0xff));
}
