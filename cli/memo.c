/* SPDX-License-Identifier: Apache-2.0 */
/* Cores that were Linux's: /run/mullion/core-N holds the number that N has in Linux. */
#include "memo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "linux.h"
#include "text.h"
#include "tree.h"

#define FOLDER "/run/mullion"

static bool find_path(cpu_id_t core, char *full, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), FOLDER "/core-%u", core);
    return tree_path(path, full, size);
}

bool memo_keep(cpu_id_t core, unsigned linux_cpu)
{
    char full[TREE_PATH_MAX];
    if (!tree_path(FOLDER, full, sizeof(full)) || (mkdir(full, 0755) != 0 && errno != EEXIST) ||
        !find_path(core, full, sizeof(full)))
        return false;
    FILE *file = fopen(full, "w");
    if (file == NULL)
        return false;
    fprintf(file, "%u\n", linux_cpu);
    return fclose(file) == 0;
}

unsigned memo_find(cpu_id_t core)
{
    char path[64], text[32];
    uint64_t number;
    snprintf(path, sizeof(path), FOLDER "/core-%u", core);
    bool known = tree_read(path, text, sizeof(text)) > 0 && text_number(text, &number);
    return known && number < LINUX_NO_CPU ? (unsigned)number : LINUX_NO_CPU;
}

void memo_drop(cpu_id_t core)
{
    char full[TREE_PATH_MAX];
    if (find_path(core, full, sizeof(full)))
        unlink(full);
}
