/* SPDX-License-Identifier: Apache-2.0 */
/* VM-entry failures in words: states that enter in three modes, and each of them broken. */
#include "unit.h"

#include "vmx_states.h"

static void expect(const struct vmx_guest_state *s, bool unrestricted, const char *words)
{
    const char *fault = vmx_entry_check(s, &capability, unrestricted);
    if (words == NULL && fault != NULL)
        fail_msg("a good state: %s", fault);
    if (words != NULL && fault == NULL)
        fail_msg("taken, though: %s", words);
    if (words != NULL && strncmp(fault, words, strlen(words)) != 0)
        fail_msg("\"%s\", not \"%s\"", fault, words);
}

/* The state of MODE with some assignments to s must fail with a sentence that starts so. */
#define BROKEN(mode, words, ...)                                                                   \
    do {                                                                                           \
        struct vmx_guest_state s = mode();                                                         \
        __VA_ARGS__;                                                                               \
        expect(&s, true, words);                                                                   \
    } while (0)
#define GOOD(mode, ...) BROKEN(mode, NULL, __VA_ARGS__)

static void test_good(void **state)
{
    (void)state;
    GOOD(real_mode, (void)s);
    GOOD(flat_mode, (void)s);
    GOOD(long_mode, (void)s);
    GOOD(v86_mode, (void)s);
    GOOD(long_mode, s.cr3 |= 1ull << 62);
    GOOD(long_mode, s.cr0 |= 0x60000000); /* CD and NW are the guest's */
    GOOD(long_mode, s.entry_controls &= ~VMX_ENTRY_LOAD_PAT, s.pat = 2);
    GOOD(long_mode, s.entry_controls &= ~VMX_ENTRY_LOAD_EFER, s.efer = 1u << 12);
    GOOD(long_mode, s.rip = 0xffff800000000000);
    GOOD(long_mode, s.rip = 0x800000000000); /* not canonical, but the entry does not mind */
    GOOD(flat_mode, s.segments[VMX_CS].rights = 0xc093); /* data as code: unrestricted */
    GOOD(flat_mode, s.segments[VMX_TR].rights = 0x83);   /* a 16-bit TSS */
    GOOD(flat_mode, s.activity = ACTIVITY_HLT, s.entry_event = NMI);
    GOOD(flat_mode, s.rflags |= 0x200, s.interruptibility = BLOCKING_STI);
    GOOD(flat_mode, s.rflags |= 0x100, s.interruptibility = BLOCKING_MOV_SS,
         s.pending_debug = 0x4000);
}

static void test_control_registers(void **state)
{
    (void)state;
    BROKEN(real_mode, "CR0 lacks", s.cr0 = 0x10);
    BROKEN(real_mode, "CR0 has a bit", s.cr0 |= 1ull << 32);
    BROKEN(real_mode, "CR0 has PG without PE", s.cr0 |= 0x80000000);
    BROKEN(real_mode, "CR4 lacks", s.cr4 = 0);
    BROKEN(real_mode, "CR4 has a bit", s.cr4 |= 1u << 22);
    BROKEN(long_mode, "the guest is to be in long mode, and CR0", s.cr0 &= 0x7fffffff);
    BROKEN(long_mode, "the guest is to be in long mode, and CR4", s.cr4 &= ~0x20ull);
    BROKEN(flat_mode, "CR4 has PCIDE", s.cr4 |= 1u << 17);
    BROKEN(long_mode, "CR3", s.cr3 |= 1ull << 39);
    struct vmx_guest_state s = real_mode();
    expect(&s, false, "CR0 lacks");
    s = long_mode();
    expect(&s, false, NULL);
    struct vmx_capability newer = capability;
    newer.cr4_fixed1 |= 1u << 23;
    s.cr4 |= 1u << 23;
    assert_null(vmx_entry_check(&s, &newer, true));
    s.cr0 &= ~0x10000ull;
    assert_string_equal(vmx_entry_check(&s, &newer, true), "CR4 has CET, and CR0 lacks WP");
}

