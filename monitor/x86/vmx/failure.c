/* SPDX-License-Identifier: Apache-2.0 */
#include "x86/vmx/vmx.h"
const char *vmx_why_state(void)
{
    return "invalid processor state";
}
const char *vmx_why_instruction(void)
{
    return "VM entry refused";
}
