/* SPDX-License-Identifier: Apache-2.0 */
/* The `mullion` command: what a host or the service VM can do about the machine's configuration. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "core/config.h"
#include "core/config_units.h"

#define VERSION "0.1.0"

static const char usage[] = "usage: mullion check [--cpus N --memory SIZE] FILE...\n"
                            "       mullion help | --help | --version\n";

static const char help[] =
    "\n"
    "check    reads configuration files as the monitor would and prints each error as\n"
    "         FILE:line:column: what is wrong; what to write instead\n"
    "         and, if there is none, a line for each VM. FILE may be - for standard input.\n"
    "         With --cpus and --memory it also places the VMs on a machine of N cores\n"
    "         and SIZE memory (512M, 16G), and says which ones find no room.\n"
    "\n"
    "Exit status: 0 all is well, 1 a file has errors, 2 wrong usage or an unreadable file.\n"
    "The language of the files: man mullion.conf.\n";

static int fail_usage(const char *what, const char *value)
{
    fprintf(stderr, "mullion: %s%s%s\n%s", what, value[0] != '\0' ? ": " : "", value, usage);
    return STATUS_USAGE;
}

/* Read one option's VALUE, NULL if there is none, into MACHINE. Returns a STATUS_. */
static int read_option(const char *option, const char *value, struct check_machine *machine)
{
    uint64_t cpus;
    if (value == NULL)
        return fail_usage("a value is missing behind", option);
    if (strcmp(option, "--memory") == 0) {
        if (!config_units_size(value, strlen(value), &machine->memory) ||
            machine->memory < CONFIG_MEMORY_MIN || machine->memory > CONFIG_MEMORY_MAX)
            return fail_usage("--memory must be a size of 16M to 64T, such as 16G, and is", value);
        return STATUS_OK;
    }
    if (!config_units_number(value, strlen(value), &cpus) || cpus == 0 || cpus > MAX_CPUS)
        return fail_usage("--cpus must be 1 to 256, and is", value);
    machine->cpus = (unsigned)cpus;
    return STATUS_OK;
}

static int run_check(char **args)
{
    struct check_machine machine = {0};
    for (; *args != NULL && strncmp(*args, "--", 2) == 0; args += 2) {
        if (strcmp(*args, "--cpus") != 0 && strcmp(*args, "--memory") != 0)
            return fail_usage("there is no option", *args);
        if (read_option(args[0], args[1], &machine) != STATUS_OK)
            return STATUS_USAGE;
    }
    if ((machine.cpus == 0) != (machine.memory == 0))
        return fail_usage("--cpus and --memory belong together; write both", "");
    if (*args == NULL)
        return fail_usage("check needs a file", "");
    int worst = STATUS_OK;
    for (; *args != NULL; args++) {
        int status = check_file(*args, &machine);
        worst = status > worst ? status : worst;
    }
    return worst;
}

int main(int count, char **args)
{
    if (count < 2)
        return fail_usage("what shall be done?", "");
    if (strcmp(args[1], "check") == 0)
        return run_check(args + 2);
    if (strcmp(args[1], "--version") == 0) {
        printf("mullion %s\n", VERSION);
        return STATUS_OK;
    }
    if (strcmp(args[1], "help") == 0 || strcmp(args[1], "--help") == 0 ||
        strcmp(args[1], "-h") == 0) {
        printf("%s%s", usage, help);
        return STATUS_OK;
    }
    return fail_usage("there is no command", args[1]);
}
