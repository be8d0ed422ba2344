/* SPDX-License-Identifier: Apache-2.0 */
/* Guests of AMD SVM: entered by VMRUN, left to the instruction behind it (AMD APM 2, 15.5, 15.6).
 * The control block's address is in RAX; it says why the guest was left (appendix B). */
#include "count.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { MAX_PLACES = 16 };
enum { EXIT_CODE = 0x70, EXIT_INFO_1 = 0x78 };
enum { CODE_PORT = 0x7b, CODE_MSR = 0x7c };

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

static void resumed(unsigned cpu, void *data)
{
    uint64_t block = svm_direct + control_block[cpu], code, detail = 0;

    (void)data;
    if (!processors[cpu].inside)
        return;
    code = memory_read(cpu, block + EXIT_CODE, sizeof(code));
    if (code == CODE_MSR) /* with bit 32: a write */
        detail = (register_rcx(cpu) & 0xffffffff) | memory_read(cpu, block + EXIT_INFO_1, 8) << 32;
    if (code == CODE_PORT)
        detail = memory_read(cpu, block + EXIT_INFO_1, 8) >> 16 & 0xffff;
    guest_left(cpu, code, detail);
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
