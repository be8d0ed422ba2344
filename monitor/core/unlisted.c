/* SPDX-License-Identifier: Apache-2.0 */
/* The table of unlisted accesses: first come, first kept. */
#include "core/unlisted.h"

void unlisted_clear(struct unlisted *unlisted)
{
    lock_take(&unlisted->lock);
    unlisted->kept = 0;
    unlisted->lost = 0;
    lock_release(&unlisted->lock);
}

static struct unlisted_use *find(struct unlisted *unlisted, const struct unlisted_use *use)
{
    for (unsigned i = 0; i < unlisted->kept; i++) {
        struct unlisted_use *kept = &unlisted->list[i];
        if (kept->number == use->number && kept->kind == use->kind && kept->size == use->size)
            return kept;
    }
    if (unlisted->kept == UNLISTED_KEPT)
        return NULL;
    struct unlisted_use *made = &unlisted->list[unlisted->kept++];
    *made = *use;
    made->count = 0;
    return made;
}

void unlisted_note(struct unlisted *unlisted, const struct unlisted_use *use)
{
    lock_take(&unlisted->lock);
    struct unlisted_use *kept = find(unlisted, use);
    if (kept != NULL) {
        kept->count++;
        kept->allowed = kept->allowed || use->allowed;
    } else {
        unlisted->lost++;
    }
    lock_release(&unlisted->lock);
}

bool unlisted_get(struct unlisted *unlisted, unsigned index, struct unlisted_use *use)
{
    lock_take(&unlisted->lock);
    bool found = index < unlisted->kept;
    if (found)
        *use = unlisted->list[index];
    lock_release(&unlisted->lock);
    return found;
}
