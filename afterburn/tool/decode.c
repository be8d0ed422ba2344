/* SPDX-License-Identifier: Apache-2.0 */
/* Which instruction is this, and is it sensitive? By libcapstone, and a few that it lacks by their
 * bytes. */
#include "decode.h"

#include <capstone/capstone.h>
#include <string.h>

#include "fail.h"

static const struct {
    unsigned id;
    uint8_t kind;
} sensitive[] = {
    {X86_INS_CLI, AFTERBURN_CLI},
    {X86_INS_STI, AFTERBURN_STI},
    {X86_INS_PUSHF, AFTERBURN_PUSHF},
    {X86_INS_PUSHFD, AFTERBURN_PUSHF},
    {X86_INS_PUSHFQ, AFTERBURN_PUSHF},
    {X86_INS_POPF, AFTERBURN_POPF},
    {X86_INS_POPFD, AFTERBURN_POPF},
    {X86_INS_POPFQ, AFTERBURN_POPF},
    {X86_INS_IRET, AFTERBURN_IRET},
    {X86_INS_IRETD, AFTERBURN_IRET},
    {X86_INS_IRETQ, AFTERBURN_IRET},
    {X86_INS_HLT, AFTERBURN_HLT},
    {X86_INS_IN, AFTERBURN_IN},
    {X86_INS_OUT, AFTERBURN_OUT},
    {X86_INS_INSB, AFTERBURN_INS},
    {X86_INS_INSW, AFTERBURN_INS},
    {X86_INS_INSD, AFTERBURN_INS},
    {X86_INS_OUTSB, AFTERBURN_OUTS},
    {X86_INS_OUTSW, AFTERBURN_OUTS},
    {X86_INS_OUTSD, AFTERBURN_OUTS},
    {X86_INS_CPUID, AFTERBURN_CPUID},
    {X86_INS_RDMSR, AFTERBURN_RDMSR},
    {X86_INS_WRMSR, AFTERBURN_WRMSR},
    {X86_INS_RDTSC, AFTERBURN_RDTSC},
    {X86_INS_RDTSCP, AFTERBURN_RDTSCP},
    {X86_INS_RDPMC, AFTERBURN_RDPMC},
    {X86_INS_LGDT, AFTERBURN_TABLE_LOAD},
    {X86_INS_LIDT, AFTERBURN_TABLE_LOAD},
    {X86_INS_LLDT, AFTERBURN_TABLE_LOAD},
    {X86_INS_LTR, AFTERBURN_TABLE_LOAD},
    {X86_INS_SGDT, AFTERBURN_TABLE_STORE},
    {X86_INS_SIDT, AFTERBURN_TABLE_STORE},
    {X86_INS_SLDT, AFTERBURN_TABLE_STORE},
    {X86_INS_STR, AFTERBURN_TABLE_STORE},
    {X86_INS_LMSW, AFTERBURN_MSW},
    {X86_INS_SMSW, AFTERBURN_MSW},
    {X86_INS_CLTS, AFTERBURN_MSW},
    {X86_INS_LAR, AFTERBURN_SEGMENT},
    {X86_INS_LSL, AFTERBURN_SEGMENT},
    {X86_INS_VERR, AFTERBURN_SEGMENT},
    {X86_INS_VERW, AFTERBURN_SEGMENT},
    {X86_INS_LDS, AFTERBURN_SEGMENT},
    {X86_INS_LES, AFTERBURN_SEGMENT},
    {X86_INS_LFS, AFTERBURN_SEGMENT},
    {X86_INS_LGS, AFTERBURN_SEGMENT},
    {X86_INS_LSS, AFTERBURN_SEGMENT},
    {X86_INS_LJMP, AFTERBURN_FAR},
    {X86_INS_LCALL, AFTERBURN_FAR},
    {X86_INS_RETF, AFTERBURN_FAR},
    {X86_INS_RETFQ, AFTERBURN_FAR},
    {X86_INS_INT, AFTERBURN_INT},
    {X86_INS_INVLPG, AFTERBURN_INVLPG},
    {X86_INS_INVPCID, AFTERBURN_INVPCID},
    {X86_INS_INVD, AFTERBURN_CACHE},
    {X86_INS_WBINVD, AFTERBURN_CACHE},
    {X86_INS_SWAPGS, AFTERBURN_SWAPGS},
    {X86_INS_SYSRET, AFTERBURN_SYSRET},
    {X86_INS_SYSEXIT, AFTERBURN_SYSRET},
    {X86_INS_RSM, AFTERBURN_SYSRET},
    {X86_INS_XSETBV, AFTERBURN_XSETBV},
    {X86_INS_VMCALL, AFTERBURN_VIRT},
    {X86_INS_VMLAUNCH, AFTERBURN_VIRT},
    {X86_INS_VMRESUME, AFTERBURN_VIRT},
    {X86_INS_VMXOFF, AFTERBURN_VIRT},
    {X86_INS_VMXON, AFTERBURN_VIRT},
    {X86_INS_VMPTRLD, AFTERBURN_VIRT},
    {X86_INS_VMPTRST, AFTERBURN_VIRT},
    {X86_INS_VMCLEAR, AFTERBURN_VIRT},
    {X86_INS_VMFUNC, AFTERBURN_VIRT},
    {X86_INS_VMREAD, AFTERBURN_VIRT},
    {X86_INS_VMWRITE, AFTERBURN_VIRT},
    {X86_INS_INVEPT, AFTERBURN_VIRT},
    {X86_INS_INVVPID, AFTERBURN_VIRT},
    {X86_INS_VMMCALL, AFTERBURN_VIRT},
    {X86_INS_VMRUN, AFTERBURN_VIRT},
    {X86_INS_VMLOAD, AFTERBURN_VIRT},
    {X86_INS_VMSAVE, AFTERBURN_VIRT},
    {X86_INS_STGI, AFTERBURN_VIRT},
    {X86_INS_CLGI, AFTERBURN_VIRT},
    {X86_INS_SKINIT, AFTERBURN_VIRT},
    {X86_INS_INVLPGA, AFTERBURN_VIRT},
    {X86_INS_PAUSE, AFTERBURN_PAUSE},
    {X86_INS_MONITOR, AFTERBURN_MONITOR},
    {X86_INS_MWAIT, AFTERBURN_MWAIT},
};

