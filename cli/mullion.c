/* SPDX-License-Identifier: Apache-2.0 */
/* The `mullion` command: what a host or the service VM can do about the machine's configuration. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "core/config_units.h"
#include "grub_entry.h"
#include "probe.h"
#include "tree.h"

#define VERSION "0.1.0"

#define DEFAULT_IMAGE  "/boot/mullion/mullion.elf"
#define DEFAULT_CONFIG "/boot/mullion/mullion.conf"

static const char usage[] = "usage: mullion check [--cpus N --memory SIZE] FILE...\n"
                            "       mullion probe [--config] [--root DIR]\n"
                            "       mullion grub-entry [--image FILE] [--root DIR] [FILE]\n"
                            "       mullion help | --help | --version\n";

static const char help[] =
    "\n"
    "check       reads configuration files as the monitor would and prints each error as\n"
    "            FILE:line:column: what is wrong; what to write instead\n"
    "            and, if there is none, a line for each VM. FILE may be - for standard\n"
    "            input. With --cpus and --memory it also places the VMs on a machine of N\n"
    "            cores and SIZE memory (512M, 16G), and says which ones find no room.\n"
    "probe       says whether this machine can run Mullion, what to change if not, and a\n"
    "            configuration for it; with --config only the configuration. Root sees more.\n"
    "grub-entry  prints a menu entry for GRUB 2 that starts the image " DEFAULT_IMAGE "\n"
    "            (--image) with a configuration, by default " DEFAULT_CONFIG ",\n"
    "            and the files that it names, from its folder or /boot. It changes nothing.\n"
    "\n"
    "With --root DIR, probe and grub-entry look at a copy of another machine's files.\n"
    "\n"
    "Exit status: 0 all is well, 1 a file has errors or the machine cannot run Mullion, 2 wrong\n"
    "usage or an unreadable file. The language of the files: man mullion.conf.\n";

static int fail_usage(const char *what, const char *value)
{
    fprintf(stderr, "mullion: %s%s%s\n%s", what, value[0] != '\0' ? ": " : "", value, usage);
    return STATUS_USAGE;
}

static bool is_option(const char *word)
{
    return word != NULL && strncmp(word, "--", 2) == 0;
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
    for (; is_option(*args); args += 2) {
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

static int run_probe(char **args)
{
    bool config_only = false;
    for (; *args != NULL; args++) {
        if (strcmp(*args, "--config") == 0) {
            config_only = true;
            continue;
        }
        if (strcmp(*args, "--root") != 0)
            return fail_usage(is_option(*args) ? "there is no option" : "probe takes no file",
                              *args);
        if (*++args == NULL)
            return fail_usage("a value is missing behind", "--root");
        tree_set_root(*args);
    }
    return probe_run(config_only);
}

static int run_grub_entry(char **args)
{
    const char *image = DEFAULT_IMAGE;
    for (; is_option(*args); args += 2) {
        bool root = strcmp(*args, "--root") == 0;
        if (!root && strcmp(*args, "--image") != 0)
            return fail_usage("there is no option", *args);
        if (args[1] == NULL)
            return fail_usage("a value is missing behind", *args);
        if (root)
            tree_set_root(args[1]);
        else
            image = args[1];
    }
    if (*args != NULL && args[1] != NULL)
        return fail_usage("grub-entry takes one file, and there is also", args[1]);
    return grub_entry_print(image, *args != NULL ? *args : DEFAULT_CONFIG);
}

static int run_version(char **args)
{
    (void)args;
    printf("mullion %s\n", VERSION);
    return STATUS_OK;
}

static int run_help(char **args)
{
    (void)args;
    printf("%s%s", usage, help);
    return STATUS_OK;
}

static const struct {
    const char *name;
    int (*run)(char **args);
} commands[] = {
    {"check", run_check}, {"probe", run_probe}, {"grub-entry", run_grub_entry}, {"help", run_help},
    {"--help", run_help}, {"-h", run_help},     {"--version", run_version},
};

int main(int count, char **args)
{
    if (count < 2)
        return fail_usage("what shall be done?", "");
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
        if (strcmp(args[1], commands[i].name) == 0)
            return commands[i].run(args + 2);
    return fail_usage("there is no command", args[1]);
}
