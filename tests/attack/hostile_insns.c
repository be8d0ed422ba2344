/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions that belong to a monitor. */
#include "hostile.h"

#define ROUNDS 50u
#define SVM    1u
#define VTX    2u

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
        unsigned exits; /* on which of the processors that Mullion knows it leaves the guest */
        int expected;   /* exception; -1: none; -2: whatever */
    } list[] = {
        {"vmrun", do_vmrun, SVM, VECTOR_UD},
        {"vmload", do_vmload, SVM, VECTOR_UD},
        {"vmsave", do_vmsave, SVM, VECTOR_UD},
        {"stgi", do_stgi, SVM, VECTOR_UD},
        {"clgi", do_clgi, SVM, VECTOR_UD},
        {"skinit", do_skinit, SVM, VECTOR_UD},
        {"invlpga", do_invlpga, SVM, VECTOR_UD},
        {"vmmcall", do_vmmcall, SVM, VECTOR_UD},
        {"invd", do_invd, SVM | VTX, -1},
        {"rsm", do_rsm, 0, VECTOR_UD},
        {"vmcall", do_vmcall, VTX, VECTOR_UD},
        {"vmxon", do_vmxon, VTX, -2},
        {"getsec", do_getsec, 0, VECTOR_UD},
        {"xsetbv", do_xsetbv, 0, -2},
        {"wbinvd", do_wbinvd, 0, -1},
    };
    const unsigned here = is_vtx() ? VTX : SVM;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
            int vector = attempt(list[i].run, NULL);
            if ((list[i].exits & here) != 0)
                tally(INSNS, vector == VECTOR_UD);
            if (list[i].expected != -2 && vector != list[i].expected)
                bad(list[i].name, round, (uint64_t)(int64_t)vector);
        }
    }
}
