/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VM's console. The monitor cannot call, so it is asked: soon again while something moves, less
 * often while nothing does.
 */
#include "console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "record.h"
#include "ring.h"

#define DETACH      0x1d /* Ctrl-] */
#define POLL_MIN_MS 10
#define POLL_MAX_MS 200
#define QUIET_POLLS 5 /* without output, after the end of the input, and all is said */

struct console {
    const char *vm;
    uint64_t from; /* of its ring: what has not been printed */
    char input[1024];
    size_t waiting;       /* bytes in INPUT */
    bool ended, detached; /* there is no more input; the user wants to leave */
};

static struct termios saved;
static volatile sig_atomic_t signalled;

static void note_signal(int number)
{
    signalled = number;
}

/* Keys go to the VM, all but one; what it prints has its own line ends. */
static bool set_raw(void)
{
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved) != 0)
        return false;
    struct termios raw = saved;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* Write it all, as it is; false if nobody listens. */
static bool write_all(const char *data, size_t length)
{
    while (length > 0) {
        ssize_t done = write(STDOUT_FILENO, data, length);
        if (done < 0 && errno != EINTR)
            return false;
        data += done > 0 ? done : 0;
        length -= done > 0 ? (size_t)done : 0;
    }
    return true;
}

/* Print what is new; MOVED if there was something. Returns a STATUS_. */
static int print_new(struct console *console, bool *moved)
{
    char request[64];
    struct ring ring;
    snprintf(request, sizeof(request), "console %s", console->vm);
    int status = ring_ask(&ring, request, console->from);
    if (status != STATUS_OK)
        return status;
    *moved = *moved || ring.to != console->from;
    console->from = ring.to;
    console->detached = !write_all(ring.data, (size_t)(ring.to - ring.from)) || console->detached;
    return STATUS_OK;
}

/* Wait up to MILLISECONDS for keys, and read them while there is room. */
static void read_keys(struct console *console, int milliseconds, bool terminal)
{
    struct pollfd keys = {.fd = STDIN_FILENO, .events = POLLIN};
    size_t room = sizeof(console->input) - console->waiting;
    bool reading = room > 0 && !console->ended;
    if (poll(&keys, reading ? 1 : 0, milliseconds) <= 0)
        return;
    char *key = console->input + console->waiting;
    ssize_t got = read(STDIN_FILENO, key, room);
    console->ended = got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
    if (got <= 0)
        return;
    const char *detach = terminal ? memchr(key, DETACH, (size_t)got) : NULL;
    console->detached = detach != NULL;
    console->waiting += detach != NULL ? (size_t)(detach - key) : (size_t)got;
}

/* Give the VM what it takes of the input; the rest waits. */
static int send_keys(struct console *console, bool *moved)
{
    struct answer answer;
    struct records records = {0};
    struct body body = {console->input, console->waiting, NULL};
    if (console->waiting == 0)
        return STATUS_OK;
    int status = control_do(&answer, &body, "input %s", console->vm);
    if (status != STATUS_OK)
        return status;
    /* `taken N`: a kind, and a key without a value. */
    unsigned long taken;
    if (sscanf(answer.text, "taken %lu", &taken) != 1 || taken > console->waiting)
        status = control_garbled("it does not say how much of the input was taken");
    else
        memmove(console->input, console->input + taken, console->waiting -= taken);
    *moved = *moved || (status == STATUS_OK && taken > 0);
    records_free(&records);
    return status;
}

static int talk(struct console *console, bool terminal)
{
    int status = STATUS_OK, wait = POLL_MIN_MS;
    for (unsigned quiet = 0; status == STATUS_OK && signalled == 0;) {
        bool moved = false;
        status = print_new(console, &moved);
        if (console->detached || (console->ended && console->waiting == 0 && quiet >= QUIET_POLLS))
            break;
        read_keys(console, wait, terminal);
        if (status == STATUS_OK)
            status = send_keys(console, &moved);
        quiet = moved ? 0 : quiet + 1;
        wait = moved ? POLL_MIN_MS : wait * 2 < POLL_MAX_MS ? wait * 2 : POLL_MAX_MS;
    }
    return status;
}

int console_run(char **args, const struct options *options)
{
    struct console console = {.vm = args[0]};
    struct sigaction action = {.sa_handler = note_signal};
    (void)options;
    if (!control_vm_name(args[0]))
        return STATUS_USAGE;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    bool terminal = set_raw();
    if (terminal)
        fprintf(stderr, "[%s: Ctrl-] leaves it]\r\n", args[0]);
    int status = talk(&console, terminal);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
        fprintf(stderr, "\n[%s: left]\n", args[0]);
    }
    return status;
}
