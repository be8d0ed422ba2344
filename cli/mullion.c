/* SPDX-License-Identifier: Apache-2.0 */
/* The `mullion` command: what the service VM, or a host, can do about the machine's division. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "command.h"
#include "console.h"
#include "create.h"
#include "grub_entry.h"
#include "life.h"
#include "listing.h"
#include "probe.h"
#include "ring.h"
#include "tree.h"

#define VERSION "0.1.0"

#define DEFAULT_IMAGE  "/boot/mullion/mullion.elf"
#define DEFAULT_CONFIG "/boot/mullion/mullion.conf"

static int run_check(char **args, const struct options *options)
{
    struct check_machine machine = {(unsigned)options->cpus, options->memory};
    if ((machine.cpus == 0) != (machine.memory == 0))
        return usage_fail(NULL, "--cpus and --memory belong together; write both", "");
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
                            *args != NULL ? *args : DEFAULT_CONFIG);
}

static int run_help(char **args, const struct options *options);

#define MANY 256u

const struct command commands[] = {
    {"list", "[--json]", "the VMs, their cores, memory, state and network", listing_list, 0, 0},
    {"show", "[--json] VM", "one VM, and its block of the configuration", listing_show, 1, 1},
    {"machine", "[--json]", "cores, memory, modules, and what no VM has (the pool)",
     listing_machine, 0, 0},
    {"stats", "[--json] [VM]", "exits by reason, denials, and the traffic of the devices",
     listing_stats, 0, 1},
    {"config", "", "the machine as it is now, as a configuration", listing_config, 0, 0},
    {"log", "[--follow]", "the monitor's log, with the consoles of all VMs", ring_log, 0, 0},
    {"console", "VM", "the console of a VM, from its last 16 KiB on; Ctrl-] leaves it", console_run,
     1, 1},
    {"create", "FILE",
     "makes the VMs of FILE: all of them, or none. They are off until started.\n"
     "Modules that the monitor has not are uploaded, from FILE's folder,\n"
     "/var/lib/mullion or /boot. Cores and memory that the pool lacks are taken\n"
     "off line here, and given",
     create_run, 1, 1},
    {"start", "[--timeout SECONDS] VM...", "starts VMs that are off", life_start, 1, MANY},
    {"stop", "[--timeout SECONDS] VM...",
     "has the VM's kernel sync and switch off, by magic SysRq "
     "on its console",
     life_stop, 1, MANY},
    {"kill", "[--timeout SECONDS] VM...", "switches VMs off at once", life_kill, 1, MANY},
    {"reboot", "[--timeout SECONDS] VM...", "kill and start", life_reboot, 1, MANY},
    {"destroy", "[--timeout SECONDS] VM...",
     "switches VMs off and takes them apart; their memory "
     "is cleared, and what\nwas this VM's comes back on line",
     life_destroy, 1, MANY},
    {"upload", "[--as NAME] FILE", "gives the monitor a kernel or an initrd", create_upload, 1, 1},
    {"forget", "NAME", "has it drop one that no VM uses", create_forget, 1, 1},
    {"diff", "FILE", "what FILE says otherwise than the machine is; status 1 if anything",
     create_diff, 1, 1},
    {"check", "[--cpus N --memory SIZE] FILE...",
     "reads configuration files as the monitor would and prints each error as\n"
     "FILE:line:column: what is wrong; what to write instead\n"
     "and, if there is none, a line for each VM. FILE may be - for standard\n"
     "input. With --cpus and --memory it also places the VMs on a machine of N\n"
     "cores and SIZE memory (512M, 16G), and says which ones find no room",
     run_check, 1, MANY},
    {"probe", "[--config] [--root DIR]",
     "says whether this machine can run Mullion, what to change if not, and a\n"
     "configuration for it; with --config only the configuration. Root sees more",
     run_probe, 0, 0},
    {"grub-entry", "[--image FILE] [--root DIR] [FILE]",
     "prints a menu entry for GRUB 2 that starts the image " DEFAULT_IMAGE "\n"
     "(--image) with a configuration, by default " DEFAULT_CONFIG ",\n"
     "and the files that it names, from its folder or /boot. It changes nothing.\n"
     "With --root DIR, probe and grub-entry look at a copy of another machine's files",
     run_grub_entry, 0, 1},
    {"help", "| --help | --version", "this text", run_help, 0, 0},
    {0},
};

static void print_usage(FILE *out, const struct command *only)
{
    const char *lead = "usage:";
    for (const struct command *c = commands; c->name != NULL; c++) {
        if (only != NULL && c != only)
            continue;
        fprintf(out, "%-6s mullion %s%s%s\n", lead, c->name, c->arguments[0] != '\0' ? " " : "",
                c->arguments);
        lead = "";
    }
}

int usage_fail(const struct command *command, const char *what, const char *value)
{
    fprintf(stderr, "mullion: %s%s%s\n", what, value[0] != '\0' ? ": " : "", value);
    print_usage(stderr, command);
    return STATUS_USAGE;
}

static int run_help(char **args, const struct options *options)
{
    (void)args;
    (void)options;
    print_usage(stdout, NULL);
    printf("\n");
    for (const struct command *c = commands; c->name != NULL; c++) {
        const char *name = c->name;
        for (const char *line = c->help; line != NULL; name = "") {
            const char *end = strchr(line, '\n');
            int length = end != NULL ? (int)(end - line) : (int)strlen(line);
            printf("%-11s %.*s\n", name, length, line);
            line = end != NULL ? end + 1 : NULL;
        }
    }
    printf("\nExit status: 0 all is well, 1 refused, or a file has errors, or the machine cannot "
           "run\nMullion, 2 wrong usage or an unreadable file, 3 no way to the monitor, 4 a time "
           "limit\nhas passed. All but check, probe and grub-entry are for root in the service "
           "VM.\nThe language of the files: man mullion.conf.\n");
    return STATUS_OK;
}

int main(int count, char **args)
{
    struct options options = {0};
    const struct command *command = commands;
    if (count < 2)
        return usage_fail(NULL, "what shall be done?", "");
    if (strcmp(args[1], "--help") == 0 || strcmp(args[1], "-h") == 0)
        return run_help(args, &options);
    if (strcmp(args[1], "--version") == 0) {
        printf("mullion %s\n", VERSION);
        return STATUS_OK;
    }
    while (command->name != NULL && strcmp(command->name, args[1]) != 0)
        command++;
    if (command->name == NULL)
        return usage_fail(NULL, "there is no command", args[1]);
    int status = options_read(command, args + 2, &options);
    return status == STATUS_OK ? command->run(args + 2, &options) : status;
}
