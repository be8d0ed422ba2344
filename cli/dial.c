/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the monitor: AF_VSOCK, or for tests the UNIX socket that MULLION_CONTROL names. */
#include "dial.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "cpuid.h"

#define CONTROL_CID  2
#define CONTROL_PORT 77
#define PORTS        1024u /* below it a port needs root */

static const struct {
    int error;
    const char *advice;
} advices[] = {
    {EAFNOSUPPORT, "Linux has no sockets between VMs: modprobe vmw_vsock_virtio_transport"},
    {ENODEV, "the driver is missing: modprobe vmw_vsock_virtio_transport"},
    {EACCES, "only root may talk to the monitor: use sudo"},
    {EPERM, "only root may talk to the monitor: use sudo"},
    {ECONNRESET, "the monitor refuses: it serves the service VM, and 4 connections at a time"},
    {ETIMEDOUT, "the monitor does not answer on AF_VSOCK, CID 2, port 77"},
    {EADDRINUSE, "all ports below 1024 are in use"},
};

static int fail(int socket, int error)
{
    const char *advice = NULL;
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
        if (advices[i].error == error)
            advice = advices[i].advice;
    if (!cpuid_is_mullion())
        advice = "this machine does not run under Mullion; see: mullion probe";
    fprintf(stderr, "mullion: there is no way to the monitor (%s); %s\n", strerror(error),
            advice != NULL ? advice : "is this the service VM?");
    if (socket >= 0)
        close(socket);
    return -1;
}

/* Take a port that only root can have. Not always the same: a closed one may linger. */
static bool bind_port(int socket)
{
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY};
    unsigned first = (unsigned)getpid() % (PORTS - 1);
    for (unsigned i = 0; i < PORTS - 1; i++) {
        address.svm_port = 1 + (first + i) % (PORTS - 1);
        if (bind(socket, (const struct sockaddr *)&address, sizeof(address)) == 0)
            return true;
        if (errno != EADDRINUSE)
            return false;
    }
    return false;
}

static int dial_vsock(void)
{
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK, .svm_cid = CONTROL_CID, .svm_port = CONTROL_PORT};
    int line = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (line < 0 || !bind_port(line) ||
        connect(line, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return fail(line, errno);
    return line;
}

static int dial_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int line = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (line >= 0 && connect(line, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return line;
    fprintf(stderr, "mullion: MULLION_CONTROL=%s: %s\n", path, strerror(errno));
    if (line >= 0)
        close(line);
    return -1;
}

int dial_monitor(void)
{
    const char *path = getenv("MULLION_CONTROL");
    return path != NULL ? dial_unix(path) : dial_vsock();
}
