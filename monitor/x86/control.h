/* SPDX-License-Identifier: Apache-2.0 */
/* The control service for the service VM. */
#pragma once

#include "core/control.h"

#define MULLION_VERSION "0.1.0"

/* Have the endpoint of CID 2 answer requests. Boot core, once; false: no memory. */
bool control_service_init(void);
