// SPDX-License-Identifier: Apache-2.0
// What the kernel was told (/proc/cmdline) and what it found: the MULLION-REPORT line.
#include "init.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static void param_set(struct params *params, const char *key, const char *value)
{
    struct {
        const char *key;
        char *text;
        unsigned long *number;
    } const known[] = {
        {"name", params->name, NULL},      {"nonce", params->nonce, NULL},
        {"role", params->role, NULL},      {"delay", NULL, &params->delay_ms},
        {"count", NULL, &params->count},   {"mb", NULL, &params->mb},
        {"rounds", NULL, &params->rounds}, {"seconds", NULL, &params->seconds},
        {"loads", params->loads, NULL},    {"peer", params->peer, NULL},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(key, known[i].key) != 0)
            continue;
        if (known[i].text)
            snprintf(known[i].text, PARAM_SIZE, "%s", value);
        else
            *known[i].number = strtoul(value, NULL, 10);
    }
}

void params_read(struct params *params)
{
    static const char prefix[] = "mullion.";
    char line[4096], *rest = line;

    *params = (struct params){.name = "guest",
                              .nonce = "-",
                              .role = "shell",
                              .delay_ms = 500,
                              .count = 5,
                              .rounds = 4000,
                              .mb = 16,
                              .seconds = 20};
    file_read("/proc/cmdline", line, sizeof(line));
    for (char *word; (word = strsep(&rest, " \n")) != NULL;) {
        char *value = strchr(word, '=');

        if (strncmp(word, prefix, sizeof(prefix) - 1) != 0 || !value)
            continue;
        *value = '\0';
        param_set(params, word + sizeof(prefix) - 1, value + 1);
    }
}

int cpus_online(void)
{
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static unsigned long memory_total_kb(void)
{
    char text[4096], *line;

    file_read("/proc/meminfo", text, sizeof(text));
    line = strstr(text, "MemTotal:");
    return line ? strtoul(line + strlen("MemTotal:"), NULL, 10) : 0;
}

// A kernel without NUMA has no such directory; it is one node.
static int numa_nodes(void)
{
    DIR *nodes = opendir("/sys/devices/system/node");
    int count = 0;

    if (!nodes)
        return 1;
    for (struct dirent *entry; (entry = readdir(nodes)) != NULL;)
        if (strncmp(entry->d_name, "node", 4) == 0 && isdigit((unsigned char)entry->d_name[4]))
            count++;
    closedir(nodes);
    return count ? count : 1;
}

void report_print(const struct params *params)
{
    struct utsname kernel;

    uname(&kernel);
    printf("MULLION-REPORT name=%s nonce=%s kernel=%s cpus=%d memtotal_kb=%lu numa_nodes=%d\n",
           params->name, params->nonce, kernel.release, cpus_online(), memory_total_kb(),
           numa_nodes());
}
