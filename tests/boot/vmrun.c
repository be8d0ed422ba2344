/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin for QEMU's TCG: how often does the machine execute VMRUN? Told at its end. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* What we use of the plugin interface (QEMU: docs/devel/tcg-plugins.rst), declared by ourselves. */
typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { CALLBACK_NO_REGISTERS = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
                                           void (*callback)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_atexit_cb(plugin_id id, void (*callback)(plugin_id, void *), void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
                                            void (*callback)(unsigned, void *), int flags,
                                            void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *data, size_t size);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 4; /* QEMU 9.2 and newer */
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

static _Atomic uint64_t executed;

static void vmrun_executed(unsigned cpu, void *data)
{
    (void)cpu;
    (void)data;
    atomic_fetch_add(&executed, 1);
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    static const uint8_t vmrun[] = {0x0f, 0x01, 0xd8};
    uint8_t bytes[sizeof(vmrun)];

    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        if (qemu_plugin_insn_size(insn) == sizeof(vmrun) &&
            qemu_plugin_insn_data(insn, bytes, sizeof(bytes)) == sizeof(bytes) &&
            memcmp(bytes, vmrun, sizeof(vmrun)) == 0)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, vmrun_executed, CALLBACK_NO_REGISTERS,
                                                   NULL);
    }
}

static void ended(plugin_id id, void *data)
{
    (void)id;
    (void)data;
    fprintf(stderr, "VMRUN executed %llu times\n", (unsigned long long)atomic_load(&executed));
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    (void)argc;
    (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
