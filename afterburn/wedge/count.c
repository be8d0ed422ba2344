/* SPDX-License-Identifier: Apache-2.0 */
#include "wedge.h"

static bool detect(void)
{
    return true;
}

static const char *start(struct wedge_load *load)
{
    load->kinds = (1ull << AFTERBURN_KINDS) - 1;
    return NULL;
}

const struct wedge_mapping mapping_count = {"count", GROUND_COUNT, detect, start, wedge_print_com1};
