/* SPDX-License-Identifier: Apache-2.0 */
/* KVM: CPUID leaves, the call that sends IPIs, and what does not change while a guest runs (Linux,
 * Documentation/virt/kvm/x86/cpuid.rst, hypercalls.rst). */
#include "kvm.h"
#include "ground.h"

#define PV_SEND_IPI (1u << 11) /* of KVM's features */

#define COM1         0x3f8u
#define COM1_SCRATCH (COM1 + 7)
#define SCRATCH      0x5au

#define HAS_ARCH (1u << 29) /* leaf 7 EDX */

#define MSR_UCODE_REVISION 0x8bu
#define MSR_ARCH           0x10au

#define CALL_SEND_IPI 10u
#define IDS_A_CALL    128u
#define VECTOR_FIRST  16u /* below: exceptions, and the NMI */
#define LINE          256u

/* KVM's first leaf, 0 if nobody has its signature. */
static uint32_t kvm_leaf(void)
{
    return ground_leaf(0x4b4d564b, 0x564b4d56, 0x4d); /* "KVMKVMKVM" */
}

static bool detect(void)
{
    /* "MullionMulli": it shows KVM's leaves, too. */
    return cpuid(LEAF_FIRST).ebx != 0x6c6c754d && kvm_leaf() != 0;
}

/* A 16550 has a register that keeps what is written to it. */
static bool has_com1(void)
{
    uint8_t seen;
    __asm__ volatile("outb %0, %1" : : "a"((uint8_t)SCRATCH), "Nd"((uint16_t)COM1_SCRATCH));
    __asm__ volatile("inb %1, %0" : "=a"(seen) : "Nd"((uint16_t)COM1_SCRATCH));
    return seen == SCRATCH;
}

static void add_msrs(struct wedge_data *data)
{
    ground_msr(data, MSR_UCODE_REVISION);
    ground_msrs(data);
    if (cpuid(0).eax >= 7 && cpuid(7).edx & HAS_ARCH)
        ground_msr(data, MSR_ARCH);
}

static struct wedge_data *started; /* at load time only: for print */

static const char *start(struct wedge_load *load)
{
    struct wedge_data *data = load->data;
    data->classes = WEDGE_DELAY | WEDGE_ABSENT | WEDGE_CPUID | WEDGE_RDMSR;
    load->kinds = GROUND_KINDS;
    if (has_com1()) {
        data->console.port = COM1;
        data->classes |= WEDGE_CONSOLE;
        data->hypercall = kvm_console_find(load);
        started = data;
    }
    if (!is_intel())
        data->hypercall |= KVM_VMMCALL;
    if (cpuid(kvm_leaf() + 1).eax & PV_SEND_IPI)
        data->classes |= WEDGE_IPI;
    wedge_probe_absent(data);
    ground_void(data, kvm_leaf() + LEAF_STEP);
    add_msrs(data);
    return NULL;
}

/* As the guest's own lines: one call each, with CR. Before the start byte by byte. */
static void print(const char *text, size_t length)
{
    static char line[LINE];
    unsigned used = 0;
    if (started == NULL) {
        wedge_print_com1(text, length);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n')
            line[used++] = '\r';
        line[used++] = text[i];
        if (text[i] == '\n' || used + 2 > LINE || i + 1 == length) {
            kvm_console(started, line, used);
            used = 0;
        }
    }
}

const struct wedge_mapping mapping_kvm = {"kvm", GROUND_KVM, detect, start, print};

/* RBX, RCX: which of the 128 APIC IDs from LOWEST on; RSI: as the ICR's low half. */
RESIDENT static int64_t call_send_ipi(bool vmmcall, const uint64_t ids[2], uint32_t lowest,
                                      uint8_t vector)
{
    int64_t result = CALL_SEND_IPI;
    __asm__ volatile("testb %b2, %b2; jz 1f; vmmcall; jmp 2f; 1: vmcall; 2:"
                     : "+a"(result)
                     : "b"(ids[0]), "r"(vmmcall), "c"(ids[1]), "d"((uint64_t)lowest),
                       "S"((uint64_t)vector)
                     : "memory", "cc");
    return result;
}

bool RESIDENT kvm_ipi(struct wedge_data *data, uint8_t vector, const uint32_t *ids, unsigned count)
{
    uint64_t from = 0; /* all IDs below are done */
    if (vector < VECTOR_FIRST)
        return false;
    for (;;) {
        uint64_t lowest = UINT64_MAX, set[2] = {0, 0};
        for (unsigned i = 0; i < count; i++)
            if (ids[i] >= from && ids[i] < lowest)
                lowest = ids[i];
        if (lowest == UINT64_MAX)
            return true;
        for (unsigned i = 0; i < count; i++)
            if (ids[i] >= lowest && ids[i] - lowest < IDS_A_CALL)
                set[(ids[i] - lowest) / 64] |= 1ull << (ids[i] - lowest) % 64;
        if (call_send_ipi(data->hypercall & KVM_VMMCALL, set, (uint32_t)lowest, vector) < 0)
            return false;
        from = lowest + IDS_A_CALL;
    }
}
