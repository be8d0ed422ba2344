/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration written in its own language. */
#pragma once

#include "core/config.h"
#include "core/text.h"

/* VM's block: parsed again it is the same, but for the places of its lines. */
void config_write_vm(struct text *text, const struct config_vm *vm);
