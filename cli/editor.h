/* SPDX-License-Identifier: Apache-2.0 */
/* The user's editor, and a file for it that nobody else can read. */
#pragma once

#include <stdbool.h>

struct draft {
    char *folder, *path;
};

/* Make a file of TEXT in a new folder below $TMPDIR. Returns a STATUS_; draft_drop is due. */
int draft_make(struct draft *draft, const char *text);
/* Remove the file, unless it is to be KEPT, and free the memory. */
void draft_drop(struct draft *draft, bool kept);

/* Call the editor with the file, and wait. Returns a STATUS_. */
int editor_run(const char *path);
