/* SPDX-License-Identifier: Apache-2.0 */
/* Cores of VMs that are there, when a whole configuration changes them. */
#pragma once

#include "core/config.h"

#include "give.h"

/* Add to NEED what VMs that are there lack of the cores that FILE says. Returns a STATUS_. */
int cores_need(struct need *need, const struct config *file);

/*
 * Cores that FILE takes from running VMs: their kernels should have switched these off, and each
 * core itself has to see that it is so. The monitor then knows; what it does not see stays as it
 * was. Returns a STATUS_.
 */
int cores_look(const struct config *file);
