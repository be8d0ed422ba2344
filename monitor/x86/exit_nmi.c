/* SPDX-License-Identifier: Apache-2.0 */
/* NMIs: other cores' requests, the guest's own, and keys on the log port. */
#include "x86/apic.h"
#include "x86/cores.h"
#include "x86/cpu.h"
#include "x86/exit.h"
#include "x86/logkey.h"
#include "x86/requests.h"

static void requests_serve(struct vcpu *vcpu, uint32_t requests)
{
    if ((requests & REQUEST_PING) != 0)
        atomic_fetch_add(&this_cpu()->pings, 1);
    if (vcpu == NULL)
        return;
    if ((requests & REQUEST_FLUSH) != 0)
        vcpu_take_flush(vcpu);
    if ((requests & REQUEST_CONTROLS) != 0)
        vcpu_take_controls(vcpu);
    if ((requests & REQUEST_STOP) != 0) {
        apic_reset_this();
        vcpu->state = VCPU_STOPPED;
        atomic_store(&vcpu->stopped, true);
    }
    if ((requests & REQUEST_BOOT) != 0) {
        vm_boot(vcpu->vm);
        return;
    }
    if ((requests & (REQUEST_KILL | REQUEST_REBOOT)) != 0)
        vm_stop(vcpu, (requests & REQUEST_KILL) == 0, "stopped by the service VM");
    if ((requests & REQUEST_SCRUB) != 0)
        vm_scrub(vcpu->vm);
    if ((requests & (REQUEST_LEAVE | REQUEST_REMAIN)) != 0)
        vcpu_take_leave(vcpu, (requests & REQUEST_REMAIN) == 0);
    if ((requests & REQUEST_INIT) != 0 && vcpu->state != VCPU_STOPPED)
        vcpu_take_init(vcpu);
    if ((requests & REQUEST_SIPI) != 0 && vcpu_may_start(vcpu))
        vcpu_take_sipi(vcpu);
    if ((requests & (REQUEST_GUEST_NMI | REQUEST_INIT)) == REQUEST_GUEST_NMI &&
        (vcpu->state == VCPU_RUNNING ||
         vcpu->state == VCPU_PAUSED)) /* INIT clears one that waits */
        vcpu->nmi_pending = true;
    vcpu_take_pause(vcpu); /* also one that has just been started */
}

/*
 * Whose was the NMI? A kick has its request bits; the log port's is known by its byte. With both,
 * the byte is left for an NMI of its own, which logkey_again calls up.
 */
enum exit_reason nmi_serve(struct vcpu *vcpu, uint32_t requests)
{
    if (requests != 0) {
        logkey_again();
        requests_serve(vcpu, requests);
        return (requests & REQUEST_GUEST_NMI) != 0 ? EXIT_NMI : EXIT_KICK;
    }
    if (logkey_poll())
        return EXIT_LOG_KEY;
    if (vcpu != NULL && vcpu->state == VCPU_RUNNING)
        vcpu->nmi_pending = true; /* nobody of ours sent it */
    return EXIT_NMI;
}

enum exit_reason exit_nmi(struct vcpu *vcpu)
{
    return nmi_serve(vcpu, cpu_take_nmi());
}
