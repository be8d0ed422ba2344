/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration text, parsed. One parser serves the monitor and `mullion check`. */
#pragma once

#include "core/controls.h"

#define CONFIG_NAME_MAX    32u /* a VM's name, with the final NUL */
#define CONFIG_PATH_MAX    64u /* a boot module's name, with the final NUL */
#define CONFIG_CMDLINE_MAX 2048u
#define CONFIG_VM_MODULES  4u
#define CONFIG_PEERS_MAX   8u
#define CONFIG_PROFILES    8u
#define CONFIG_NODE_ANY    UINT32_MAX
#define CONFIG_MESSAGE_MAX 520u
#define CONFIG_ERRORS_MAX  16u

/* The memory of a VM: less holds no kernel and its initrd, more no machine. */
#define CONFIG_MEMORY_MIN (16 * MIB)
#define CONFIG_MEMORY_MAX (64 * 1024 * GIB)
/* By how much it may grow while the VM runs. */
#define CONFIG_GROWTH_MAX (64 * GIB)

struct config_position {
    unsigned line;   /* from 1 */
    unsigned column; /* from 1 */
};

/* config_parse leaves no CONFIG_CONSOLE_DEFAULT behind: what is not written is `uart`. */
enum config_console { CONFIG_CONSOLE_DEFAULT, CONFIG_CONSOLE_UART, CONFIG_CONSOLE_NONE };

struct config_vm {
    char name[CONFIG_NAME_MAX];
    bool service;
    bool spoilt;             /* its block has an error: not to be built */
    unsigned cpu_count;      /* wanted number of cores; with a list: their number */
    bool cpu_listed;         /* true: exactly the cores of cpu_list */
    struct cpu_set cpu_list; /* core numbers as in struct machine */
    unsigned cpus_most;      /* cores that it may have while it is there; 0: what it is made with */
    uint64_t memory;         /* bytes; a multiple of 2 MiB, 4 KiB-pages never needed */
    uint64_t memory_most;    /* up to which that may be changed while it runs; 0: not at all */
    uint32_t node;           /* the wanted node, or CONFIG_NODE_ANY */
    bool allow_smt_sharing;
    char kernel[CONFIG_PATH_MAX];
    char initrd[CONFIG_PATH_MAX];                     /* "" if none */
    char modules[CONFIG_VM_MODULES][CONFIG_PATH_MAX]; /* further modules of a PVH guest */
    unsigned module_count;
    char cmdline[CONFIG_CMDLINE_MAX];
    enum config_console console;
    char network[CONFIG_NAME_MAX]; /* "" if none */
    char peers[CONFIG_PEERS_MAX][CONFIG_NAME_MAX];
    unsigned peer_count;
    struct controls controls; /* with those of its profile */
    /* Where the block and its keywords stand; for a default the block, for a copy its `like`. */
    struct config_position at, cpus_at, cpus_most_at, memory_at, memory_most_at, node_at, kernel_at,
        initrd_at, modules_at, peers_at;
};

/* `profile NAME { }`: controls that VMs share. */
struct config_profile {
    char name[CONFIG_NAME_MAX];
    struct controls controls;
    struct config_position at;
};

enum config_poweroff {
    CONFIG_POWEROFF_LAST,    /* the machine goes off when the last VM has */
    CONFIG_POWEROFF_SERVICE, /* ... when the service VM has */
};

struct config {
    bool strict; /* halt instead of booting the service VM's kernel bare */
    enum config_poweroff poweroff;
    struct config_vm vms[MAX_VMS];
    unsigned vm_count;
    int service; /* index of the service VM in vms, or -1 */
    struct config_profile profiles[CONFIG_PROFILES];
    unsigned profile_count;
};

/* One finding: `file:line:column: what is wrong; what to write instead`. */
struct config_error {
    struct config_position at;
    int vm; /* index of the VM that is spoilt by it, or -1: the whole file */
    char text[CONFIG_MESSAGE_MAX];
};

struct config_errors {
    struct config_error list[CONFIG_ERRORS_MAX];
    unsigned count; /* errors found; those beyond CONFIG_ERRORS_MAX are counted, not kept */
};

/*
 * Parse LENGTH bytes of TEXT into CONFIG. Defaults are filled in. Returns true if no error was
 * found. After an error in a VM's block the parser goes on behind that block, so that the other
 * VMs are known; the spoilt VM is named in the error. Needs no allocation; any input is safe.
 */
bool config_parse(const char *text, size_t length, struct config *config,
                  struct config_errors *errors);
