# SPDX-License-Identifier: Apache-2.0
# Given to the assembler for one source of the kernel's own (AFLAGS_entry_64.o=-Wa,area.s): room in
# the kernel's text for a wedge's code and stubs, and in its data for what the wedge writes.

.ifndef afterburn_text_size
.set afterburn_text_size, 65536
.endif
.ifndef afterburn_data_size
.set afterburn_data_size, 49152
.endif

.pushsection .text
.balign 4096,0xcc
.globl afterburn_text, afterburn_text_end
afterburn_text:
.skip afterburn_text_size, 0xcc
afterburn_text_end:
.popsection

.pushsection .data
.balign 4096
.globl afterburn_data, afterburn_data_end
afterburn_data:
.skip afterburn_data_size
afterburn_data_end:
.popsection
