/* SPDX-License-Identifier: Apache-2.0 */
/* Mullion's mapping: its hypercalls for the console and for IPIs, and what it answers the same way
 * as long as the guest runs. */
#include "ground.h"

#ifndef WEDGE_INTERFACE /* of the monitor, as this wedge knows it; an older one for tests */
#define WEDGE_INTERFACE HYPERCALL_VERSION
#endif

#define LEAF_INTERFACE (LEAF_FIRST + 1)
#define LEAF_NO_MORE   (LEAF_FIRST + 2 * LEAF_STEP) /* behind KVM's, which Mullion shows, too */
#define IDS_AT_ONCE    64u

#define VECTOR_GP      13u
#define CODE_SELECTOR  8u /* of start.S */
#define INTERRUPT_GATE 0x8e00u

/* Bit 0 of data->hypercall, whose rest is the data's own physical address: the instruction. */
#define BY_VMCALL 1u

struct answer {
    uint64_t rax, rdx;
};

static bool started;

RESIDENT static struct answer call(bool by_vmcall, uint32_t number, uint64_t a, uint64_t b,
                                   uint64_t c)
{
    struct answer answer = {number, c};
    if (by_vmcall)
        __asm__ volatile("vmcall" : "+a"(answer.rax), "+d"(answer.rdx) : "D"(a), "S"(b) : "memory");
    else
        __asm__ volatile("vmmcall"
                         : "+a"(answer.rax), "+d"(answer.rdx)
                         : "D"(a), "S"(b)
                         : "memory");
    return answer;
}

static bool detect(void)
{
    struct registers r = cpuid(LEAF_FIRST);
    return r.ebx == 0x6c6c754d && r.ecx == 0x4d6e6f69 && r.edx == 0x696c6c75; /* MullionMulli */
}

/* What a VM reads as all ones and writes in vain, but for port 80h, which is a class of its own. */
static void fill_absent(struct wedge_data *data)
{
    static const struct wedge_ports absent[] = {
        {0x20, 0x21},   {0xa0, 0xa1},   {0x4d0, 0x4d1}, /* PIC */
        {0x40, 0x43},   {0x61, 0x61},   {0x70, 0x71},   /* PIT, speaker, RTC */
        {0x60, 0x60},   {0x64, 0x64},   {0x92, 0x92},   {0x87, 0x87},
        {0xc0, 0xdf},                                                   /* keyboard, A20, DMA */
        {0x2f8, 0x2ff}, {0x3e8, 0x3ef}, {0x2e8, 0x2ef}, {0x3b0, 0x3df}, /* UARTs, VGA */
    };
    _Static_assert(sizeof(absent) <= sizeof(data->absent), "room for them");
    for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        data->absent[i] = absent[i];
    data->absent_count = sizeof(absent) / sizeof(absent[0]);
}

/* A fault of RDMSR leads behind it and leaves no index. */
__asm__(".text\n"
        "msr_fault:\n"
        "    addq $8, %rsp\n" /* the error code */
        "    addq $2, (%rsp)\n"
        "    xorl %ecx, %ecx\n"
        "    iretq\n");
extern const uint8_t msr_fault[];

static bool read_msr(uint32_t index, uint64_t *value)
{
    static struct {
        uint16_t low, selector, type, middle;
        uint32_t high, zero;
    } idt[VECTOR_GP + 1];
    const struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = {sizeof(idt) - 1, (uintptr_t)idt};
    uint64_t handler = (uintptr_t)msr_fault;
    uint32_t low, high;
    idt[VECTOR_GP].low = (uint16_t)handler;
    idt[VECTOR_GP].selector = CODE_SELECTOR;
    idt[VECTOR_GP].type = INTERRUPT_GATE;
    idt[VECTOR_GP].middle = (uint16_t)(handler >> 16);
    __asm__ volatile("lidt %3; rdmsr"
                     : "+c"(index), "=a"(low), "=d"(high)
                     : "m"(pointer)
                     : "memory");
    *value = (uint64_t)high << 32 | low;
    return index != 0;
}

/* The same on all cores for good: the monitor shows them, and takes no writes. */
static void fill_msrs(struct wedge_data *data, bool intel)
{
    static const uint32_t constant[][4] = {
        {0xc001001f, 0xc0011020, 0xc0011028, 0xc0011029}, /* AMD: what Linux reads on each core */
        {0x000001a0, 0x0000010a},                         /* Intel: MISC_ENABLE, capabilities */
    };
    for (unsigned i = 0; i < 4 && constant[intel][i] != 0; i++) {
        uint64_t value;
        if (read_msr(constant[intel][i], &value))
            data->msrs[data->msr_count++] =
                (struct wedge_msr){.index = constant[intel][i], .valid = 1, .value = value};
    }
}

