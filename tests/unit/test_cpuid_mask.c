/* SPDX-License-Identifier: Apache-2.0 */
/* CPUID less what a partition cannot have, of a processor that has every feature there could be. */
#include "unit.h"

#include "x86/cpuid_mask.h"

enum reg { EAX, EBX, ECX, EDX };

static uint32_t masked(uint32_t leaf, uint32_t subleaf, enum reg reg, bool service)
{
    struct cpuid r = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    cpuid_mask(&r, leaf, subleaf, service);
    const uint32_t values[] = {r.eax, r.ebx, r.ecx, r.edx};
    return values[reg];
}

/* Features that no VM may see, by the names of the SDM (volume 2, CPUID). */
static void test_hidden(void **state)
{
    static const struct {
        const char *name;
        uint32_t leaf, subleaf;
        enum reg reg;
        unsigned bit;
    } hidden[] = {
        {"VMX", 1, 0, ECX, 5},
        {"SMX", 1, 0, ECX, 6},
        {"PDCM", 1, 0, ECX, 15},
        {"MCE", 1, 0, EDX, 7},
        {"MCA", 1, 0, EDX, 14},
        {"DS", 1, 0, EDX, 21},
        {"ACPI", 1, 0, EDX, 22},
        {"TSC_ADJUST", 7, 0, EBX, 1},
        {"SGX", 7, 0, EBX, 2},
        {"RDT-M", 7, 0, EBX, 12},
        {"RDT-A", 7, 0, EBX, 15},
        {"PT", 7, 0, EBX, 25},
        {"CET_SS", 7, 0, ECX, 7},
        {"TME", 7, 0, ECX, 13},
        {"KL", 7, 0, ECX, 23},
        {"BUS_LOCK_DETECT", 7, 0, ECX, 24},
        {"ENQCMD", 7, 0, ECX, 29},
        {"SGX_LC", 7, 0, ECX, 30},
        {"PKS", 7, 0, ECX, 31},
        {"UINTR", 7, 0, EDX, 5},
        {"PCONFIG", 7, 0, EDX, 18},
        {"ARCH_LBR", 7, 0, EDX, 19},
        {"CET_IBT", 7, 0, EDX, 20},
        {"AMX-BF16", 7, 0, EDX, 22},
        {"AMX-TILE", 7, 0, EDX, 24},
        {"AMX-INT8", 7, 0, EDX, 25},
        {"L1D_FLUSH", 7, 0, EDX, 28},
        {"CORE_CAPABILITIES", 7, 0, EDX, 30},
        {"LASS", 7, 1, EAX, 6},
        {"ARCHPERFMONEXT", 7, 1, EAX, 8},
        {"FRED", 7, 1, EAX, 17},
        {"AMX-FP16", 7, 1, EAX, 21},
        {"HRESET", 7, 1, EAX, 22},
        {"LAM", 7, 1, EAX, 26},
        {"MSRLIST", 7, 1, EAX, 27},
        {"AMX-COMPLEX", 7, 1, EDX, 8},
        {"USER_MSR", 7, 1, EDX, 15},
        {"UIRET_UIF", 7, 1, EDX, 17},
        {"CET_SSS", 7, 1, EDX, 18},
        {"XTILECFG", 0xd, 0, EAX, 17},
        {"XTILEDATA", 0xd, 0, EAX, 18},
        {"XFD", 0xd, 1, EAX, 4},
        {"XSS: PT", 0xd, 1, ECX, 8},
        {"XSS: PASID", 0xd, 1, ECX, 10},
        {"XSS: CET_U", 0xd, 1, ECX, 11},
        {"XSS: CET_S", 0xd, 1, ECX, 12},
        {"XSS: HWP", 0xd, 1, ECX, 16},
        {"SVM", 0x80000001, 0, ECX, 2},
        {"IBS", 0x80000001, 0, ECX, 10},
        {"LWP", 0x80000001, 0, ECX, 15},
        {"OSVW", 0x80000001, 0, ECX, 9},
        {"SKINIT", 0x80000001, 0, ECX, 12},
        {"WDT", 0x80000001, 0, ECX, 13},
        {"PerfCtrExtCore", 0x80000001, 0, ECX, 23},
        {"PerfCtrExtNB", 0x80000001, 0, ECX, 24},
        {"PerfTsc", 0x80000001, 0, ECX, 27},
        {"PerfCtrExtLLC", 0x80000001, 0, ECX, 28},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(hidden); i++)
        for (unsigned service = 0; service < 2; service++)
            if ((masked(hidden[i].leaf, hidden[i].subleaf, hidden[i].reg, service) >>
                     hidden[i].bit &
                 1) != 0)
                fail_msg("%s is shown", hidden[i].name);
}

