/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of every placement. */
#pragma once

#include "core/place.h"
#include "fuzz.h"

/* The VM numbered INDEX has what it wants, of what MACHINE has, and nobody else has any of it. */
void fuzz_check_placed(const struct machine *machine, const struct config *config,
                       const struct place_plan *plan, unsigned index);

/* Without the VMs that found no room the others are where they are. Spoils CONFIG. */
void fuzz_check_independence(const struct machine *machine, struct config *config,
                             const struct place_plan *plan, struct place_plan *again);
