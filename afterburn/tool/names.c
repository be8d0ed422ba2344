/* SPDX-License-Identifier: Apache-2.0 */
/* Reasons and modes in words. */
#include "sites.h"

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
