/* SPDX-License-Identifier: Apache-2.0 */
/* Resident code calls mappings by name: this stands for those not in a wedge, and says "not done". */
    .section .resident.text, "ax"
    .weak kvm_console, mullion_console, xen_console, kvm_ipi, mullion_ipi
    .weak count_access, count_fits, count_make
kvm_console:
mullion_console:
xen_console:
kvm_ipi:
mullion_ipi:
count_access:
count_fits:
count_make: /* entry 0: there is none */
    xorl %eax, %eax
    ret

    .section .note.GNU-stack, "", @progbits
