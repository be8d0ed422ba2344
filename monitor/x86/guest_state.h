/* SPDX-License-Identifier: Apache-2.0 */
/* Processor state of a guest that no control block holds. */
#pragma once

/* As after reset: nothing of an earlier start is left on this core. */
void guest_state_reset(void);
