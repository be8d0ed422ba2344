/* SPDX-License-Identifier: Apache-2.0 */
/* `afterburn`: looks into prepared guests, packs them, prepares Linux. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "fail.h"
#include "pack.h"
#include "tool.h"

static const char usage[] =
    "usage: afterburn report FILE\n"
    "       afterburn verify FILE\n"
    "       afterburn pack --guest FILE --output FILE [--initrd FILE] [--cmdline TEXT]\n"
    "                      [--name TEXT] [--entry pvh|linux32] [--shift BYTES]\n"
    "       afterburn build-linux VERSION [--hardened] [--plain] [--output DIR]\n"
    "       afterburn --help\n";

static const char help[] =
    "\n"
    "report       the recorded sites of a prepared kernel, module or object file: by kind, by\n"
    "             section and by mode, bytes of padding, and which stay as they are, and why\n"
    "verify       compares the records with a disassembly that does not read them: what is\n"
    "             sensitive and not recorded, what is recorded and is not there, whether each\n"
    "             sti is the last byte of its site\n"
    "pack         writes one file of a prepared guest, its initial RAM disk and its command line;\n"
    "             a wedge takes that as its one module\n"
    "build-linux  fetches Linux 6.1 or 6.12 as Debian's source package and builds it prepared\n"
    "\n"
    "Exit status: 0 all is well; 1 verify has found a rule broken, or build-linux has built\n"
    "nothing; 2 wrong usage, or a file that cannot be used. The manual page: afterburn(1).\n";

static _Noreturn void usage_fail(const char *what, const char *value)
{
    fprintf(stderr, "afterburn: %s%s%s\n%s", what, value[0] != '\0' ? ": " : "", value, usage);
    exit(STATUS_USAGE);
}

static enum afterburn_entry entry_named(const char *name)
{
    if (strcmp(name, "pvh") == 0)
        return AFTERBURN_ENTRY_PVH;
    if (strcmp(name, "linux32") == 0)
        return AFTERBURN_ENTRY_LINUX32;
    usage_fail("--entry is pvh or linux32, not", name);
}

static uint64_t number(const char *text)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 0);
    if (errno != 0 || end == text || *end != '\0')
        usage_fail("--shift takes a number of bytes, not", text);
    return value;
}

static int pack(int argc, char **argv)
{
    static const struct option options[] = {
        {"guest", required_argument, NULL, 'g'},   {"initrd", required_argument, NULL, 'i'},
        {"cmdline", required_argument, NULL, 'c'}, {"output", required_argument, NULL, 'o'},
        {"name", required_argument, NULL, 'n'},    {"entry", required_argument, NULL, 'e'},
        {"shift", required_argument, NULL, 's'},   {NULL, 0, NULL, 0}};
    struct pack_request request = {.cmdline = "", .name = ""};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (option) {
        case 'g':
            request.guest = optarg;
            break;
        case 'i':
            request.initrd = optarg;
            break;
        case 'c':
            request.cmdline = optarg;
            break;
        case 'o':
            request.output = optarg;
            break;
        case 'n':
            request.name = optarg;
            break;
        case 'e':
            request.entry_kind = entry_named(optarg);
            break;
        case 's':
            request.shift = number(optarg);
            break;
        default:
            usage_fail("pack does not take that", "");
        }
    }
    if (optind < argc)
        usage_fail("pack takes options only, not", argv[optind]);
    if (request.guest == NULL || request.output == NULL)
        usage_fail("pack needs --guest and --output", "");
    pack_write(&request);
    return STATUS_OK;
}

static int run(int argc, char **argv)
{
    const char *command = argv[1];
    if (strcmp(command, "pack") == 0)
        return pack(argc - 1, argv + 1);
    if (strcmp(command, "build-linux") == 0)
        return build_linux(argv + 2);
    if (strcmp(command, "report") != 0 && strcmp(command, "verify") != 0)
        usage_fail("no such command", command);
    if (argc != 3)
        usage_fail("one file is needed by", command);
    return strcmp(command, "report") == 0 ? report(argv[2]) : verify(argv[2]);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        usage_fail("a command is missing", "");
    bool of_command = argc == 3 && strcmp(argv[2], "--help") == 0 &&
                      strcmp(argv[1], "build-linux") != 0; /* which has its own */
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 || of_command) {
        printf("%s%s", usage, help);
        return STATUS_OK;
    }
    int status = run(argc, argv);
    decode_end();
    return status;
}
