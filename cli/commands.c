/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the commands. */
#include <stdio.h>
#include <string.h>

#include "apply.h"
#include "check.h"
#include "command.h"
#include "console.h"
#include "create.h"
#include "diff.h"
#include "drawing.h"
#include "edit.h"
#include "grub_entry.h"
#include "life.h"
#include "list.h"
#include "listing.h"
#include "module.h"
#include "probe.h"
#include "ring.h"
#include "saved.h"
#include "set.h"
#include "suggest.h"
#include "top.h"
#include "trace.h"
#include "tree.h"
#include "undo.h"

#define DEFAULT_IMAGE "/boot/mullion/mullion.elf"

#define MANY 1000000u

static int run_check(char **args, const struct options *options)
{
    struct check_machine machine = {(unsigned)options->cpus, options->memory,
                                    (unsigned)options->nodes};
    int worst = STATUS_OK;
    for (; *args != NULL; args++) {
        int status = check_file(*args, &machine);
        worst = status > worst ? status : worst;
    }
    return worst;
}

static int run_probe(char **args, const struct options *options)
{
    (void)args;
    if (options->root != NULL)
        tree_set_root(options->root);
    return probe_run(options->config);
}

static int run_grub_entry(char **args, const struct options *options)
{
    if (options->root != NULL)
        tree_set_root(options->root);
    return grub_entry_print(options->image != NULL ? options->image : DEFAULT_IMAGE,
                            args[0] != NULL ? args[0] : SAVED_DEFAULT);
}

const struct command commands[] = {
    {"list", "[--json] [--saved FILE]",
     "the VMs, also those that are off: cores, memory, state; a * behind the state of those\n"
     "that are not as in " SAVED_DEFAULT " (--saved), the file of the next boot",
     list_run, 0, 0},
    {"show", "[--json] VM", "all that is known of a VM, and its block of configuration",
     listing_show, 1, 1},
    {"machine", "[--json]", "cores, memory and boot modules: whose they are, and the pool",
     listing_machine, 0, 0},
    {"stats", "[--json] [VM]", "exits by core and reason, what was denied, device counters",
     listing_stats, 0, 1},
    {"top", "[--once]",
     "the same, live: exits and traffic each second; q leaves it. --once, or without a\n"
     "terminal: one second of it as text.",
     top_run, 0, 0},
    {"log", "[--follow]", "the monitor's log; --follow goes on until Ctrl-C", ring_log, 0, 0},
    {"console", "VM",
     "what the VM has written on its console, then both directions; Ctrl-] leaves it.\n"
     "Without a terminal: what stands on standard input, until its end.",
     console_run, 1, 1},
    {"create", "FILE | NAME --like VM [--profile P] [--file FILE] [KEY=VALUE...]",
     "makes the VMs of FILE, which are off then; `like` and `peers` may name VMs that\n"
     "are there. Kernels that the monitor has not got are uploaded; cores and memory\n"
     "that the pool lacks are taken from this Linux, which may refuse. With --like: one\n"
     "like VM, with the profile P of the saved file (--file), and settings of its own.",
     create_vms, 1, MANY},
    {"start", "[--timeout SECONDS] VM...", "starts VMs and waits until they run", life_start, 1,
     MANY},
    {"stop", "[--timeout SECONDS] VM...",
     "asks the VM's kernel (SysRq) to write everything out and to switch off", life_stop, 1, MANY},
    {"kill", "[--timeout SECONDS] VM...", "off at once", life_kill, 1, MANY},
    {"reboot", "[--timeout SECONDS] VM...", "off at once, and started again", life_reboot, 1, MANY},
    {"resume", "[--timeout SECONDS] VM...", "a VM that a control has paused goes on", life_resume,
     1, MANY},
    {"destroy", "[--timeout SECONDS] VM...",
     "off, and its memory cleared; what had been this Linux's comes back to it", life_destroy, 1,
     MANY},
    {"config", "", "the machine as it is, as a configuration", listing_config, 0, 0},
    {"diff", "FILE", "what apply would change: + a new VM, - one that goes, ~ a setting", diff_run,
     1, 1},
    {"apply", "[--watch] [--save] [--saved FILE] [--timeout SECONDS] FILE",
     "makes the machine as FILE says, also VMs that run, as far as their settings can be\n"
     "changed live; VMs that it does not name are destroyed. --watch: now and on each save\n"
     "until Ctrl-C. --save: FILE's text becomes the file of the next boot, too.",
     apply_run, 1, 1},
    {"set", "[--save] [--saved FILE] [--timeout SECONDS] VM KEY=VALUE...",
     "changes settings of a VM: rdtsc=count \"port 0x70-0x71=deny\" \"msr 0x10 write=log\";\n"
     "with --save also in the file of the next boot",
     set_run, 2, MANY},
    {"edit", "[--save] [--saved FILE] [--timeout SECONDS]",
     "the machine's configuration in $VISUAL or $EDITOR, and what was changed applied;\n"
     "--save: it becomes the file of the next boot, too",
     edit_run, 0, 0},
    {"undo", "[--timeout SECONDS]", "back to what was before the last apply, set, edit or undo",
     undo_run, 0, 0},
    {"trace", "[--event WHAT] [--seconds N] [--summary] [--json] VM",
     "what the VM does that its settings log, live, until Ctrl-C or for N seconds; only\n"
     "the events WHAT, such as rdtsc or port,msr. --summary: at the end, how many of each\n"
     "event there were, and where.",
     trace_run, 1, 1},
    {"suggest", "[--json] VM",
     "lines for the ports and MSRs that the VM has used since its start and that no line of\n"
     "its names: with them in its block, `unlisted deny` gives it what `unlisted audit` does",
     suggest_run, 1, 1},
    {"upload", "[--as NAME] FILE...", "gives the monitor kernels and initial RAM disks to keep",
     module_upload, 1, MANY},
    {"forget", "NAME...", "makes the monitor drop what was uploaded and no VM uses", module_forget,
     1, MANY},
    {"draw", "[--cpus N --memory SIZE [--nodes N]] [FILE]",
     "a picture (SVG) of the machine, of what FILE would make of it, or with --cpus and\n"
     "--memory of what FILE would make of a machine like that, without a monitor",
     draw_run, 0, 1},
    {"check", "[--cpus N --memory SIZE [--nodes N]] FILE...",
     "reads configuration files as the monitor would and prints each error as\n"
     "FILE:line:column: what is wrong; what to write instead\n"
     "and, if there is none, a line for each VM. FILE may be - for standard input.\n"
     "With --cpus and --memory it also places the VMs on a machine of N cores and SIZE\n"
     "memory (512M, 16G), in equal parts on its nodes, and says which find no room.",
     run_check, 1, MANY},
    {"probe", "[--config] [--root DIR]",
     "whether this machine can run Mullion, what to change if not, and a configuration\n"
     "for it; with --config only the configuration. Root sees more.",
     run_probe, 0, 0},
    {"grub-entry", "[--image FILE] [--root DIR] [FILE]",
     "prints a menu entry for GRUB 2 that starts the image " DEFAULT_IMAGE "\n"
     "(--image) with a configuration, by default " SAVED_DEFAULT ",\n"
     "and the files that it names, from its folder or /boot. It changes nothing.",
     run_grub_entry, 0, 1},
    {0},
};