/* The console's port is 0 in a service VM: its UART is the machine's, and its ports are real. */
static const char *start(struct wedge_load *load)
{
    struct wedge_data *data = load->data;
    bool by_vmcall = is_intel();
    if (cpuid(LEAF_FIRST).eax < LEAF_INTERFACE || cpuid(LEAF_INTERFACE).eax == 0)
        return "this Mullion has no hypercalls for a wedge; start the guest without one";
    struct answer answer =
        call(by_vmcall, HYPERCALL_WEDGE_START, WEDGE_INTERFACE, (uintptr_t)data, 0);
    if (answer.rax == 0)
        return "Mullion refuses the guest's data area; it must lie in memory that the VM keeps";
    started = true;
    data->version = (uint32_t)answer.rax;
    data->hypercall = (uintptr_t)data | (by_vmcall ? BY_VMCALL : 0);
    data->console.port = (uint16_t)answer.rdx;
    data->classes = WEDGE_CONSOLE | WEDGE_DELAY | WEDGE_ABSENT | WEDGE_CPUID | WEDGE_RDMSR |
                    (data->version >= HYPERCALL_VERSION_IPI ? WEDGE_IPI : 0u);
    data->cpuid_void = LEAF_NO_MORE;
    fill_absent(data);
    fill_msrs(data, by_vmcall);
    load->kinds = GROUND_KINDS;
    return NULL;
}

/* A guest that runs at its physical addresses may move itself, as memtest86+ does, with all that it
 * was loaded with: the monitor is told where its words are now. */
RESIDENT void mullion_follow(struct wedge_data *data)
{
    uint64_t by_vmcall = data->hypercall & BY_VMCALL;
    if (data->link_offset != 0 || data->hypercall == ((uintptr_t)data | by_vmcall))
        return;
    data->hypercall = (uintptr_t)data | by_vmcall;
    data->cpuid_count = 0; /* a start forgets that CPUID may have changed since they were kept */
    if (call(by_vmcall != 0, HYPERCALL_WEDGE_START, data->version, (uintptr_t)data, 0).rax == 0)
        data->classes = 0;
}

/* The monitor takes a line at most in one call. Returns what it has taken of all. */
RESIDENT static unsigned write(bool by_vmcall, uint64_t at, unsigned length)
{
    unsigned done = 0;
    while (done < length) {
        uint64_t taken =
            call(by_vmcall, HYPERCALL_CONSOLE_WRITE, at + done,
                 length - done < HYPERCALL_CONSOLE_MOST ? length - done : HYPERCALL_CONSOLE_MOST, 0)
                .rax;
        if (taken == 0)
            break;
        done += (unsigned)taken;
    }
    return done;
}

RESIDENT bool mullion_console(struct wedge_data *data, const char *text, unsigned length)
{
    bool by_vmcall = (data->hypercall & BY_VMCALL) != 0;
    uint64_t here = data->hypercall & ~(uint64_t)BY_VMCALL;
    uint64_t offset = (uint64_t)(text - (const char *)data);
    /* Without classes the monitor has refused a new start: a call would be #UD. */
    return data->classes != 0 && write(by_vmcall, here + offset, length) == length;
}

/* Cores with neighbouring ids share a call. */
RESIDENT bool mullion_ipi(struct wedge_data *data, uint8_t vector, const uint32_t *ids,
                          unsigned count)
{
    bool by_vmcall = (data->hypercall & BY_VMCALL) != 0;
    for (unsigned i = 0; i < count;) {
        uint32_t first = ids[i] & ~(IDS_AT_ONCE - 1);
        uint64_t mask = 0;
        for (; i < count && (ids[i] & ~(IDS_AT_ONCE - 1)) == first; i++)
            mask |= 1ull << (ids[i] % IDS_AT_ONCE);
        call(by_vmcall, HYPERCALL_SEND_IPI, vector, first, mask);
    }
    return true;
}

/* A whole line, as wedge_print gives it. */
static void print(const char *text, size_t length)
{
    static const char end[] = "\r\n";
    unsigned line = (unsigned)length - 1;
    if (!started || write(is_intel(), (uintptr_t)text, line) != line)
        wedge_print_com1(text, length);
    else
        write(is_intel(), (uintptr_t)end, sizeof(end) - 1);
}

const struct wedge_mapping mapping_mullion = {"mullion", GROUND_MULLION, detect, start, print};
