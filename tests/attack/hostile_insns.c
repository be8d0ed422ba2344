/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that belong to a monitor. */
#include "hostile.h"

#define ROUNDS 50u

/* Each with random registers; rax is a page's address, else some fault before they are looked at.
 */
#define INSTRUCTION(name, text)                                                                    \
    static void name(void *argument)                                                               \
    {                                                                                              \
        (void)argument;                                                                            \
        uint64_t a = random() & 0xfffffff000ull, b = random(), c = random(), d = random();         \
        __asm__ volatile(text : "+a"(a), "+b"(b), "+c"(c), "+d"(d) : : "memory");                  \
    }

INSTRUCTION(do_vmrun, "vmrun %%rax")
INSTRUCTION(do_vmload, "vmload %%rax")
INSTRUCTION(do_vmsave, "vmsave %%rax")
INSTRUCTION(do_stgi, "stgi")
INSTRUCTION(do_clgi, "clgi")
INSTRUCTION(do_skinit, "skinit")
INSTRUCTION(do_invlpga, "invlpga %%rax, %%ecx")
INSTRUCTION(do_vmmcall, "vmmcall")
INSTRUCTION(do_invd, "invd")
INSTRUCTION(do_rsm, "rsm")
INSTRUCTION(do_xsetbv, "xsetbv")
INSTRUCTION(do_vmcall, ".byte 0x0f, 0x01, 0xc1")
INSTRUCTION(do_vmxon, ".byte 0xf3, 0x0f, 0xc7, 0x30")
INSTRUCTION(do_getsec, ".byte 0x0f, 0x37")
INSTRUCTION(do_wbinvd, "wbinvd")

void attack_insns(void)
{
    static const struct {
        const char *name;
        void (*run)(void *argument);
        bool exits;   /* leaves the guest on each of the processors that Mullion knows */
        int expected; /* exception; -1: none; -2: whatever */
    } list[] = {
        {"vmrun", do_vmrun, true, VECTOR_UD},
        {"vmload", do_vmload, true, VECTOR_UD},
        {"vmsave", do_vmsave, true, VECTOR_UD},
        {"stgi", do_stgi, true, VECTOR_UD},
        {"clgi", do_clgi, true, VECTOR_UD},
        {"skinit", do_skinit, true, VECTOR_UD},
        {"invlpga", do_invlpga, true, VECTOR_UD},
        {"vmmcall", do_vmmcall, true, VECTOR_UD},
        {"invd", do_invd, true, -1},
        {"rsm", do_rsm, false, VECTOR_UD},
        {"vmcall", do_vmcall, false, VECTOR_UD},
        {"vmxon", do_vmxon, false, -2},
        {"getsec", do_getsec, false, VECTOR_UD},
        {"xsetbv", do_xsetbv, false, -2},
        {"wbinvd", do_wbinvd, false, -1},
    };
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
            int vector = attempt(list[i].run, NULL);
            if (list[i].exits)
                tally(INSNS, vector == VECTOR_UD);
            if (list[i].expected != -2 && vector != list[i].expected)
                bad(list[i].name, round, (uint64_t)(int64_t)vector);
        }
    }
}
