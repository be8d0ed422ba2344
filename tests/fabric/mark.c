/* SPDX-License-Identifier: Apache-2.0 */
/* mark N: the instruction that the counting plugin looks for (bench/plugin), N below 256 in EAX. */
#include <stdlib.h>

int main(int argc, char **argv)
{
    unsigned id = argc == 2 ? (unsigned)atoi(argv[1]) : 0;

    __asm__ volatile(".byte 0x0f, 0x1f, 0x80\n\t.ascii \"MARK\"" : : "a"(id) : "memory");
    return id == 0;
}