/* What kernels and programs live on stays. */
static void test_shown(void **state)
{
    static const struct {
        const char *name;
        uint32_t leaf, subleaf;
        enum reg reg;
        unsigned bit;
    } shown[] = {
        {"MONITOR", 1, 0, ECX, 3},       {"PCID", 1, 0, ECX, 17},
        {"TSC-deadline", 1, 0, ECX, 24}, {"XSAVE", 1, 0, ECX, 26},
        {"AVX", 1, 0, ECX, 28},          {"RDRAND", 1, 0, ECX, 30},
        {"PAT", 1, 0, EDX, 16},          {"FSGSBASE", 7, 0, EBX, 0},
        {"SMEP", 7, 0, EBX, 7},          {"INVPCID", 7, 0, EBX, 10},
        {"AVX512F", 7, 0, EBX, 16},      {"SMAP", 7, 0, EBX, 20},
        {"UMIP", 7, 0, ECX, 2},          {"PKU", 7, 0, ECX, 3},
        {"WAITPKG", 7, 0, ECX, 5},       {"LA57", 7, 0, ECX, 16},
        {"RDPID", 7, 0, ECX, 22},        {"SPEC_CTRL", 7, 0, EDX, 26},
        {"SERIALIZE", 7, 0, EDX, 14},    {"SSBD", 7, 0, EDX, 31},
        {"ARCH_CAP", 7, 0, EDX, 29},     {"AVX-VNNI", 7, 1, EAX, 4},
        {"AVX in XCR0", 0xd, 0, EAX, 2}, {"PKRU", 0xd, 0, EAX, 9},
        {"XSAVEC", 0xd, 1, EAX, 1},      {"XSAVES", 0xd, 1, EAX, 3},
        {"ARAT", 6, 0, EAX, 2},          {"NX", 0x80000001, 0, EDX, 20},
        {"LM", 0x80000001, 0, EDX, 29},  {"invariant TSC", 0x80000007, 0, EDX, 8},
    };
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(shown); i++)
        if ((masked(shown[i].leaf, shown[i].subleaf, shown[i].reg, false) >> shown[i].bit & 1) == 0)
            fail_msg("%s is hidden", shown[i].name);
}

static void test_empty_leaves(void **state)
{
    static const uint32_t leaves[] = {
        0xa,  0xf,  0x10, 0x12,       0x14,       0x19,       0x1b,       0x1c,      0x1d,
        0x1e, 0x20, 0x23, 0x8000000a, 0x8000001b, 0x8000001f, 0x80000020, 0x80000022};
    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++)
        for (uint32_t subleaf = 0; subleaf < 4; subleaf++)
            for (enum reg reg = EAX; reg <= EDX; reg++)
                assert_int_equal(masked(leaves[i], subleaf, reg, true), 0);
    assert_int_equal(masked(2, 0, EDX, false), UINT32_MAX);
    assert_int_equal(masked(0x1f, 1, EBX, false), UINT32_MAX);
}

/* MTRRs are the service VM's to read. */
static void test_mtrr(void **state)
{
    (void)state;
    assert_int_equal(masked(1, 0, EDX, true) >> 12 & 1, 1);
    assert_int_equal(masked(1, 0, EDX, false) >> 12 & 1, 0);
    assert_int_equal(masked(0x80000001, 0, EDX, true) >> 12 & 1, 1);
    assert_int_equal(masked(0x80000001, 0, EDX, false) >> 12 & 1, 0);
}

/* XSAVE's components: those of XCR0 but AMX's are described, those of XSS are not. */
static void test_components(void **state)
{
    (void)state;
    for (uint32_t n = 2; n < 63; n++) {
        struct cpuid user = {64, 576, 2, 0}, supervisor = {64, 576, 3, 0};
        bool tile = n == 17 || n == 18;
        cpuid_mask(&user, 0xd, n, false);
        cpuid_mask(&supervisor, 0xd, n, false);
        assert_int_equal(user.eax, tile ? 0 : 64);
        assert_int_equal(user.ebx, tile ? 0 : 576);
        assert_int_equal(user.ecx, tile ? 0 : 2);
        assert_int_equal(supervisor.eax | supervisor.ebx | supervisor.ecx, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hidden),       cmocka_unit_test(test_shown),
        cmocka_unit_test(test_empty_leaves), cmocka_unit_test(test_mtrr),
        cmocka_unit_test(test_components),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
