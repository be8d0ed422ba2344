/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who must notice nothing of its neighbours' attacks: sums up a pattern in its memory for ever, and
 * says what was typed last backwards. `mb=`: MiB of the pattern; `hz=`: the timer's frequency.
 */
#include "guest.h"

#define UART_DATA   0x3f8u
#define UART_STATUS 0x3fdu
#define UART_READY  1u
#define MIB_WORDS   (1ull << 17)
#define NAPS        50u /* in a second */

static uint64_t words;
static char line[64], said[64];
static size_t length;

static uint64_t expected(uint64_t index)
{
    return (index + 1) * 0x9e3779b97f4a7c15ull;
}

static volatile uint64_t *pattern(void)
{
    return (volatile uint64_t *)(((uint64_t)cpus & ~0xfffffull) + (4ull << 20)); /* behind us */
}

static void fill(void)
{
    for (uint64_t i = 0; i < words; i++)
        pattern()[i] = expected(i);
}

static bool whole(void)
{
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < words; i++)
        wrong += pattern()[i] != expected(i);
    return wrong == 0;
}

/* What is typed may end while the log port still shows this console's lines without its name. */
static void keep_answer(void)
{
    for (size_t i = 0; i < length; i++)
        said[i] = line[length - 1 - i];
    said[length] = '\0';
    length = 0;
}

static void listen(void)
{
    while ((in8(UART_STATUS) & UART_READY) != 0) {
        char c = (char)in8(UART_DATA);
        if (c == '\r')
            keep_answer();
        else if (length + 1 < sizeof(line))
            line[length++] = c;
    }
}

static void nap(uint64_t ticks)
{
    wrmsr(X2APIC_TIMER_DIVIDE, 0xb);
    wrmsr(X2APIC_LVT_TIMER, VECTOR_IPI);
    wrmsr(X2APIC_TIMER_INIT, ticks);
    __asm__ volatile("sti; hlt; cli");
}

void guest_main(void)
{
    char nonce[32] = "";
    option("mullion.nonce", nonce, sizeof(nonce));
    words = option_number("mb") * MIB_WORDS;
    fill();
    print("NEIGHBOUR begin %s\n", nonce);
    for (uint64_t round = 1;; round++) {
        print("MULLION-SUM %s %lu %s\n", whole() ? "ok" : "BAD", round, said);
        for (unsigned i = 0; i < NAPS; i++) {
            listen();
            nap(option_number("hz") / NAPS);
        }
    }
}
