// SPDX-License-Identifier: Apache-2.0
// PID 1 of the test guests: mounts, reports in one line, plays its role, then keeps a shell open.
#include "init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHELL "/bin/sh"

static void mount_all(void)
{
    static const struct {
        const char *type, *where;
    } mounts[] = {
        {"proc", "/proc"},
        {"sysfs", "/sys"},
        {"devtmpfs", "/dev"},
        {"tmpfs", "/tmp"},
    };

    for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
        if (mount(mounts[i].type, mounts[i].where, mounts[i].type, MS_NOSUID, NULL) != 0 &&
            errno != EBUSY)
            fail(mounts[i].where);
}

static void console_open(void)
{
    int console = open("/dev/console", O_RDWR | O_NOCTTY);

    if (console < 0)
        return; // there may be none: the role runs all the same
    for (int fd = 0; fd <= 2; fd++)
        dup2(console, fd);
    if (console > 2)
        close(console);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

// /dev/console cannot be a controlling terminal; the terminal behind it (last one listed) can.
static void terminal_path(char *path, size_t size)
{
    char active[128];
    char *last = active;

    file_read("/sys/class/tty/console/active", active, sizeof(active));
    for (char *c = active; *c; c++) {
        if (*c == ' ')
            last = c + 1;
        if (*c == '\n')
            *c = '\0';
    }
    snprintf(path, size, "/dev/%s", *last ? last : "console");
}

static void shell_exec(const struct params *params)
{
    char terminal[160], prompt[PARAM_SIZE + 8];
    int tty;

    setsid();
    terminal_path(terminal, sizeof(terminal));
    tty = open(terminal, O_RDWR);
    if (tty >= 0) {
        ioctl(tty, TIOCSCTTY, 0);
        for (int fd = 0; fd <= 2; fd++)
            dup2(tty, fd);
        if (tty > 2)
            close(tty);
    }
    snprintf(prompt, sizeof(prompt), "%s# ", params->name);
    setenv("PS1", prompt, 1);
    setenv("HOME", "/", 1);
    setenv("TERM", "linux", 1);
    setenv("PATH", "/bin:/sbin", 1);
    execl(SHELL, "sh", "-i", (char *)NULL);
    fail(SHELL);
    _exit(1);
}

// Waits for one child; whatever else became an orphan is buried on the way.
static void wait_for(pid_t child)
{
    pid_t ended;

    do
        ended = wait(NULL);
    while (ended != child && (ended > 0 || errno == EINTR));
}

// An initramfs with a network has a script for it; what it says is in /tmp/rc.
static void script_run(void)
{
    if (access("/etc/rc", X_OK) != 0 || fork() != 0)
        return;
    int log = open("/tmp/rc", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(log, 1);
    dup2(log, 2);
    execl(SHELL, "sh", "/etc/rc", (char *)NULL);
    _exit(1);
}

int main(void)
{
    struct params params;

    mount_all();
    console_open();
    params_read(&params);
    if (params.name[0])
        sethostname(params.name, strnlen(params.name, PARAM_SIZE));
    script_run();
    report_print(&params);
    role_run(&params);
    while (access(SHELL, X_OK) != 0)
        pause(); // the small initramfs has none
    for (;;) {
        pid_t shell = fork();

        if (shell == 0)
            shell_exec(&params);
        if (shell > 0)
            wait_for(shell);
        sleep(1); // a shell that fails at once must not spin
    }
}
