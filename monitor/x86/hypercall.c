/* SPDX-License-Identifier: Apache-2.0 */
/* The hypercalls (mullion/hypercall.h): all of a wedge, for no other VM than the one that asks. */
#include "core/log.h"
#include "x86/exit.h"
#include "x86/guest_port.h"
#include "x86/msr.h"

/* Under the lock: of two cores that change something, the later one must not say what was. */
static void tell(struct vm *vm, bool cpuids_changed)
{
    const struct wedge_ports_now ports = {guest_console_port(vm), vm->service};
    wedge_update(&vm->wedge, atomic_load(&vm->controls), ports, cpuids_changed);
}

void vm_tell_wedge(struct vm *vm, bool cpuids_changed)
{
    lock_take(&vm->wedge.lock);
    tell(vm, cpuids_changed);
    lock_release(&vm->wedge.lock);
}

void vm_forget_wedge(struct vm *vm)
{
    lock_take(&vm->wedge.lock);
    wedge_forget(&vm->wedge);
    lock_release(&vm->wedge.lock);
}

static void start(struct vm *vm, struct registers *regs)
{
    gpa_t words = {regs->rsi};
    lock_take(&vm->wedge.lock);
    uint16_t console = guest_console_port(vm);
    regs->rax = wedge_start(&vm->wedge, &vm->memory, words, (uint32_t)regs->rdi, console);
    regs->rdx = console;
    tell(vm, false);
    bool news = regs->rax != 0 && vm->wedge_told != vm->starts;
    vm->wedge_told = news ? vm->starts : vm->wedge_told;
    lock_release(&vm->wedge.lock);
    if (news)
        log_info("vm \"%s\": a wedge, version %lu of its interface, words at 0x%lx",
                 vm->config->name, regs->rax, words.v);
}

/* What a VM may call is what its wedge has asked for. */
static bool is_open(const struct vm *vm, uint32_t number)
{
    uint32_t version = atomic_load(&vm->wedge.version);
    return number == HYPERCALL_WEDGE_START || (number == HYPERCALL_CONSOLE_WRITE && version != 0) ||
           (number == HYPERCALL_SEND_IPI && version >= HYPERCALL_VERSION_IPI);
}

bool exit_hypercall(struct vcpu *vcpu, unsigned cpl)
{
    struct registers *regs = &vcpu->regs;
    uint32_t number = (uint32_t)regs->rax;
    if (cpl != 0 || !is_open(vcpu->vm, number)) {
        vcpu_fault(vcpu, VECTOR_UD);
        return false;
    }
    if (number == HYPERCALL_WEDGE_START)
        start(vcpu->vm, regs);
    else if (number == HYPERCALL_SEND_IPI)
        regs->rax = ipi_send_many(vcpu, regs->rdi, (uint32_t)regs->rsi, regs->rdx);
    else if (regs->rsi <= HYPERCALL_CONSOLE_MOST)
        regs->rax = guest_console_output(vcpu->vm, (gpa_t){regs->rdi}, regs->rsi);
    else
        regs->rax = 0;
    return true;
}