static void test_registers(void **state)
{
    (void)state;
    BROKEN(long_mode, "DEBUGCTL", s.debugctl = 8);
    BROKEN(long_mode, "DEBUGCTL", s.debugctl = 1u << 16);
    BROKEN(long_mode, "DR7", s.dr7 |= 1ull << 32);
    BROKEN(long_mode, "SYSENTER_ESP", s.sysenter_esp = 1ull << 47);
    BROKEN(long_mode, "SYSENTER_EIP", s.sysenter_eip = 0xffff7fffffffffff);
    BROKEN(long_mode, "PAT", s.pat = 0x0007040600070206);
    BROKEN(long_mode, "PAT", s.pat = 0x0807040600070406);
    BROKEN(long_mode, "EFER has", s.efer |= 1ull << 12);
    BROKEN(long_mode, "EFER's LMA is not what", s.efer &= ~0x400ull);
    BROKEN(flat_mode, "EFER's LMA is not what", s.efer = 0x500);
    BROKEN(long_mode, "EFER's LMA is not its LME", s.efer &= ~0x100ull);
    BROKEN(v86_mode, "EFER's LMA is not its LME", s.efer = 0x100);
}

static void test_segments(void **state)
{
    (void)state;
    static const char *const names[] = {"ES", "CS", "SS", "DS", "FS", "GS", "LDTR", "TR"};
    for (unsigned i = 0; i < VMX_SEGMENTS; i++) {
        char words[40];
        snprintf(words, sizeof(words), "%s's type", names[i]);
        BROKEN(flat_mode, words, s.segments[i].rights &= ~0xfu);
        snprintf(words, sizeof(words), "%s's S bit", names[i]);
        BROKEN(flat_mode, words, s.segments[i].rights ^= 0x10);
        snprintf(words, sizeof(words), "%s is usable and not present", names[i]);
        BROKEN(flat_mode, words, s.segments[i].rights &= ~0x80u);
        snprintf(words, sizeof(words), "%s's rights have", names[i]);
        BROKEN(flat_mode, words, s.segments[i].rights |= 0x100);
        BROKEN(flat_mode, words, s.segments[i].rights |= 0x20000);
        snprintf(words, sizeof(words), "%s's limit", names[i]);
        BROKEN(flat_mode, words, s.segments[i].limit = 0x100000, s.segments[i].rights &= ~0x8000u);
        BROKEN(flat_mode, words, s.segments[i].limit = 0xffffeff, s.segments[i].rights |= 0x8000);
        snprintf(words, sizeof(words), "%s's base", names[i]);
        BROKEN(flat_mode, words, s.segments[i].base = 1ull << 47 | 1ull << 32);
        snprintf(words, sizeof(words), "%s in virtual-8086", names[i]);
        if (i > VMX_GS)
            continue;
        BROKEN(v86_mode, words, s.segments[i].base++);
        BROKEN(v86_mode, words, s.segments[i].limit--);
        BROKEN(v86_mode, words, s.segments[i].rights ^= 1);
    }
    BROKEN(flat_mode, "ES's base", s.segments[VMX_ES].base = 1ull << 32);
    BROKEN(flat_mode, "CS's base", s.segments[VMX_CS].base = 1ull << 32);
    BROKEN(long_mode, "FS's base", s.segments[VMX_FS].base = 1ull << 47);
    GOOD(long_mode, s.segments[VMX_FS].base = 0x7f0000000000);
    GOOD(flat_mode, s.segments[VMX_LDTR].base = 0xffff888000000000);
    BROKEN(flat_mode, "SS's type", s.segments[VMX_SS].rights = 0xc091); /* read-only */
    GOOD(flat_mode, s.segments[VMX_DS].rights = 0xc09b);                /* code, readable */
    BROKEN(flat_mode, "DS's type", s.segments[VMX_DS].rights = 0xc099);
    BROKEN(long_mode, "CS is unusable", s.segments[VMX_CS].rights |= UNUSABLE);
    BROKEN(long_mode, "TR is unusable", s.segments[VMX_TR].rights |= UNUSABLE);
    BROKEN(long_mode, "TR's selector points", s.segments[VMX_TR].selector |= 4);
    BROKEN(flat_mode, "LDTR's selector points", s.segments[VMX_LDTR].selector |= 4);
    BROKEN(long_mode, "GS's base", s.segments[VMX_GS].base = 1ull << 48);
    BROKEN(long_mode, "CS has both", s.segments[VMX_CS].rights |= 0x4000);
    BROKEN(long_mode, "TR's type", s.segments[VMX_TR].rights = 0x83);
}

