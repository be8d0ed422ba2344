#pragma once
#include "core/types.h"
struct mtrr {
    int x;
};
static inline void mtrr_read(struct mtrr *m)
{
    m->x = 0;
}
static inline uint64_t mtrr_type_run(const struct mtrr *m, uint64_t a, uint64_t size,
                                     unsigned *type)
{
    (void)m;
    uint64_t top = 0xc0000000;
    if (a >= top && a < (1ull << 32)) {
        *type = 0;
        uint64_t left = (1ull << 32) - a;
        return left < size ? left : size;
    }
    *type = 6;
    if (a < top && a + size > top)
        return top - a;
    return size;
}
