/* SPDX-License-Identifier: Apache-2.0 */
/* Are a recorded site's bytes what its record says? */
#pragma once

#include "sites.h"

/* NULL: yes; else what is wrong, in words. */
const char *site_wrong(const struct site *site);
