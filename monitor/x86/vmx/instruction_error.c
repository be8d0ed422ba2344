/* SPDX-License-Identifier: Apache-2.0 */
/* The VM-instruction error field in words (Intel SDM 3, 31.4). */
#include "x86/vmx/entry_check.h"

static const char *const errors[] = {
    [1] = "VMCALL outside of a guest",
    [2] = "VMCLEAR of an address that is none of a VMCS",
    [3] = "VMCLEAR of the VMXON region",
    [4] = "VMLAUNCH of a VMCS that is launched already",
    [5] = "VMRESUME of a VMCS that was not launched",
    [6] = "VMRESUME after VMXOFF",
    [7] = "VM entry with control fields that this processor does not take",
    [8] = "VM entry with an invalid host state",
    [9] = "VMPTRLD of an address that is none of a VMCS",
    [10] = "VMPTRLD of the VMXON region",
    [11] = "VMPTRLD of a VMCS with the wrong revision",
    [12] = "VMREAD or VMWRITE of a field that this processor does not have",
    [13] = "VMWRITE of a field that is read only",
    [15] = "VMXON when VMX is on",
    [16] = "VM entry with an invalid executive VMCS",
    [17] = "VM entry with an executive VMCS that was not launched",
    [18] = "VM entry with an executive VMCS that is not the VMXON region",
    [19] = "VMCALL to the SMM monitor with a VMCS that is launched",
    [20] = "VMCALL to the SMM monitor with invalid exit controls",
    [22] = "VMCALL to the SMM monitor: MSEG has the wrong revision",
    [23] = "VMXOFF while an SMM monitor is active",
    [24] = "VMCALL to the SMM monitor: it wants features that are unknown",
    [25] = "VM entry back from the SMM monitor with invalid execution controls",
    [26] = "VM entry in the shadow of MOV SS",
    [28] = "INVEPT or INVVPID with an invalid operand",
};

const char *vmx_instruction_error(uint32_t number)
{
    if (number >= ARRAY_SIZE(errors) || errors[number] == NULL)
        return "an error that the manual does not list";
    return errors[number];
}
