# SPDX-License-Identifier: Apache-2.0
# A configuration without the lines that are controls.
$1 !~ /^(hlt|pause|monitor|mwait|rdtscp?|rdpmc|invlpg|wbinvd|cr[034]|dr|xsetbv)$/ &&
$1 !~ /^(descriptor-tables|exception|port|msr|unlisted)$/
