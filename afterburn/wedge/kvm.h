/* SPDX-License-Identifier: Apache-2.0 */
/* What the mapping for KVM keeps in `hypercall` of struct wedge_data. */
#pragma once

#include "wedge.h"

#define KVM_PORT(state)  ((uint16_t)(state))         /* of the virtio console; 0: there is none */
#define KVM_SIZE(state)  ((uint16_t)((state) >> 16)) /* entries of its queue */
#define KVM_QUEUE(state) ((uint16_t)((state) >> 32)) /* the queue's offset in the data area */
#define KVM_VMMCALL      (1ull << 48)                /* AMD's instruction for a call, not Intel's */

/* At load time: the virtio console, if there is one that the command line gives to the wedge. The
 * value for `hypercall`, or 0. kvm_console.c */
uint64_t kvm_console_find(const struct wedge_load *load);
