/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds, reasons and modes in words. */
#include "sites.h"

const char *const kind_names[AFTERBURN_KINDS] = {
    [AFTERBURN_NONE] = "none",
    [AFTERBURN_CLI] = "cli",
    [AFTERBURN_STI] = "sti",
    [AFTERBURN_PUSHF] = "pushf",
    [AFTERBURN_POPF] = "popf",
    [AFTERBURN_IRET] = "iret",
    [AFTERBURN_HLT] = "hlt",
    [AFTERBURN_IN] = "in",
    [AFTERBURN_OUT] = "out",
    [AFTERBURN_INS] = "ins",
    [AFTERBURN_OUTS] = "outs",
    [AFTERBURN_CPUID] = "cpuid",
    [AFTERBURN_RDMSR] = "rdmsr",
    [AFTERBURN_WRMSR] = "wrmsr",
    [AFTERBURN_RDTSC] = "rdtsc",
    [AFTERBURN_RDTSCP] = "rdtscp",
    [AFTERBURN_RDPMC] = "rdpmc",
    [AFTERBURN_CR_READ] = "cr-read",
    [AFTERBURN_CR_WRITE] = "cr-write",
    [AFTERBURN_DR_READ] = "dr-read",
    [AFTERBURN_DR_WRITE] = "dr-write",
    [AFTERBURN_TABLE_LOAD] = "table-load",
    [AFTERBURN_TABLE_STORE] = "table-store",
    [AFTERBURN_MSW] = "msw",
    [AFTERBURN_SEGMENT] = "segment",
    [AFTERBURN_FAR] = "far",
    [AFTERBURN_INT] = "int",
    [AFTERBURN_INVLPG] = "invlpg",
    [AFTERBURN_INVPCID] = "invpcid",
    [AFTERBURN_CACHE] = "cache",
    [AFTERBURN_SWAPGS] = "swapgs",
    [AFTERBURN_SYSRET] = "sysret",
    [AFTERBURN_XSETBV] = "xsetbv",
    [AFTERBURN_VIRT] = "virt",
    [AFTERBURN_PAUSE] = "pause",
    [AFTERBURN_MONITOR] = "monitor",
    [AFTERBURN_MWAIT] = "mwait",
};

const char *const reason_names[AFTERBURN_REASONS] = {
    [AFTERBURN_REASON_NONE] = "not excluded",
    [AFTERBURN_REASON_SECTION] = "not in an executable section",
    [AFTERBURN_REASON_TEMPLATE] = "a template that is copied elsewhere",
    [AFTERBURN_REASON_MODE] = "32- or 16-bit code",
    [AFTERBURN_REASON_ENTRY] = "in .entry.text, all that page-table isolation leaves mapped",
    [AFTERBURN_REASON_RIP] = "an operand relative to RIP",
    [AFTERBURN_REASON_MOVED] = "code that is copied before it runs",
    [AFTERBURN_REASON_VDSO] = "in the vDSO, which user space runs",
    [AFTERBURN_REASON_EARLY] = "runs elsewhere than it is linked, or without a stack",
    [AFTERBURN_REASON_SMALL] = "shorter than a jump",
    [AFTERBURN_REASON_FAR] = "out of a jump's reach of the text area",
};

const char *const mode_names[MODES] = {"64-bit", "32-bit", "16-bit"};