/* Privilege levels; what unrestricted guests need not keep. */
static void test_privilege(void **state)
{
    (void)state;
    BROKEN(long_mode, "CS's DPL", s.segments[VMX_CS].rights = 0xa09b);
    BROKEN(long_mode, "CS's DPL", s.segments[VMX_SS].rights = 0xc093,
           s.segments[VMX_CS].rights = 0xa0bf);
    GOOD(long_mode, s.segments[VMX_CS].rights = 0xa09f);
    BROKEN(real_mode, "SS's DPL", s.segments[VMX_SS].rights = 0xf3);
    BROKEN(flat_mode, "SS's DPL", s.segments[VMX_CS].rights = 0xc093,
           s.segments[VMX_SS].rights = 0xc0f3);
    struct vmx_guest_state s = long_mode();
    s.segments[VMX_SS].selector = 0x28;
    expect(&s, true, NULL);
    expect(&s, false, "SS's selector has another RPL");
    s = long_mode();
    s.segments[VMX_SS].rights = 0xc0d3;
    s.segments[VMX_CS].rights = 0xa0db;
    expect(&s, true, NULL);
    expect(&s, false, "SS's DPL");
    s = long_mode();
    s.segments[VMX_DS] = (struct vmx_segment_state){0x2b, 0, 0xffffffff, 0xc093};
    expect(&s, true, NULL);
    expect(&s, false, "DS's DPL");
    s = long_mode();
    s.segments[VMX_TR].selector |= 3;
    s.segments[VMX_LDTR] = (struct vmx_segment_state){0x4b, 0, 0xffff, 0x82};
    expect(&s, false, NULL);
    s = long_mode();
    s.segments[VMX_CS] = (struct vmx_segment_state){0x30, 0, 0xffffffff, 0xa093};
    s.segments[VMX_SS] = (struct vmx_segment_state){0x28, 0, 0xffffffff, 0xc093};
    expect(&s, true, NULL);
    expect(&s, false, "CS's type");
}

static void test_tables_and_rip(void **state)
{
    (void)state;
    BROKEN(long_mode, "the GDTR's base", s.gdtr.base = 1ull << 47);
    BROKEN(long_mode, "the IDTR's base", s.idtr.base = 1ull << 47);
    BROKEN(long_mode, "the GDTR's limit", s.gdtr.limit = 0x10000);
    BROKEN(long_mode, "the IDTR's limit", s.idtr.limit = 0x10000);
    BROKEN(flat_mode, "RIP is wider", s.rip = 1ull << 32);
    BROKEN(long_mode, "RIP is wider", s.rip = 1ull << 32, s.segments[VMX_CS].rights = 0xc0fb);
    BROKEN(long_mode, "RIP has more", s.rip = 1ull << 48);
    BROKEN(long_mode, "RFLAGS has reserved", s.rflags = 0);
    BROKEN(long_mode, "RFLAGS has reserved", s.rflags |= 1u << 15);
    BROKEN(long_mode, "RFLAGS has reserved", s.rflags |= 1u << 22);
    BROKEN(v86_mode, "RFLAGS has VM", s.entry_controls |= VMX_ENTRY_IA32E, s.efer = 0x500);
    BROKEN(flat_mode, "an interrupt is injected, and RFLAGS", s.entry_event = INTERRUPT(32));
    GOOD(flat_mode, s.entry_event = INTERRUPT(32) & ~0x80000000u);
}

static void test_activity(void **state)
{
    (void)state;
    static const struct {
        uint32_t activity, event;
        bool good;
    } wakes[] = {
        {ACTIVITY_HLT, INTERRUPT(32), true},
        {ACTIVITY_HLT, NMI, true},
        {ACTIVITY_HLT, EXCEPTION(1), true},
        {ACTIVITY_HLT, EXCEPTION(18), true},
        {ACTIVITY_HLT, EXCEPTION(14), false},
        {ACTIVITY_HLT, PENDING_MTF, true},
        {ACTIVITY_SHUTDOWN, NMI, true},
        {ACTIVITY_SHUTDOWN, EXCEPTION(18), true},
        {ACTIVITY_SHUTDOWN, EXCEPTION(1), false},
        {ACTIVITY_SHUTDOWN, INTERRUPT(32), false},
        {ACTIVITY_SIPI, NMI, false},
        {ACTIVITY_ACTIVE, EXCEPTION(14), true},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(wakes); i++)
        BROKEN(flat_mode, wakes[i].good ? NULL : "what is injected", s.rflags |= 0x200,
               s.activity = wakes[i].activity, s.entry_event = wakes[i].event);
    BROKEN(flat_mode, "the activity state", s.activity = 4);
    BROKEN(long_mode, "the guest is to be halted", s.activity = ACTIVITY_HLT);
    BROKEN(flat_mode, "the guest is not to be active", s.activity = ACTIVITY_SHUTDOWN,
           s.interruptibility = BLOCKING_MOV_SS);
    struct vmx_guest_state s = flat_mode();
    struct vmx_capability less = capability;
    less.misc = 0x40; /* HLT alone */
    s.activity = ACTIVITY_HLT;
    assert_null(vmx_entry_check(&s, &less, true));
    less.misc = 0xfc0;
    s.activity = 4;
    assert_string_equal(vmx_entry_check(&s, &less, true),
                        "the activity state is none of this processor's");
    less.misc = 0x40;
    s.activity = ACTIVITY_SIPI;
    assert_string_equal(vmx_entry_check(&s, &less, true),
                        "the activity state is none of this processor's");
}

