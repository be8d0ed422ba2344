/* SPDX-License-Identifier: Apache-2.0 */
/* What this processor's VT-x can do, and the control fields that follow from it. */
#pragma once

#include "core/types.h"

/* IA32_VMX_EPT_VPID_CAP (Intel SDM 3, A.10) */
#define VMX_EPT_WALK_4       (1ull << 6)
#define VMX_EPT_WB           (1ull << 14)
#define VMX_EPT_2M           (1ull << 16)
#define VMX_EPT_1G           (1ull << 17)
#define VMX_INVEPT           (1ull << 20)
#define VMX_EPT_ACCESSED     (1ull << 21)
#define VMX_INVEPT_SINGLE    (1ull << 25)
#define VMX_INVEPT_ALL       (1ull << 26)
#define VMX_INVVPID          (1ull << 32)
#define VMX_INVVPID_ADDRESS  (1ull << 40)
#define VMX_INVVPID_SINGLE   (1ull << 41)
#define VMX_INVVPID_ALL      (1ull << 42)
#define VMX_INVVPID_NOGLOBAL (1ull << 43) /* a single VPID, all but global pages */

/* IA32_VMX_BASIC (A.1) */
#define VMX_BASIC_REVISION 0x7fffffffull
#define VMX_BASIC_TRUE     (1ull << 55)

/* The VMX capability MSRs (Intel SDM 3, appendix A), as read once; 0 where the processor has none.
 */
struct vmx_capability {
    uint64_t basic;
    uint64_t pin, cpu, cpu2, exit, entry; /* the true ones where BASIC says that there are */
    uint64_t ept_vpid, misc;
    uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1;
};

/* What the control fields must be. */
struct vmx_controls {
    uint32_t pin, cpu, cpu2, exit, entry;
};

/* Fill CAPABILITY by READ, which returns an MSR's value; it is asked for none that the others say
 * is not there. The processor has VT-x. */
void vmx_read(uint64_t (*read)(uint32_t msr), struct vmx_capability *capability);

/*
 * CONTROLS become what the processor insists on, what Mullion needs, and what is good where there
 * is; nothing else leaves the guest. Returns NULL, or a sentence that names what the processor
 * lacks and what to switch on; CONTROLS are then not to be used. Intel SDM 3, A.2 to A.5,
 * and 32.5.1 for the bits that older software does not know.
 */
const char *vmx_compute(const struct vmx_capability *capability, struct vmx_controls *controls);

/* Can the processor set BIT, one or more, of the controls that MSR is about? */
bool vmx_may_set(uint64_t msr, uint32_t bit);
