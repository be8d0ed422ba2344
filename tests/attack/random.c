/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers from the nonce of this run: with the same nonce the same attack. */
#include "guest.h"

static uint64_t state = 1;

void random_seed(void)
{
    char nonce[64] = "";
    option("mullion.nonce", nonce, sizeof(nonce));
    state = 0xcbf29ce484222325ull; /* FNV-1a */
    for (const char *c = nonce; *c != '\0'; c++)
        state = (state ^ (uint8_t)*c) * 0x100000001b3ull;
    if (state == 0)
        state = 1;
    print("HOSTILE seed %lx, of nonce %s\n", state, nonce);
}

uint64_t random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}