/* What older releases of libcapstone do not know. */
static const struct {
    uint8_t bytes[4];
    uint8_t length, kind;
} unlisted[] = {
    {{0xf3, 0x0f, 0x1e, 0xfa}, 4, AFTERBURN_NONE}, /* endbr64 */
    {{0xf3, 0x0f, 0x1e, 0xfb}, 4, AFTERBURN_NONE}, /* endbr32 */
    {{0xf3, 0x0f, 0x09}, 3, AFTERBURN_CACHE},      /* wbnoinvd */
    {{0x0f, 0x01, 0xfa}, 3, AFTERBURN_MONITOR},    /* monitorx */
    {{0x0f, 0x01, 0xfb}, 3, AFTERBURN_MWAIT},      /* mwaitx */
    {{0x0f, 0x01, 0xee}, 3, AFTERBURN_NONE},       /* rdpkru */
    {{0x0f, 0x01, 0xef}, 3, AFTERBURN_NONE},       /* wrpkru */
    {{0x0f, 0x01, 0xca}, 3, AFTERBURN_NONE},       /* clac */
    {{0x0f, 0x01, 0xcb}, 3, AFTERBURN_NONE},       /* stac */
    {{0x0f, 0x01, 0xcf}, 3, AFTERBURN_NONE},       /* encls */
};

static csh handles[MODES];
static cs_insn *buffers[MODES];

static csh handle_of(enum mode mode)
{
    static const cs_mode modes[MODES] = {CS_MODE_64, CS_MODE_32, CS_MODE_16};
    if (handles[mode] == 0) {
        if (cs_open(CS_ARCH_X86, modes[mode], &handles[mode]) != CS_ERR_OK)
            fail("libcapstone does not start; install libcapstone4 or newer");
        cs_option(handles[mode], CS_OPT_DETAIL, CS_OPT_ON);
        buffers[mode] = cs_malloc(handles[mode]);
    }
    return handles[mode];
}

void decode_end(void)
{
    for (int mode = 0; mode < MODES; mode++) {
        if (handles[mode] == 0)
            continue;
        cs_free(buffers[mode], 1);
        cs_close(&handles[mode]);
        handles[mode] = 0;
    }
}

