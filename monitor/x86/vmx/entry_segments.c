/* SPDX-License-Identifier: Apache-2.0 */
/* VM entry's checks of segment registers and descriptor tables (Intel SDM 3, 27.3.1.2, 27.3.1.3).
 */
#include "x86/msr.h"
#include "x86/vmx/entry_check.h"
#include "x86/vmx/vmcs.h"

#define SELECTOR_RPL    3u
#define SELECTOR_TI     4u
#define RIGHTS_RESERVED 0xfffe0f00u
#define RFLAGS_VM       (1ull << 17)
#define V86_RIGHTS      0xf3u
#define V86_LIMIT       0xffffu

#define TYPE_ACCESSED 1u
#define TYPE_READABLE 2u
#define TYPE_CODE     8u
#define TYPE_LDT      2u
#define TYPE_TSS16    3u
#define TYPE_TSS      11u

enum fault {
    V86,
    UNUSABLE,
    LOCAL,
    RPL,
    BASE,
    TYPE,
    SYSTEM,
    DPL,
    ABSENT,
    RESERVED,
    SIZE,
    GRANULARITY
};

#define WORDS(name)                                                                                \
    {                                                                                              \
        [V86] = name " in virtual-8086 mode: base, limit and rights must be selector * 16, ffff, " \
                     "f3",                                                                         \
        [UNUSABLE] = name " is unusable", [LOCAL] = name "'s selector points to the LDT",          \
        [RPL] = name "'s selector has another RPL than CS's",                                      \
        [BASE] = name "'s base is not canonical, or above 4 GiB where it may not be",              \
        [TYPE] = name "'s type is none that it may have", [SYSTEM] = name "'s S bit is wrong",     \
        [DPL] = name "'s DPL does not fit its type, its RPL or SS's DPL",                          \
        [ABSENT] = name " is usable and not present",                                              \
        [RESERVED] = name "'s rights have reserved bits", [SIZE] = name " has both L and D",       \
        [GRANULARITY] = name "'s limit does not fit its G bit",                                    \
    }

static const char *const words[VMX_SEGMENTS][GRANULARITY + 1] = {
    [VMX_ES] = WORDS("ES"),     [VMX_CS] = WORDS("CS"), [VMX_SS] = WORDS("SS"),
    [VMX_DS] = WORDS("DS"),     [VMX_FS] = WORDS("FS"), [VMX_GS] = WORDS("GS"),
    [VMX_LDTR] = WORDS("LDTR"), [VMX_TR] = WORDS("TR"),
};

static bool segment_usable(const struct vmx_segment_state *segment)
{
    return (segment->rights & RIGHTS_UNUSABLE) == 0;
}

static unsigned segment_dpl(const struct vmx_segment_state *segment)
{
    return segment->rights >> RIGHTS_DPL_SHIFT & 3;
}

static bool guest_is_64bit(const struct vmx_guest_state *state)
{
    return (state->entry_controls & VMX_ENTRY_IA32E) != 0;
}

static bool base_fails(const struct vmx_guest_state *state, enum vmx_segment i)
{
    uint64_t base = state->segments[i].base;
    if (i == VMX_TR || i == VMX_LDTR || i == VMX_FS || i == VMX_GS)
        return !vmx_canonical(base, state->linear_bits);
    return base >> 32 != 0;
}

static bool type_fails(const struct vmx_guest_state *state, enum vmx_segment i, bool unrestricted)
{
    unsigned type = state->segments[i].rights & RIGHTS_TYPE;
    if (i == VMX_TR)
        return type != TYPE_TSS && (type != TYPE_TSS16 || guest_is_64bit(state));
    if (i == VMX_LDTR)
        return type != TYPE_LDT;
    if (i == VMX_SS)
        return type != 3 && type != 7;
    if (i == VMX_CS)
        return (type & (TYPE_CODE | TYPE_ACCESSED)) != (TYPE_CODE | TYPE_ACCESSED) &&
               (type != 3 || !unrestricted);
    return (type & TYPE_ACCESSED) == 0 || ((type & TYPE_CODE) != 0 && (type & TYPE_READABLE) == 0);
}

