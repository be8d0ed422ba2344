/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses that nothing lists: noted, recorded where the VM is audited, told as lines for it. */
#include "x86/exit.h"
#include "x86/lifecycle.h"
#include "x86/live.h"
#include "x86/msr_policy.h"

enum standing { LISTED, FREE, GUARDED }; /* guarded: no line of the user's can change it */

void exit_unlisted(struct vcpu *vcpu, uint64_t rip, const struct unlisted_use *use,
                   uint64_t operand)
{
    unlisted_note(&vcpu->vm->unlisted, use);
    if (atomic_load(&vcpu->vm->controls)->unlisted == CONTROL_UNLISTED_AUDIT)
        exit_log_event(vcpu, rip, use->kind, operand);
}

static bool is_port(const struct unlisted_use *use)
{
    return use->kind == EVENT_UNLISTED_PORT_READ || use->kind == EVENT_UNLISTED_PORT_WRITE;
}

static bool is_read(const struct unlisted_use *use)
{
    return use->kind == EVENT_UNLISTED_PORT_READ || use->kind == EVENT_UNLISTED_MSR_READ;
}

/* What is there to be said of NUMBER by now? */
static enum standing standing_of(const struct vm *vm, const struct unlisted_use *use,
                                 uint32_t number)
{
    if (is_port(use))
        return exit_port_listed(vm, number)         ? LISTED
               : exit_port_configurable(vm, number) ? FREE
                                                    : GUARDED;
    if (msr_listed(vm, number, is_read(use) ? CONTROL_READ : CONTROL_WRITE))
        return LISTED;
    return msr_configurable(number) ? FREE : GUARDED;
}

/* The policy of a line that gives the same answer under `unlisted deny`. */
static const char *line_for(const struct unlisted_use *use, enum standing standing)
{
    if (standing == GUARDED)
        return "none";
    return !use->allowed ? "deny" : is_read(use) ? "allow" : "ignore";
}

/* A record for each run of its ports that stand alike, or for its MSR. */
static void say_use(struct text *text, const struct vm *vm, const struct unlisted_use *use)
{
    uint64_t end = (uint64_t)use->number + use->size;
    for (uint64_t first = use->number, next; first < end; first = next) {
        enum standing standing = standing_of(vm, use, (uint32_t)first);
        for (next = first + 1; next < end; next++)
            if (standing_of(vm, use, (uint32_t)next) != standing)
                break;
        if (standing != LISTED)
            text_print(text,
                       "access vm %s kind %s first 0x%lx last 0x%lx direction %s count %lu "
                       "answer %s line %s\n",
                       vm->config->name, is_port(use) ? "port" : "msr", first, next - 1,
                       is_read(use) ? "read" : "write", use->count,
                       use->allowed ? "allowed" : "denied", line_for(use, standing));
    }
}

bool live_audit(struct control *control)
{
    struct unlisted_use use;
    struct vm *vm = lifecycle_find_any(control->words[1]);
    if (vm == NULL)
        return control_refuse(control, "there is no vm \"%s\"; see: list", control->words[1]);
    text_print(&control->answer, "audit vm %s unlisted %s lost %lu\n", vm->config->name,
               control_unlisted_name(atomic_load(&vm->controls)->unlisted), vm->unlisted.lost);
    for (unsigned i = 0; unlisted_get(&vm->unlisted, i, &use); i++)
        say_use(&control->answer, vm, &use);
    return true;
}
