/* SPDX-License-Identifier: Apache-2.0 */
/* The ground's mapping, of those that are linked into this wedge. `count` knows every ground: last.
 */
#include "boot.h"

#pragma weak mapping_mullion
#pragma weak mapping_kvm
#pragma weak mapping_xen
#pragma weak mapping_count

/* Mullion first: it shows KVM's leaf, too. */
static const struct wedge_mapping *const mappings[] = {&mapping_mullion, &mapping_kvm, &mapping_xen,
                                                       &mapping_count};

const struct wedge_mapping *select_mapping(void)
{
    for (unsigned i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++)
        if (mappings[i] != NULL && mappings[i]->detect())
            return mappings[i];
    return NULL;
}

void select_print_known(void)
{
    for (unsigned i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++)
        if (mappings[i] != NULL)
            wedge_print(" %s", mappings[i]->name);
}
