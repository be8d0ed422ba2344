# SPDX-License-Identifier: Apache-2.0
# For 32-bit sources, after x86-64.s (-Wa,x86-64.s,i386.s): what 64-bit code does not have. All else
# is the same: the records' fields and the padding are the same bytes in every mode.
ab_kind ab_site, 24, lds, ldsw, ldsl, les, lesw, lesl
