/* SPDX-License-Identifier: Apache-2.0 */
/* VT-x's control fields from the capability MSRs of processors of six generations. */
#include "unit.h"

#include "core/types.h"
#include "x86/vmx/capability.h"
#include "x86/vmx/vmcs.h"

/* The same in all: what no processor lets a guest change in CR0 and CR4. */
#define FIXED0 .cr0_fixed0 = 0x80000021, .cr0_fixed1 = 0xffffffff, .cr4_fixed0 = 0x2000

/*
 * The first five are MSRs 480h to 490h as read on real machines; VirtualBox keeps them in its
 * processor database: https://github.com/VirtualBox/virtualbox, src/VBox/VMM/VMMR3/cpus, file
 * Intel_NAME.h. The last two are the allowed-1 halves of QEMU's models "Nehalem" and "Westmere"
 * (https://github.com/qemu/qemu, target/i386/cpu.c, features FEAT_VMX_*); their must-be-1 halves
 * are not published there: they are the SDM's default1 class (A.2) less what true controls free.
 * VMCS size, revision and memory type of those two are what KVM offers to nested hypervisors.
 */
static const struct vmx_capability xeon_x5482 = {/* Penryn, 2007: Intel_Xeon_X5482_3_20GHz.h */
                                                 .basic = 0x5a08000000000d, .pin = 0x3f00000016,
                                                 .cpu = 0xf7f9fffe0401e172, .cpu2 = 0x4100000000,
                                                 .exit = 0x3ffff00036dff,   .entry = 0x3fff000011ff,
                                                 .misc = 0x403c0,           FIXED0,
                                                 .cr4_fixed1 = 0x27ff};
static const struct vmx_capability core_i7_2635qm =
    {/* Sandy Bridge: Intel_Core_i7_2635QM.h */
     .basic = 0xda040000000010, .pin = 0x7f00000016,      .cpu = 0xfff9fffe04006172,
     .cpu2 = 0xff00000000,      .exit = 0x7fffff00036dfb, .entry = 0xffff000011fb,
     .ept_vpid = 0xf0106114141, .misc = 0x100401e5,       FIXED0,
     .cr4_fixed1 = 0x627ff};
static const struct vmx_capability pentium_n3530 =
    {/* Silvermont: Intel_Pentium_N3530_2_16GHz.h */
     .basic = 0xda040000000002, .pin = 0x7f00000016,      .cpu = 0xfff9fffe04006172,
     .cpu2 = 0x28ef00000000,    .exit = 0x7fffff00036dfb, .entry = 0xffff000011fb,
     .ept_vpid = 0xf0106114141, .misc = 0x481e6,          FIXED0,
     .cr4_fixed1 = 0x1027ff};
static const struct vmx_capability core_i7_5600u =
    {/* Broadwell: Intel_Core_i7_5600U.h */
     .basic = 0xda040000000012, .pin = 0x7f00000016,      .cpu = 0xfff9fffe04006172,
     .cpu2 = 0x57cff00000000,   .exit = 0x7fffff00036dfb, .entry = 0xffff000011fb,
     .ept_vpid = 0xf0106334141, .misc = 0x300481e5,       FIXED0,
     .cr4_fixed1 = 0x3767ff};
static const struct vmx_capability core_i7_6700k =
    {/* Skylake: Intel_Core_i7_6700K.h */
     .basic = 0xda040000000004, .pin = 0x7f00000016,       .cpu = 0xfff9fffe04006172,
     .cpu2 = 0x1ffcff00000000,  .exit = 0x1ffffff00036dfb, .entry = 0x3ffff000011fb,
     .ept_vpid = 0xf0106334141, .misc = 0x7004c1e7,        FIXED0,
     .cr4_fixed1 = 0x3727ff};
