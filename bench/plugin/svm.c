/* SPDX-License-Identifier: Apache-2.0 */
/* Guests of AMD SVM: entered by VMRUN, left to the instruction behind it (AMD APM 2, 15.5, 15.6).
 * The control block's address is in RAX; it says why the guest was left (appendix B). */
#include "count.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { MAX_PLACES = 16 };
enum { EXIT_CODE = 0x70, EXIT_INFO_1 = 0x78, SAVED_CPL = 0x4cb, SAVED_RAX = 0x5f8 };
enum { CODE_CPUID = 0x72, CODE_PORT = 0x7b, CODE_MSR = 0x7c, CODE_CALL = 0x81 };
enum { PORT_IN = 1 << 0, PORT_STRING = 1 << 2 }; /* of EXITINFO1 (15.10.2) */

uint64_t svm_direct;

static uint64_t control_block[MAX_PROCESSORS];
/* Where code goes on behind a VMRUN, as QEMU's own addresses: no guest has code there. */
static const uint8_t *places[MAX_PLACES];
static _Atomic size_t place_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void vmrun(unsigned cpu, void *data)
{
    (void)data;
    if (processors[cpu].inside)
        return; /* a guest's own VMRUN */
    control_block[cpu] = register_rax(cpu);
    guest_entered(cpu);
}

/* What tells exits of one code apart: a port with bit 32 for IN, bit 33 for a string; an MSR with
 * bit 32 for a write; of CPUID the leaf, with bit 32 for a program's; a hypercall's number. */
static uint64_t detail(unsigned cpu, uint64_t code, uint64_t block)
{
    uint64_t information = memory_read(cpu, block + EXIT_INFO_1, 8);

    switch (code) {
    case CODE_CALL:
        return memory_read(cpu, block + SAVED_RAX, 4);
    case CODE_CPUID:
        return memory_read(cpu, block + SAVED_RAX, 4) |
               (memory_read(cpu, block + SAVED_CPL, 1) == 3 ? 1ull << 32 : 0);
    case CODE_PORT:
        return (information >> 16 & 0xffff) | (information & PORT_IN ? 1ull << 32 : 0) |
               (information & PORT_STRING ? 1ull << 33 : 0);
    case CODE_MSR:
        return (register_rcx(cpu) & 0xffffffff) | information << 32;
    default:
        return 0;
    }
}

static void resumed(unsigned cpu, void *data)
{
    uint64_t block = svm_direct + control_block[cpu], code;

    (void)data;
    if (!processors[cpu].inside)
        return;
    code = memory_read(cpu, block + EXIT_CODE, sizeof(code));
    guest_left(cpu, code, detail(cpu, code, block));
}

static bool place_known(const uint8_t *code)
{
    for (size_t i = 0; i < atomic_load(&place_count); i++)
        if (places[i] == code)
            return true;
    return false;
}

static void place_add(const uint8_t *code)
{
    pthread_mutex_lock(&lock);
    if (!place_known(code) && place_count < MAX_PLACES) {
        places[place_count] = code;
        atomic_fetch_add(&place_count, 1);
    }
    pthread_mutex_unlock(&lock);
}

void svm_translated(struct qemu_plugin_tb *tb)
{
    static const uint8_t instruction[] = {0x0f, 0x01, 0xd8};
    uint8_t bytes[sizeof(instruction)];
    size_t count = qemu_plugin_tb_n_insns(tb);
    struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, count - 1);

    if (place_known(qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0))))
        qemu_plugin_register_vcpu_tb_exec_cb(tb, resumed, READ_REGISTERS, NULL);
    /* VMRUN is the last instruction of its block. */
    if (qemu_plugin_insn_size(last) == sizeof(instruction) &&
        qemu_plugin_insn_data(last, bytes, sizeof(bytes)) == sizeof(bytes) &&
        memcmp(bytes, instruction, sizeof(bytes)) == 0) {
        place_add((const uint8_t *)qemu_plugin_insn_haddr(last) + sizeof(instruction));
        qemu_plugin_register_vcpu_insn_exec_cb(last, vmrun, READ_REGISTERS, NULL);
    }
}
