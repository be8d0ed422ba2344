# SPDX-License-Identifier: Apache-2.0
# A configuration without the lines that are controls.
$1 !~ /^(hlt|pause|monitor|mwait|rdtscp?|rdpmc|invlpg|wbinvd|invd|cr[034]|dr|xsetbv|cpuid)$/ &&
$1 !~ /^(descriptor-tables|software-interrupts|exception|port|msr|pause-filter|tsc-offset|unlisted)$/