static bool is_between(unsigned value, unsigned first, unsigned last)
{
    return value >= first && value <= last;
}

static bool is_segment(unsigned reg)
{
    return reg == X86_REG_CS || reg == X86_REG_DS || reg == X86_REG_ES || reg == X86_REG_FS ||
           reg == X86_REG_GS || reg == X86_REG_SS;
}

/* MOV, PUSH and POP are sensitive by their operands. */
static uint8_t kind_by_operands(const cs_x86 *x86)
{
    for (unsigned i = 0; i < x86->op_count; i++) {
        if (x86->operands[i].type != X86_OP_REG)
            continue;
        unsigned reg = x86->operands[i].reg;
        if (is_between(reg, X86_REG_CR0, X86_REG_CR15))
            return i == 0 ? AFTERBURN_CR_WRITE : AFTERBURN_CR_READ;
        if (is_between(reg, X86_REG_DR0, X86_REG_DR15))
            return i == 0 ? AFTERBURN_DR_WRITE : AFTERBURN_DR_READ;
        if (is_segment(reg))
            return AFTERBURN_SEGMENT;
    }
    return AFTERBURN_NONE;
}

static uint8_t kind_of(const cs_insn *insn)
{
    if (insn->id == X86_INS_MOV || insn->id == X86_INS_PUSH || insn->id == X86_INS_POP)
        return kind_by_operands(&insn->detail->x86);
    for (size_t i = 0; i < sizeof(sensitive) / sizeof(sensitive[0]); i++)
        if (sensitive[i].id == insn->id)
            return sensitive[i].kind;
    return AFTERBURN_NONE;
}

static bool in_group(const cs_insn *insn, uint8_t group)
{
    return memchr(insn->detail->groups, group, insn->detail->groups_count) != NULL;
}

static struct instruction describe(const cs_insn *insn)
{
    const cs_x86 *x86 = &insn->detail->x86;
    struct instruction found = {.address = insn->address, .length = insn->size, .known = true};
    found.kind = kind_of(insn);
    found.nop = insn->id == X86_INS_NOP;
    found.far_jump =
        insn->id == X86_INS_LJMP && x86->op_count > 0 && x86->operands[0].type == X86_OP_IMM;
    found.leaves = in_group(insn, CS_GRP_JUMP) || in_group(insn, CS_GRP_CALL) ||
                   in_group(insn, CS_GRP_RET) || in_group(insn, CS_GRP_INT) ||
                   in_group(insn, CS_GRP_IRET) || insn->id == X86_INS_INT3 ||
                   insn->id == X86_INS_UD2 || insn->id == X86_INS_HLT ||
                   is_between(insn->id, X86_INS_LOOP, X86_INS_LOOPNE);
    for (unsigned i = 0; i < x86->op_count; i++) {
        const cs_x86_op *operand = &x86->operands[i];
        found.rip |= operand->type == X86_OP_MEM && operand->mem.base == X86_REG_RIP;
        found.below |= operand->type == X86_OP_MEM && operand->mem.disp < 0 &&
                       (operand->mem.base == X86_REG_RSP || operand->mem.base == X86_REG_ESP);
        if (found.leaves && operand->type == X86_OP_IMM && found.kind == AFTERBURN_NONE) {
            found.branch = true;
            found.target = (uint64_t)operand->imm;
        }
    }
    return found;
}

struct instruction decode(enum mode mode, const uint8_t *bytes, size_t size, uint64_t address)
{
    csh handle = handle_of(mode);
    for (size_t i = 0; i < sizeof(unlisted) / sizeof(unlisted[0]); i++)
        if (size >= unlisted[i].length && memcmp(bytes, unlisted[i].bytes, unlisted[i].length) == 0)
            return (struct instruction){.address = address,
                                        .length = unlisted[i].length,
                                        .kind = unlisted[i].kind,
                                        .known = true};
    const uint8_t *code = bytes;
    uint64_t at = address;
    if (cs_disasm_iter(handle, &code, &size, &at, buffers[mode]))
        return describe(buffers[mode]);
    return (struct instruction){.address = address, .length = 1};
}
