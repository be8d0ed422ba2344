/* SPDX-License-Identifier: Apache-2.0 */
/* Inter-processor interrupts, confined to the VM (Intel SDM 3, 10.12.9; AMD APM 2, 16.13). */
#include "core/log.h"
#include "x86/asm.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/msr.h"

#define ICR_VECTOR(c)    ((uint8_t)(c))
#define ICR_DELIVERY(c)  ((uint32_t)((c) >> 8 & 7))
#define ICR_LOGICAL      (1ull << 11)
#define ICR_ASSERT       (1ull << 14)
#define ICR_SHORTHAND(c) ((c) >> 18 & 3)
#define ICR_RESERVED     0xfff33000ull /* bits 12, 13, 16, 17, 20 .. 31 */
#define ICR_NOT_PLAIN    (0xffffffffull & ~(0xffull | ICR_ASSERT))
#define ICR_BROADCAST    UINT32_MAX
#define SHORTHAND_NONE   0u
#define SHORTHAND_SELF   1u
#define SHORTHAND_ALL    2u
#define VECTOR_FIRST     16u
#define ESR_SEND_ACCEPT  (1u << 2) /* no APIC has accepted it */
#define DELIVERIES_KNOWN                                                                           \
    (1u << DELIVERY_FIXED | 1u << DELIVERY_LOWEST | 1u << DELIVERY_NMI | 1u << DELIVERY_INIT |     \
     1u << DELIVERY_SIPI)

static __attribute__((cold)) void ipi_deny(struct vcpu *vcpu, uint64_t command, const char *why)
{
    struct vm *vm = vcpu->vm;
    atomic_fetch_add(&vm->denied_ipis, 1);
    if (vm_may_log(vm, DENIED_IPI))
        log_warning("vm \"%s\": IPI %lx at %lx denied: %s", vm->config->name, command, vcpu->rip,
                    why);
}

/* Those that start and stop cores, and NMIs: the other core is called, and does it itself. */
static __attribute__((cold)) void ipi_call(uint64_t command, struct vcpu *to)
{
    switch (ICR_DELIVERY(command)) {
    case DELIVERY_NMI:
        cpu_kick(to->cpu, REQUEST_GUEST_NMI);
        break;
    case DELIVERY_INIT:
        if ((command & ICR_ASSERT) != 0)
            cpu_kick(to->cpu, REQUEST_INIT);
        break;
    default:
        atomic_store(&to->sipi_vector, ICR_VECTOR(command));
        cpu_kick(to->cpu, REQUEST_SIPI);
    }
}

static void ipi_send_fixed(uint64_t command, const struct vcpu *to)
{
    wrmsr(X2APIC_ICR, (uint64_t)to->cpu->apic_id.v << 32 | ICR_ASSERT | ICR_VECTOR(command));
}

static void ipi_send(uint64_t command, struct vcpu *to)
{
    if (ICR_DELIVERY(command) > DELIVERY_LOWEST)
        ipi_call(command, to);
    else
        ipi_send_fixed(command, to);
}

static void ipi_send_one(struct vcpu *from, uint64_t command, apic_id_t id)
{
    struct vcpu *to = vm_find_vcpu(from->vm, id);
    if (to != NULL) {
        ipi_send(command, to);
        return;
    }
    from->errors |= ESR_SEND_ACCEPT; /* with it Linux does not wait 10 s for an absent core */
    ipi_deny(from, command, "the core is not this VM's");
}

static void ipi_send_all(struct vm *vm, uint64_t command, const struct vcpu *except)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++)
        if (&vm->vcpus[i] != except && !vm->vcpus[i].away) {
            ipi_send(command, &vm->vcpus[i]);
            if (ICR_DELIVERY(command) == DELIVERY_LOWEST)
                return; /* one of them takes it */
        }
}

/* One of a cluster's 16 bits each; those of other VMs' cores are dropped. */
static void ipi_send_cluster(struct vcpu *from, uint64_t command, uint32_t destination)
{
    bool all_ours = true;
    for (uint32_t bits = destination & 0xffff; bits != 0; bits &= bits - 1) {
        apic_id_t id = {(destination >> 16) << 4 | (uint32_t)__builtin_ctz(bits)};
        struct vcpu *to = vm_find_vcpu(from->vm, id);
        if (to == NULL) {
            all_ours = false;
            continue;
        }
        ipi_send(command, to);
        if (ICR_DELIVERY(command) == DELIVERY_LOWEST)
            break;
    }
    if (!all_ours)
        ipi_deny(from, command, "a core of its cluster is not this VM's");
}

bool ipi_command(struct vcpu *vcpu, uint64_t command)
{
    bool known = (DELIVERIES_KNOWN >> ICR_DELIVERY(command) & 1) != 0;
    if (!known || (command & ICR_RESERVED) != 0) {
        ipi_deny(vcpu, command, "this kind of interrupt is not a VM's to send");
        return false;
    }
    vcpu->icr = command;
    if (ICR_DELIVERY(command) <= DELIVERY_LOWEST && ICR_VECTOR(command) < VECTOR_FIRST)
        return true; /* illegal vectors are dropped, as the APIC does */
    uint32_t destination = (uint32_t)(command >> 32);
    uint64_t shorthand = ICR_SHORTHAND(command);
    if (shorthand == SHORTHAND_SELF)
        ipi_send(command, vcpu);
    else if (shorthand != SHORTHAND_NONE)
        ipi_send_all(vcpu->vm, command, shorthand == SHORTHAND_ALL ? NULL : vcpu);
    else if (destination == ICR_BROADCAST)
        ipi_send_all(vcpu->vm, command, NULL);
    else if ((command & ICR_LOGICAL) != 0)
        ipi_send_cluster(vcpu, command, destination);
    else
        ipi_send_one(vcpu, command, (apic_id_t){destination});
    return true;
}

/* The same for what kernels send nearly always, in the fewest steps: a fixed interrupt, no
 * shorthand, to one core that is the VM's. Whatever else it is, ipi_command has to judge. */
bool ipi_plain(struct vcpu *vcpu)
{
    uint64_t command = vcpu->regs.rdx << 32 | (uint32_t)vcpu->regs.rax;
    struct vcpu *to = vm_find_vcpu(vcpu->vm, (apic_id_t){(uint32_t)vcpu->regs.rdx});
    if ((command & ICR_NOT_PLAIN) != 0 || ICR_VECTOR(command) < VECTOR_FIRST || to == NULL)
        return false;
    vcpu->icr = command;
    ipi_send_fixed(command, to);
    return true;
}

uint64_t ipi_send_many(struct vcpu *vcpu, uint64_t vector, uint32_t first, uint64_t mask)
{
    uint64_t left = vector < VECTOR_FIRST || vector > UINT8_MAX ? mask : 0;
    for (uint64_t bits = mask & ~left; bits != 0; bits &= bits - 1) {
        uint64_t id = (uint64_t)first + (unsigned)__builtin_ctzll(bits);
        struct vcpu *to = id < APIC_IDS ? vm_find_vcpu(vcpu->vm, (apic_id_t){(uint32_t)id}) : NULL;
        if (to != NULL) {
            ipi_send_fixed(vector, to);
            continue;
        }
        left |= bits & -bits;
        ipi_deny(vcpu, id << 32 | vector, "the core is not this VM's");
    }
    return left;
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