static const struct vmx_capability nehalem = {.basic = 0xd8100011e57ed0,
                                              .pin = 0x7f00000016,
                                              .cpu = 0xfff9fffe04006172,
                                              .cpu2 = 0x7f00000000,
                                              .exit = 0x7fffff00036dfb,
                                              .entry = 0xf3ff000011fb,
                                              .ept_vpid = 0xf0106134041,
                                              FIXED0,
                                              .cr4_fixed1 = 0x27ff};
static const struct vmx_capability westmere = {.basic = 0xd8100011e57ed0,
                                               .pin = 0x7f00000016,
                                               .cpu = 0xfff9fffe04006172,
                                               .cpu2 = 0xff00000000,
                                               .exit = 0x7fffff00036dfb,
                                               .entry = 0xf3ff000011fb,
                                               .ept_vpid = 0xf0106134041,
                                               FIXED0,
                                               .cr4_fixed1 = 0x27ff};

/* Written out by hand from the SDM's tables: what all of them have in common. */
#define PIN_ALL   0x3eu
#define CPU_ALL   0x9600617au
#define CPU2_ALL  0xaau /* EPT, RDTSCP, VPID, unrestricted guest */
#define EXIT_ALL  0x3f6fffu
#define ENTRY_ALL 0xd1ffu

static void expect_controls(const struct vmx_capability *capability, uint32_t cpu2)
{
    struct vmx_controls controls;
    const char *lack = vmx_compute(capability, &controls);
    if (lack != NULL)
        fail_msg("refused: %s", lack);
    assert_int_equal(controls.pin, PIN_ALL);
    assert_int_equal(controls.cpu, CPU_ALL);
    assert_int_equal(controls.cpu2, cpu2);
    assert_int_equal(controls.exit, EXIT_ALL);
    assert_int_equal(controls.entry, ENTRY_ALL);
}

static void expect_lack(const struct vmx_capability *capability, const char *words)
{
    struct vmx_controls controls;
    const char *lack = vmx_compute(capability, &controls);
    if (lack == NULL)
        fail_msg("taken, though there is: %s", words);
    if (strstr(lack, words) == NULL)
        fail_msg("\"%s\", not \"%s\"", lack, words);
}

static void test_processors(void **state)
{
    (void)state;
    expect_controls(&westmere, CPU2_ALL);
    expect_controls(&core_i7_2635qm, CPU2_ALL);
    expect_controls(&pentium_n3530, CPU2_ALL);
    expect_controls(&core_i7_5600u, CPU2_ALL | VMX_CPU2_INVPCID);
    expect_controls(&core_i7_6700k, CPU2_ALL | VMX_CPU2_INVPCID | VMX_CPU2_ENCLS | VMX_CPU2_XSAVES);
}

static void test_refused_processors(void **state)
{
    (void)state;
    expect_lack(&xeon_x5482, "no EPT");
    expect_lack(&nehalem, "no unrestricted guest");
}

/* What one processor has and another has not, asked for by the live controls. */
static void test_may_set(void **state)
{
    (void)state;
    assert_true(vmx_may_set(core_i7_6700k.cpu2, VMX_CPU2_PAUSE_LOOP));
    assert_false(vmx_may_set(core_i7_2635qm.cpu2, VMX_CPU2_PAUSE_LOOP));
    assert_true(vmx_may_set(core_i7_2635qm.cpu2, VMX_CPU2_WBINVD | VMX_CPU2_DESCRIPTOR));
    assert_false(vmx_may_set(core_i7_6700k.cpu2, VMX_CPU2_PAUSE_LOOP | VMX_CPU2_USER_WAIT));
    assert_true(vmx_may_set(core_i7_6700k.pin, VMX_PIN_TIMER));
    assert_false(vmx_may_set(xeon_x5482.pin, VMX_PIN_TIMER));
    assert_false(vmx_may_set(core_i7_6700k.cpu, VMX_CPU_TERTIARY));
    assert_false(vmx_may_set(0x00000000ffffffff, VMX_PIN_NMI));
}