static void test_blocking(void **state)
{
    (void)state;
    BROKEN(flat_mode, "the interruptibility state has reserved", s.interruptibility = 0x20);
    BROKEN(long_mode, "the interruptibility state has the shadows", s.interruptibility = 3);
    BROKEN(flat_mode, "the shadow of STI is there", s.interruptibility = BLOCKING_STI);
    BROKEN(flat_mode, "the interruptibility state blocks SMIs", s.interruptibility = BLOCKING_SMI);
    BROKEN(long_mode, "an interrupt is injected into", s.interruptibility = BLOCKING_MOV_SS,
           s.entry_event = INTERRUPT(32));
    BROKEN(long_mode, "an NMI is injected into the shadow of MOV SS",
           s.interruptibility = BLOCKING_MOV_SS, s.entry_event = NMI);
    BROKEN(long_mode, "an NMI is injected into the shadow of STI",
           s.interruptibility = BLOCKING_STI, s.entry_event = NMI);
    BROKEN(long_mode, "an NMI is injected, and", s.interruptibility = BLOCKING_NMI,
           s.entry_event = NMI);
    GOOD(long_mode, s.interruptibility = BLOCKING_NMI, s.entry_event = EXCEPTION(14));
}

static void test_rest(void **state)
{
    (void)state;
    BROKEN(flat_mode, "the pending debug exceptions have reserved", s.pending_debug = 0x10);
    BROKEN(flat_mode, "the pending debug exceptions have reserved", s.pending_debug = 1u << 17);
    BROKEN(flat_mode, "RFLAGS has TF", s.rflags |= 0x100, s.interruptibility = BLOCKING_MOV_SS);
    BROKEN(flat_mode, "RFLAGS has TF", s.rflags |= 0x100, s.activity = ACTIVITY_HLT);
    BROKEN(flat_mode, "the pending debug exceptions have BS", s.activity = ACTIVITY_HLT,
           s.pending_debug = 0x4000);
    BROKEN(flat_mode, "the pending debug exceptions have BS", s.rflags |= 0x100, s.debugctl = 2,
           s.interruptibility = BLOCKING_MOV_SS, s.pending_debug = 0x4000);
    BROKEN(flat_mode, "the VMCS link pointer", s.link_pointer = 0x1000);
    BROKEN(v86_mode, "a PDPTE", s.pdpte[2] = 3);
    BROKEN(v86_mode, "a PDPTE", s.pdpte[3] |= 1ull << 39);
    GOOD(long_mode, s.pdpte[2] = 3);
}

static void test_instruction_errors(void **state)
{
    (void)state;
    assert_non_null(strstr(vmx_instruction_error(5), "VMRESUME of a VMCS that was not launched"));
    assert_non_null(strstr(vmx_instruction_error(7), "control fields"));
    assert_non_null(strstr(vmx_instruction_error(8), "host state"));
    assert_non_null(strstr(vmx_instruction_error(28), "INVEPT"));
    for (unsigned i = 0; i < 64; i++) {
        bool unknown = strstr(vmx_instruction_error(i), "does not list") != NULL;
        assert_int_equal(unknown, i == 0 || i == 14 || i == 21 || i == 27 || i > 28);
    }
    assert_non_null(strstr(vmx_instruction_error(UINT32_MAX), "does not list"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),      cmocka_unit_test(test_control_registers),
        cmocka_unit_test(test_registers), cmocka_unit_test(test_segments),
        cmocka_unit_test(test_privilege), cmocka_unit_test(test_tables_and_rip),
        cmocka_unit_test(test_activity),  cmocka_unit_test(test_blocking),
        cmocka_unit_test(test_rest),      cmocka_unit_test(test_instruction_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
