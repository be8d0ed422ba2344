/* SPDX-License-Identifier: Apache-2.0 */
/* Paravirtual guests of Xen: no instruction enters or leaves them for all to see, but Xen has a
 * range of addresses to itself (Xen: xen/arch/x86/include/asm/config.h). An entry into Xen is the
 * first block there after one elsewhere. */
#include "count.h"

#define XEN_FIRST 0xffff800000000000ull
#define XEN_LAST  0xffff87ffffffffffull

static struct score came_from_guest, is_in_xen;

static void entered(unsigned cpu, void *place)
{
    if (processors[cpu].inside)
        guest_left(cpu, (uint64_t)place, 0);
}

static void left(unsigned cpu, void *data)
{
    (void)data;
    if (!processors[cpu].inside)
        guest_entered(cpu);
}

void xen_init(void)
{
    struct qemu_plugin_scoreboard *board = qemu_plugin_scoreboard_new(2 * sizeof(uint64_t));

    came_from_guest = (struct score){board, 0};
    is_in_xen = (struct score){board, sizeof(uint64_t)};
}

void xen_translated(struct qemu_plugin_tb *tb)
{
    uint64_t address = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    bool xen = address >= XEN_FIRST && address <= XEN_LAST;

    qemu_plugin_register_vcpu_tb_exec_cond_cb(tb, xen ? entered : left, NO_REGISTERS, EQUAL,
                                              xen ? came_from_guest : is_in_xen, 1,
                                              (void *)(uintptr_t)address);
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, STORE, came_from_guest, !xen);
    qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, STORE, is_in_xen, xen);
}