/* Optional ones that no recorded processor has: set where they may be, and only there. */
static void test_optional(void **state)
{
    (void)state;
    struct vmx_capability newer = core_i7_6700k;
    newer.cpu2 |= (uint64_t)(VMX_CPU2_USER_WAIT | VMX_CPU2_ENCLV | VMX_CPU2_PCONFIG) << 32;
    expect_controls(&newer, CPU2_ALL | VMX_CPU2_INVPCID | VMX_CPU2_ENCLS | VMX_CPU2_XSAVES |
                                VMX_CPU2_USER_WAIT | VMX_CPU2_ENCLV);
}

/* Take one ability away from a processor that has all: its name is in the answer. */
static void test_each_need(void **state)
{
    static const struct {
        size_t msr;
        unsigned bit; /* 32 and more: "may be 1" */
        const char *words;
    } needs[] = {
        {offsetof(struct vmx_capability, pin), 32 + 3, "virtual NMIs"},
        {offsetof(struct vmx_capability, pin), 32 + 5, "virtual NMIs"},
        {offsetof(struct vmx_capability, cpu), 32 + 3, "TSC offset"},
        {offsetof(struct vmx_capability, cpu), 32 + 22, "NMI window"},
        {offsetof(struct vmx_capability, cpu), 32 + 25, "ports and MSRs"},
        {offsetof(struct vmx_capability, cpu), 32 + 27, "monitor trap flag"},
        {offsetof(struct vmx_capability, cpu), 32 + 28, "ports and MSRs"},
        {offsetof(struct vmx_capability, cpu), 32 + 31, "secondary controls"},
        {offsetof(struct vmx_capability, cpu2), 32 + 1, "EPT"},
        {offsetof(struct vmx_capability, cpu2), 32 + 5, "VPID"},
        {offsetof(struct vmx_capability, cpu2), 32 + 7, "unrestricted guest"},
        {offsetof(struct vmx_capability, exit), 32 + 2, "debug controls"},
        {offsetof(struct vmx_capability, exit), 32 + 9, "64-bit host"},
        {offsetof(struct vmx_capability, exit), 32 + 18, "at an exit"},
        {offsetof(struct vmx_capability, exit), 32 + 19, "at an exit"},
        {offsetof(struct vmx_capability, exit), 32 + 20, "at an exit"},
        {offsetof(struct vmx_capability, exit), 32 + 21, "at an exit"},
        {offsetof(struct vmx_capability, entry), 32 + 2, "debug controls"},
        {offsetof(struct vmx_capability, entry), 32 + 9, "64-bit guest"},
        {offsetof(struct vmx_capability, entry), 32 + 14, "at an entry"},
        {offsetof(struct vmx_capability, entry), 32 + 15, "at an entry"},
        {offsetof(struct vmx_capability, ept_vpid), 6, "4 levels"},
        {offsetof(struct vmx_capability, ept_vpid), 14, "write-back tables"},
        {offsetof(struct vmx_capability, ept_vpid), 16, "2 MiB"},
        {offsetof(struct vmx_capability, ept_vpid), 20, "INVEPT"},
        {offsetof(struct vmx_capability, ept_vpid), 32, "INVVPID"},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(needs); i++) {
        struct vmx_capability less = core_i7_6700k;
        uint64_t *msr = (uint64_t *)(void *)((char *)&less + needs[i].msr);
        *msr &= ~(1ull << needs[i].bit);
        expect_lack(&less, needs[i].words);
    }
}

/* One kind of INVEPT and one of INVVPID are enough; none is not. */
static void test_invalidation(void **state)
{
    (void)state;
    struct vmx_capability some = core_i7_5600u;
    uint64_t all = some.ept_vpid;
    some.ept_vpid = all & ~(VMX_INVEPT_SINGLE | VMX_INVVPID_SINGLE | VMX_EPT_1G);
    expect_controls(&some, CPU2_ALL | VMX_CPU2_INVPCID);
    some.ept_vpid = all & ~(VMX_INVEPT_ALL | VMX_INVVPID_ALL);
    expect_controls(&some, CPU2_ALL | VMX_CPU2_INVPCID);
    some.ept_vpid = all & ~(VMX_INVEPT_ALL | VMX_INVEPT_SINGLE);
    expect_lack(&some, "INVEPT");
    some.ept_vpid = all & ~(VMX_INVVPID_ALL | VMX_INVVPID_SINGLE);
    expect_lack(&some, "INVVPID");
}

