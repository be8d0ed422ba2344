/* SPDX-License-Identifier: Apache-2.0 */
/* The KVM clock: pages filled once, then read without exits (Linux, virt/kvm/x86/msr.rst). */
#include "lib/string.h"
#include "x86/asm.h"
#include "x86/exit.h"
#include "x86/time.h"

#define CLOCK_ENABLE     1ull
#define CLOCK_TSC_STABLE 1u

struct clock_page {
    uint32_t version; /* odd while it changes */
    uint32_t pad0;
    uint64_t tsc_timestamp;
    uint64_t system_time; /* ns at tsc_timestamp */
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags;
    uint8_t pad[2];
};
_Static_assert(sizeof(struct clock_page) == 32, "KVM's interface");

struct wall_clock {
    uint32_t version;
    uint32_t seconds;
    uint32_t nanoseconds;
};

/* ns = ((tsc << shift) * mul) >> 32, with mul as large as fits. */
static void clock_scale(struct clock_page *page)
{
    uint64_t hz = time_tsc_khz() * 1000;
    int8_t shift = 0;
    while (hz > 2000000000ull) {
        hz >>= 1;
        shift--;
    }
    while (hz <= 1000000000ull) {
        hz <<= 1;
        shift++;
    }
    page->tsc_to_system_mul = (uint32_t)((1000000000ull << 32) / hz);
    page->tsc_shift = shift;
}

/* All of DATA in one piece of the VM's memory, or false. */
static bool write_page(struct vm *vm, uint64_t gpa, const void *data, uint64_t size)
{
    lock_take(&vm->memory_lock);
    void *page = guest_pointer(&vm->memory, (gpa_t){gpa}, size);
    if (page != NULL)
        memcpy(page, data, size);
    lock_release(&vm->memory_lock);
    return page != NULL;
}

bool clock_write_system(struct vcpu *vcpu, uint64_t value)
{
    vcpu->clock_msr = value;
    if ((value & CLOCK_ENABLE) == 0)
        return true;
    struct vm *vm = vcpu->vm;
    struct clock_page page = {
        .version = 2 * (1 + atomic_load(&vm->controls_number)), /* who reads it now reads it anew */
        .tsc_timestamp = vm->clock_start_tsc + (uint64_t)vcpu->tsc_offset,
        .flags = CLOCK_TSC_STABLE};
    clock_scale(&page);
    return (value & 2) == 0 && write_page(vm, value & ~CLOCK_ENABLE, &page, sizeof(page));
}

void clock_rewrite(struct vm *vm)
{
    for (unsigned i = 0; i < vm->vcpu_count; i++) {
        struct vcpu *vcpu = &vm->vcpus[i];
        if (vcpu->state == VCPU_RUNNING || vcpu->state == VCPU_PAUSED)
            clock_write_system(vcpu, vcpu->clock_msr);
    }
}

bool clock_write_wall(struct vcpu *vcpu, uint64_t value)
{
    uint64_t read_at;
    uint64_t seconds = time_wall_seconds(&read_at);
    uint64_t ms = (vcpu->vm->clock_start_tsc - read_at) / time_tsc_khz();
    struct wall_clock wall = {2, (uint32_t)(seconds + ms / 1000), (uint32_t)(ms % 1000 * 1000000)};
    return write_page(vcpu->vm, value, &wall, sizeof(wall));
}
