// SPDX-License-Identifier: Apache-2.0
// Loads between two VMs: a TCP stream, and requests of one byte with their answers.
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT = 5001, CHUNK = 256 * 1024, STREAM_KIB = 256 * 1024, REQUESTS = 2000 };
enum { TRIES = 600, TRY_US = 100000 }; // until the network is up at both ends

static char chunk[CHUNK];
static struct sockaddr_in server = {.sin_family = AF_INET};

static int socket_new(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

    if (fd < 0)
        fail("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static int server_connect(void)
{
    for (int i = 0; i < TRIES; i++) {
        int fd = socket_new();
        if (connect(fd, (struct sockaddr *)&server, sizeof(server)) == 0)
            return fd;
        close(fd);
        usleep(TRY_US);
    }
    fail("connect");
    return -1;
}

// The first byte says what follows: a stream, whose length is told at its end, requests, or nothing
// any more.
static void serve(int fd)
{
    uint64_t bytes = 0;
    ssize_t size;
    char kind;

    if (read(fd, &kind, 1) != 1)
        return;
    if (kind == 'q' && reboot(RB_POWER_OFF) != 0)
        fail("poweroff");
    while ((size = read(fd, chunk, kind == 's' ? CHUNK : 1)) > 0) {
        bytes += (uint64_t)size;
        if (kind != 's' && write(fd, chunk, 1) != 1)
            return;
    }
    if (kind == 's' && write(fd, &bytes, sizeof(bytes)) != sizeof(bytes))
        fail("write");
}

void role_netserve(const struct params *params)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    int listener = socket_new();

    (void)params;
    if (bind(listener, (struct sockaddr *)&any, sizeof(any)) != 0 || listen(listener, 1) != 0)
        fail("listen");
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        serve(fd);
        close(fd);
    }
}

// A unit is a KiB. Over when the other end has all of it.
static unsigned long load_stream(unsigned long seconds)
{
    int fd = server_connect();
    uint64_t bytes = 0;

    (void)seconds;
    if (write(fd, "s", 1) != 1)
        fail("write");
    for (size_t left = (size_t)STREAM_KIB * 1024; left > 0;) {
        ssize_t size = write(fd, chunk, left < CHUNK ? left : CHUNK);
        if (size <= 0)
            fail("write");
        left -= size > 0 ? (size_t)size : left;
    }
    shutdown(fd, SHUT_WR);
    if (read(fd, &bytes, sizeof(bytes)) != sizeof(bytes))
        fail("read");
    close(fd);
    return (unsigned long)(bytes / 1024);
}

static unsigned long load_requests(unsigned long seconds)
{
    int fd = server_connect();
    unsigned long units = 0;
    char byte = 'r';

    (void)seconds;
    if (write(fd, &byte, 1) != 1)
        fail("write");
    while (units < REQUESTS && write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1)
        units++;
    close(fd);
    return units;
}

const struct bench_load bench_net_loads[] = {{"stream", load_stream}, {"requests", load_requests}};
const unsigned bench_net_load_count = sizeof(bench_net_loads) / sizeof(bench_net_loads[0]);

bool bench_net_ready(const struct params *params)
{
    server.sin_port = htons(PORT);
    if (inet_pton(AF_INET, params->peer, &server.sin_addr) != 1)
        return false;
    close(server_connect());
    return true;
}

void bench_net_end(void)
{
    if (write(server_connect(), "q", 1) != 1)
        fail("write");
}