/* Exits that cannot be switched off: without true controls CR3's, else whatever comes. */
static void test_insists(void **state)
{
    (void)state;
    struct vmx_capability bad = core_i7_6700k;
    bad.cpu = 0xfff9fffe0401e172; /* MSR 482h of the same processor, instead of 48eh */
    expect_lack(&bad, "cannot leave CR3 to the guest");
    for (uint32_t bit = VMX_CPU_CR3_LOAD; bit <= VMX_CPU_CR3_STORE; bit <<= 1) {
        bad.cpu = core_i7_6700k.cpu | bit;
        expect_lack(&bad, "cannot leave CR3 to the guest");
    }
    bad = core_i7_6700k;
    bad.pin |= VMX_PIN_INTERRUPT;
    expect_lack(&bad, "insists");
    static const uint32_t exits[] = {VMX_CPU_INTERRUPT_WINDOW,
                                     VMX_CPU_HLT,
                                     VMX_CPU_INVLPG,
                                     VMX_CPU_MWAIT,
                                     VMX_CPU_RDPMC,
                                     VMX_CPU_RDTSC,
                                     VMX_CPU_CR8_LOAD,
                                     VMX_CPU_CR8_STORE,
                                     VMX_CPU_TPR_SHADOW,
                                     VMX_CPU_MOV_DR,
                                     VMX_CPU_ALL_IO,
                                     VMX_CPU_MTF,
                                     VMX_CPU_MONITOR,
                                     VMX_CPU_TERTIARY,
                                     VMX_CPU_NMI_WINDOW};
    for (unsigned i = 0; i < ARRAY_SIZE(exits); i++) {
        bad = core_i7_6700k;
        bad.cpu |= exits[i];
        expect_lack(&bad, "insists");
    }
    bad = core_i7_6700k;
    bad.exit |= VMX_EXIT_ACKNOWLEDGE;
    expect_lack(&bad, "insists");
    bad = core_i7_6700k;
    bad.entry |= VMX_ENTRY_SMM;
    expect_lack(&bad, "insists");
}

static void test_basic(void **state)
{
    (void)state;
    struct vmx_capability bad = {0};
    expect_lack(&bad, "no Intel VT-x");
    bad = core_i7_6700k;
    bad.basic = 0xda100100000004; /* 4097 bytes */
    expect_lack(&bad, "more than a page");
    bad.basic = 0xda100000000004;
    expect_controls(&bad, CPU2_ALL | VMX_CPU2_INVPCID | VMX_CPU2_ENCLS | VMX_CPU2_XSAVES);
    bad.basic = 0xdb040000000004;
    expect_lack(&bad, "below 4 GiB");
    bad.basic = 0xc2040000000004;
    expect_lack(&bad, "not write-back");
}

static void test_registers(void **state)
{
    (void)state;
    struct vmx_capability bad = core_i7_6700k;
    bad.cr0_fixed0 = 0x80010021; /* WP */
    expect_lack(&bad, "bits of CR0");
    bad.cr0_fixed0 = 0x20;
    bad.cr4_fixed0 = 0x2020; /* PAE */
    expect_lack(&bad, "bits of CR4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processors), cmocka_unit_test(test_refused_processors),
        cmocka_unit_test(test_may_set),    cmocka_unit_test(test_optional),
        cmocka_unit_test(test_each_need),  cmocka_unit_test(test_invalidation),
        cmocka_unit_test(test_insists),    cmocka_unit_test(test_basic),
        cmocka_unit_test(test_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
