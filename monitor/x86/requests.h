/* SPDX-License-Identifier: Apache-2.0 */
/* Serving what other cores ask of this one. */
#pragma once

#include "x86/vcpu.h"

/* After an NMI: serve REQUEST_* bits, or a key of the log port. VCPU may be NULL. Its core. */
enum exit_reason nmi_serve(struct vcpu *vcpu, uint32_t requests);
/* Emulated INIT and start-up IPI (Intel SDM 3, 8.4; AMD APM 2, 16.5). The vCPU's core. */
void vcpu_take_init(struct vcpu *vcpu);
void vcpu_take_sipi(struct vcpu *vcpu);
/* The nested tables have changed. The vCPU's core. */
void vcpu_take_flush(struct vcpu *vcpu);
/* Park if the VM is paused, go on if it is no more. The vCPU's core. */
void vcpu_take_pause(struct vcpu *vcpu);
/* The VM's controls have changed. The vCPU's core. */
void vcpu_take_controls(struct vcpu *vcpu);
/* Watch whether the core goes off line, to give it away; or no more. The vCPU's core. */
void vcpu_take_leave(struct vcpu *vcpu, bool leave);
