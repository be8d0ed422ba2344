/* SPDX-License-Identifier: Apache-2.0 */
/* What a request has changed of VMs that stay, for the log. */
#pragma once

#include "core/text.h"

#define CHANGES_LOGGED 40u

/*
 * Of an answer the records `changed vm NAME what WHAT old OLD new NEW`, a line of log each with the
 * GENERATION that they have made; of more than CHANGES_LOGGED the number. Any core.
 */
void changes_log(const struct text *answer, unsigned generation);
