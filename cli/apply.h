/* SPDX-License-Identifier: Apache-2.0 */
/* The machine made as a text says: `mullion apply`, and what set, edit and undo end in. */
#pragma once

#include "change.h"
#include "command.h"
#include "snapshot.h"

struct apply {
    const char *path; /* where the text is from, for messages and to find files beside it */
    const char *text;
    size_t length;
    const struct snapshot *base; /* what the text was made of: refused if the machine has changed
                                    since. NULL: whatever the machine is */
    uint64_t timeout;            /* seconds, 0: as long as it usually takes */
    const char *save;            /* the saved file, to be replaced once this is applied; or NULL */
    const char *save_text;       /* by this, or for NULL by TEXT */
    void (*complain)(const struct answer *answer); /* as in struct change */
};

/* Returns a STATUS_; *OUTCOME is also of a change that was made and then failed to take effect. */
int apply_text(const struct apply *apply, struct outcome *outcome);

int apply_run(char **args, const struct options *options);