static bool dpl_fails(const struct vmx_guest_state *state, enum vmx_segment i, bool unrestricted)
{
    const struct vmx_segment_state *segment = &state->segments[i];
    unsigned type = segment->rights & RIGHTS_TYPE;
    unsigned cs_type = state->segments[VMX_CS].rights & RIGHTS_TYPE;
    unsigned ss_dpl = segment_dpl(&state->segments[VMX_SS]);
    unsigned dpl = segment_dpl(segment);
    unsigned rpl = segment->selector & SELECTOR_RPL;
    if (i == VMX_CS)
        return type == 3 ? dpl != 0 : type < 12 ? dpl != ss_dpl : dpl > ss_dpl;
    if (i == VMX_SS)
        return ((cs_type == 3 || (state->cr0 & CR0_PE) == 0) && dpl != 0) ||
               (!unrestricted && dpl != rpl);
    if (i == VMX_TR || i == VMX_LDTR)
        return false;
    return !unrestricted && type < 12 && dpl < rpl;
}

static bool granularity_fails(const struct vmx_segment_state *segment)
{
    bool pages = (segment->rights & RIGHTS_G) != 0;
    return pages ? (segment->limit & 0xfff) != 0xfff : segment->limit >> 20 != 0;
}

static bool v86_fails(const struct vmx_segment_state *segment)
{
    return segment->base != (uint64_t)segment->selector << 4 || segment->limit != V86_LIMIT ||
           segment->rights != V86_RIGHTS;
}

/* The rights of a register that is usable, and is not one of virtual-8086 mode. */
static const char *rights_check(const struct vmx_guest_state *state, enum vmx_segment i,
                                bool unrestricted)
{
    const struct vmx_segment_state *segment = &state->segments[i];
    bool system = i == VMX_TR || i == VMX_LDTR;
    if (type_fails(state, i, unrestricted))
        return words[i][TYPE];
    if (((segment->rights & RIGHTS_S) == 0) != system)
        return words[i][SYSTEM];
    if (dpl_fails(state, i, unrestricted))
        return words[i][DPL];
    if ((segment->rights & RIGHTS_P) == 0)
        return words[i][ABSENT];
    if ((segment->rights & RIGHTS_RESERVED) != 0)
        return words[i][RESERVED];
    if (i == VMX_CS && guest_is_64bit(state) && (segment->rights & RIGHTS_L) != 0 &&
        (segment->rights & RIGHTS_DB) != 0)
        return words[i][SIZE];
    if (granularity_fails(segment))
        return words[i][GRANULARITY];
    return NULL;
}

static const char *segment_check(const struct vmx_guest_state *state, enum vmx_segment i,
                                 bool unrestricted)
{
    const struct vmx_segment_state *segment = &state->segments[i];
    bool system = i == VMX_TR || i == VMX_LDTR;
    bool v86 = (state->rflags & RFLAGS_VM) != 0;
    bool checked = segment_usable(segment) || i == VMX_TR || i == VMX_CS;
    if (i == VMX_SS && !v86 && !unrestricted &&
        ((segment->selector ^ state->segments[VMX_CS].selector) & SELECTOR_RPL) != 0)
        return words[i][RPL];
    if (v86 && !system)
        return v86_fails(segment) ? words[i][V86] : NULL;
    if (system && checked && (segment->selector & SELECTOR_TI) != 0)
        return words[i][LOCAL];
    /* FS and GS are addresses in 64-bit mode even when they are unusable. */
    if ((checked || i == VMX_FS || i == VMX_GS) && base_fails(state, i))
        return words[i][BASE];
    if (!segment_usable(segment) && checked)
        return words[i][UNUSABLE];
    return checked ? rights_check(state, i, unrestricted) : NULL;
}

static bool table_base_fails(const struct vmx_guest_state *state,
                             const struct vmx_table_state *table)
{
    return !vmx_canonical(table->base, state->linear_bits);
}

const char *vmx_segment_check(const struct vmx_guest_state *state, bool unrestricted)
{
    /* CS last of the six: its DPL is measured by SS's. */
    static const enum vmx_segment order[] = {VMX_SS, VMX_ES, VMX_DS,   VMX_FS,
                                             VMX_GS, VMX_CS, VMX_LDTR, VMX_TR};
    const char *fault = NULL;
    for (unsigned i = 0; i < ARRAY_SIZE(order) && fault == NULL; i++)
        fault = segment_check(state, order[i], unrestricted);
    if (fault != NULL)
        return fault;
    if (table_base_fails(state, &state->gdtr))
        return "the GDTR's base is not canonical";
    if (table_base_fails(state, &state->idtr))
        return "the IDTR's base is not canonical";
    if (state->gdtr.limit >> 16 != 0)
        return "the GDTR's limit is above ffff";
    if (state->idtr.limit >> 16 != 0)
        return "the IDTR's limit is above ffff";
    return NULL;
}
