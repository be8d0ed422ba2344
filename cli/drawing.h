/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion draw`: a machine and its division, as a picture (SVG 1.1). */
#pragma once

#include "core/config.h"
#include "core/machine.h"

#include "command.h"

#define DRAWING_FREE   (-1) /* nobody's: the pool */
#define DRAWING_PIECES 512u

/* A machine with the owner of each part: an index into VMS, or DRAWING_FREE. */
struct drawing {
    struct {
        char name[CONFIG_NAME_MAX];
        char kernel[CONFIG_PATH_MAX];
        bool service;
    } vms[MAX_VMS];
    unsigned vm_count;
    struct {
        uint32_t node, number;
        int owner;
    } cpus[MAX_CPUS];
    unsigned cpu_count;
    struct {
        uint64_t base, size;
        uint32_t node;
        int owner;
    } pieces[DRAWING_PIECES]; /* sorted by base */
    unsigned piece_count;
    unsigned node_count;
};

/* Print it to standard output. */
void drawing_print(const struct drawing *drawing);

/* Fill in what FILE's placement on MACHINE gives. Returns a STATUS_. */
int drawing_place(struct drawing *drawing, const char *file, const struct machine *machine);

/* Add a part; too many are left out. */
void drawing_add_cpu(struct drawing *drawing, uint32_t node, uint32_t number, int owner);
void drawing_add_piece(struct drawing *drawing, uint64_t base, uint64_t size, uint32_t node,
                       int owner);

/* The command. Returns a STATUS_. */
int draw_run(char **args, const struct options *options);
