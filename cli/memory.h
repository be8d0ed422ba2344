/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that running VMs get and give back, as the monitor's `settle` tells of it. */
#pragma once

#include <stdbool.h>

#include "record.h"

/* Has each VM the memory that it is to have, as far as it has a driver that could change that? */
bool memory_settled(const struct records *records);
/* Say what each has, and what is missing. */
void memory_print(const struct records *records);
