/* SPDX-License-Identifier: Apache-2.0 */
/* The processor that the wedge's unit tests have no right to: what faults is done here. */
#include <signal.h>
#include <ucontext.h>

#include "wedge_machine.h"

void machine_faults_install(void);

static const int numbers[REGISTERS] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
                                       REG_RSI, REG_RDI, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                       REG_R12, REG_R13, REG_R14, REG_R15};

static uint8_t uart_read(uint32_t offset)
{
    struct machine_uart *uart = &seen.uart;
    bool divisor = (uart->lcr & 0x80) != 0;
    uint8_t modem;
    switch (offset) {
    case 0:
        return divisor ? uart->dll : 0;
    case 1:
        return divisor ? uart->dlm : uart->ier;
    case 2:
        if ((uart->ier & uart->ready & 1) != 0)
            return (uart->fcr & 1) != 0 ? 0xc4 : 4;
        if ((uart->ier & 2) == 0 || uart->empty == 0)
            return (uart->fcr & 1) != 0 ? 0xc1 : 1;
        uart->empty = 0;
        return (uart->fcr & 1) != 0 ? 0xc2 : 2;
    case 3:
        return uart->lcr;
    case 4:
        return uart->mcr;
    case 5:
        return 0x60 | uart->ready;
    case 6:
        modem = uart->msr;
        uart->msr &= 0xf0;
        return modem;
    default:
        return uart->scratch;
    }
}

static void uart_write(uint32_t offset, uint8_t value)
{
    struct machine_uart *uart = &seen.uart;
    bool divisor = (uart->lcr & 0x80) != 0;
    if (!divisor && (offset == 0 || (offset == 1 && (value & ~uart->ier & 2) != 0)))
        uart->empty = 1;
    if (offset == 0 && divisor)
        uart->dll = value;
    else if (offset == 0 && (uart->mcr & 0x10) == 0)
        seen.text[seen.length++ % sizeof(seen.text)] = (char)value;
    else if (offset == 1 && divisor)
        uart->dlm = value;
    else if (offset == 1)
        uart->ier = value & 0x0f;
    else if (offset == 2)
        uart->fcr = value;
    else if (offset == 3)
        uart->lcr = value;
    else if (offset == 4)
        uart->mcr = value & 0x1f;
    else if (offset == 7)
        uart->scratch = value;
}

/* Ports from 300h to 30Fh are nobody's; all others have a value of their own. */
static uint32_t port_read_any(uint32_t port, unsigned width)
{
    uint32_t value = port * 0x01030507u;
    if (port >= MACHINE_COM1 && port < MACHINE_COM1 + 8 && width == 1)
        return uart_read(port - MACHINE_COM1);
    return port >= 0x300 && port + width <= 0x310 ? UINT32_MAX : value;
}

static void port_write_any(uint32_t port, unsigned width, uint32_t value)
{
    if (width < 4)
        value &= (1u << (8 * width)) - 1;
    if (port >= MACHINE_COM1 && port < MACHINE_COM1 + 8 && width == 1)
        uart_write(port - MACHINE_COM1, (uint8_t)value);
    else if (port == 0x80 && width == 1)
        seen.delays++;
    else if (port < 0x300 || port + width > 0x310)
        seen.writes = seen.writes * 31 + port + width * 0x100000ull + value * 0x1000000ull;
}

/* IN and OUT at INSN; its length. */
static unsigned do_port(const uint8_t *insn, greg_t *r)
{
    unsigned at = insn[0] == 0x66;
    uint8_t opcode = insn[at++];
    unsigned width = (opcode & 1) == 0 ? 1 : insn[0] == 0x66 ? 2 : 4;
    uint32_t port = (opcode & 8) != 0 ? (uint16_t)r[REG_RDX] : insn[at++];
    if ((opcode & 2) != 0) {
        port_write_any(port, width, (uint32_t)r[REG_RAX]);
        return at;
    }
    uint64_t value = port_read_any(port, width), rax = (uint64_t)r[REG_RAX];
    uint64_t kept = width == 4 ? 0 : ~0ull << (8 * width);
    r[REG_RAX] = (greg_t)((rax & kept) | (value & ~kept & UINT32_MAX));
    return at;
}

/* Two-byte opcodes: RDMSR, WRMSR, moves from and to control registers; 0: none of them. */
static unsigned do_escape(const uint8_t *insn, greg_t *r)
{
    unsigned at = 0, high = 0;
    if ((insn[0] & 0xf0) == 0x40)
        high = (insn[at++] & 1) * 8u;
    if (insn[at] != 0x0f)
        return 0;
    uint8_t opcode = insn[at + 1];
    if (opcode == 0x32) {
        uint64_t value = (uint32_t)r[REG_RCX] * 0x123456789abcdefull;
        r[REG_RAX] = (greg_t)(uint32_t)value;
        r[REG_RDX] = (greg_t)(value >> 32);
        return at + 2;
    }
    if (opcode == 0x20)
        r[numbers[(insn[at + 2] & 7u) + high]] = 0;
    else if (opcode != 0x22)
        return opcode == 0x30 ? at + 2 : 0;
    seen.fences++;
    return at + 3;
}

static unsigned do_one(const uint8_t *insn, greg_t *r)
{
    uint8_t opcode = insn[insn[0] == 0x66];
    if ((opcode & 0xf4) == 0xe4)
        return do_port(insn, r);
    if (opcode == 0xfa || opcode == 0xfb)
        seen.interrupts_off += opcode == 0xfa;
    else if (opcode == 0xf4)
        seen.halts++;
    else
        return do_escape(insn, r);
    return 1;
}

static void fault(int number, siginfo_t *info, void *context)
{
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    const uint8_t *insn = (const uint8_t *)r[REG_RIP];
    unsigned length = do_one(insn, r);
    (void)info;
    seen.faults += (insn[0] & 0xfe) != 0xfa; /* CLI and STI leave no guest */
    r[REG_RIP] += length;
    if (length == 0)
        signal(number, SIG_DFL); /* again, and for good */
}

void machine_faults_install(void)
{
    static uint8_t stack[65536];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    assert_int_equal(sigaltstack(&other, NULL), 0);
    assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
}
