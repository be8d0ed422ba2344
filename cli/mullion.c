/* SPDX-License-Identifier: Apache-2.0 */
/* The `mullion` command: the machine's configuration, on any Linux and from the service VM. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "tree.h"

#define VERSION "0.1.0"

#define HELP_INDENT 12

static const char help_end[] =
    "\n"
    "With --root DIR, probe and grub-entry look at a copy of another machine's files. All but\n"
    "check, probe, grub-entry and draw of a machine that is given talk to the monitor: as root,\n"
    "in the service VM. --json prints an object that has a list for each kind of record.\n"
    "\n"
    "Exit status: 0 all is well; 1 refused by the monitor or by Linux, a file has errors, or the\n"
    "machine cannot run Mullion; 2 wrong usage or an unreadable file; 3 no way to the monitor;\n"
    "4 a time limit has passed. The language of the files: man mullion.conf.\n";

static void print_usage(FILE *out, const struct command *command, const char *before)
{
    fprintf(out, "%s mullion %s%s%s\n", before, command->name,
            command->arguments[0] != '\0' ? " " : "", command->arguments);
}

static void print_usages(FILE *out)
{
    for (const struct command *command = commands; command->name != NULL; command++)
        print_usage(out, command, command == commands ? "usage:" : "      ");
    fprintf(out, "       mullion help | --help | --version\n");
}

int usage_fail(const struct command *command, const char *what, const char *value)
{
    fprintf(stderr, "mullion: %s%s%s\n", what, value[0] != '\0' ? ": " : "", value);
    if (command == NULL)
        print_usages(stderr);
    else
        print_usage(stderr, command, "usage:");
    return STATUS_USAGE;
}

/* A command's help, with each line moved to the right. */
static void print_help(const struct command *command)
{
    const char *line = command->help;
    printf("%-*s", HELP_INDENT, command->name);
    for (size_t length; *line != '\0'; line += length) {
        length = strcspn(line, "\n");
        length += line[length] == '\n' ? 1 : 0;
        printf("%*s%.*s", line == command->help ? 0 : HELP_INDENT, "", (int)length, line);
    }
    printf("\n");
}

static int help(void)
{
    print_usages(stdout);
    printf("\n");
    for (const struct command *command = commands; command->name != NULL; command++)
        print_help(command);
    printf("%s", help_end);
    return STATUS_OK;
}

static int run(const struct command *command, char **args)
{
    struct options options = {0};
    int status = options_read(command, args, &options);
    if (status == STATUS_OK && (options.cpus == 0) != (options.memory == 0))
        status = usage_fail(command, "--cpus and --memory belong together; write both", "");
    if (status == STATUS_OK && options.nodes > options.cpus)
        status = usage_fail(command, "--nodes needs --cpus, and a core for each node", "");
    return status == STATUS_OK ? command->run(args, &options) : status;
}

int main(int count, char **args)
{
    const char *root = getenv("MULLION_ROOT");
    if (count < 2)
        return usage_fail(NULL, "what shall be done?", "");
    if (root != NULL)
        tree_set_root(root);
    if (strcmp(args[1], "--version") == 0) {
        printf("mullion %s\n", VERSION);
        return STATUS_OK;
    }
    if (strcmp(args[1], "help") == 0 || strcmp(args[1], "--help") == 0 ||
        strcmp(args[1], "-h") == 0)
        return help();
    for (const struct command *command = commands; command->name != NULL; command++)
        if (strcmp(args[1], command->name) == 0)
            return run(command, args + 2);
    return usage_fail(NULL, "there is no command", args[1]);
}
