/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers. `ok LENGTH` or `error LENGTH`, a line's end, and LENGTH bytes. */
#include "control.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/config.h"
#include "core/config_units.h"
#include "dial.h"
#include "text.h"

#define REQUEST_MAX 256
#define HEADER_MAX  32
#define ANSWER_MAX  (64u * 1024 * 1024)
#define PIECE       65536u
#define SILENCE_MAX 60000 /* ms that the monitor may take for a step of its own */

static int connection = -1;

void control_close(void)
{
    if (connection >= 0)
        close(connection);
    connection = -1;
}

static int fail(int status, const char *what)
{
    fprintf(stderr, "mullion: %s\n", what);
    control_close();
    return status;
}

int control_garbled(const char *what)
{
    char text[160];
    snprintf(text, sizeof(text), "the monitor's answer makes no sense: %s", what);
    text_clean(text);
    return fail(STATUS_NO_CONTROL, text);
}

/* What of EVENTS the connection is ready for; 0 after a long silence. */
static short wait_for(short events)
{
    struct pollfd wait = {.fd = connection, .events = events};
    int found;
    do
        found = poll(&wait, 1, SILENCE_MAX);
    while (found < 0 && errno == EINTR);
    return found > 0 ? wait.revents : 0;
}

/* Send LENGTH bytes; false if the monitor takes no more, or answers before it has them all. */
static bool send_all(const char *data, size_t length, void (*sent)(size_t bytes))
{
    for (size_t done = 0; done < length;) {
        size_t piece = length - done < PIECE ? length - done : PIECE;
        short ready = wait_for(POLLIN | POLLOUT);
        if (ready == 0 || (ready & POLLIN) != 0)
            return false;
        ssize_t took = send(connection, data + done, piece, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (took < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        done += took > 0 ? (size_t)took : 0;
        if (sent != NULL)
            sent(done);
    }
    return true;
}

/* Read up to SIZE bytes; 0 at the connection's end, -1 with errno, ETIMEDOUT after a silence. */
static ssize_t receive(char *data, size_t size)
{
    ssize_t got;
    do {
        errno = ETIMEDOUT;
        got = wait_for(POLLIN) != 0 ? recv(connection, data, size, 0) : -1;
    } while (got < 0 && errno == EINTR);
    return got;
}

static int fail_receive(ssize_t got)
{
    if (got < 0 && errno == ETIMEDOUT)
        return fail(STATUS_TIME, "the monitor has said nothing for a minute");
    return fail(STATUS_NO_CONTROL,
                got == 0 ? "the monitor has closed the connection before its answer was complete"
                         : "the connection to the monitor is lost");
}

/* Read the answer's first line into HEADER, and *GOT bytes in all. */
static int receive_header(char header[HEADER_MAX + 1], size_t *got)
{
    for (*got = 0; *got < HEADER_MAX;) {
        ssize_t more = receive(header + *got, HEADER_MAX - *got);
        if (more <= 0)
            return fail_receive(more);
        *got += (size_t)more;
        if (memchr(header, '\n', *got) != NULL)
            return STATUS_OK;
    }
    return control_garbled("its first line is too long");
}

/* Take HEADER apart: STATUS_OK or STATUS_ERRORS, and the length of what follows. */
static int read_header(const char *header, size_t line, uint64_t *length)
{
    static const char *const words[] = {[STATUS_OK] = "ok ", [STATUS_ERRORS] = "error "};
    for (int status = STATUS_OK; status <= STATUS_ERRORS; status++) {
        size_t word = strlen(words[status]);
        if (line > word && memcmp(header, words[status], word) == 0 &&
            strspn(header + word, "0123456789") == line - word &&
            config_units_number(header + word, line - word, length))
            return *length <= ANSWER_MAX ? status : control_garbled("it is longer than 64 MiB");
    }
    return control_garbled("it begins neither with ok nor with error, and a length");
}

static int receive_answer(struct answer *answer)
{
    static char *text;
    char header[HEADER_MAX + 1];
    size_t got;
    uint64_t length;
    int status = receive_header(header, &got);
    if (status != STATUS_OK)
        return status;
    size_t line = (size_t)((char *)memchr(header, '\n', got) - header);
    status = read_header(header, line, &length);
    if (status > STATUS_ERRORS)
        return status;
    size_t done = got - line - 1;
    if (done > length)
        return control_garbled("it is longer than it says");
    char *larger = realloc(text, length + 1);
    if (larger == NULL)
        return fail(STATUS_NO_CONTROL, "there is no memory for the monitor's answer");
    text = larger;
    memcpy(text, header + line + 1, done);
    while (done < length) {
        ssize_t more = receive(text + done, length - done);
        if (more <= 0)
            return fail_receive(more);
        done += (size_t)more;
    }
    text[length] = '\0';
    *answer = (struct answer){text, length};
    return status;
}

static int ask(struct answer *answer, const struct body *body, const char *format, va_list args)
{
    char request[REQUEST_MAX];
    size_t size = sizeof(request) - 24; /* for a length */
    int length = vsnprintf(request, size, format, args);
    if (length < 0 || (size_t)length >= size)
        return fail(STATUS_USAGE, "the request is too long");
    if (connection < 0 && (connection = dial_monitor()) < 0)
        return STATUS_NO_CONTROL;
    if (body != NULL)
        length += snprintf(request + length, 24, " %zu", body->length);
    request[length] = '\n';
    bool whole = send_all(request, (size_t)length + 1, NULL) &&
                 (body == NULL || send_all(body->data, body->length, body->sent));
    int status = receive_answer(answer);
    if (!whole) /* it has said why, but would take the next request as body */
        control_close();
    return status;
}

int control_ask(struct answer *answer, const struct body *body, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = ask(answer, body, format, args);
    va_end(args);
    return status;
}

int control_do(struct answer *answer, const struct body *body, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = ask(answer, body, format, args);
    va_end(args);
    if (status == STATUS_ERRORS)
        control_complain(answer, NULL);
    return status;
}

void control_complain(const struct answer *answer, const char *path)
{
    if (answer->text[0] == '\0')
        fprintf(stderr, "mullion: the monitor refuses, and does not say why\n");
    for (char *line = answer->text, *next; line != NULL && line[0] != '\0'; line = next) {
        next = strchr(line, '\n');
        next = next == NULL ? NULL : next + 1;
        text_clean(line);
        bool placed = path != NULL && line[0] >= '0' && line[0] <= '9';
        fprintf(stderr, placed ? "%s:%s\n" : "%s: %s\n", placed ? path : "mullion", line);
    }
}

static bool check_name(const char *name, const char *kind, size_t size, const char *letters)
{
    char shown[CONFIG_PATH_MAX * 2];
    size_t length = strlen(name);
    if (length > 0 && length < size && strspn(name, letters) == length)
        return true;
    snprintf(shown, sizeof(shown), "%s", name);
    text_clean(shown); /* it may be the monitor's word */
    fprintf(stderr, "mullion: this is no name of a %s: %s; write up to %zu of %s\n", kind, shown,
            size - 1, letters);
    return false;
}

bool control_vm_name(const char *name)
{
    return check_name(name, "VM", CONFIG_NAME_MAX, "abcdefghijklmnopqrstuvwxyz0123456789-_");
}

bool control_module_name(const char *name)
{
    return check_name(name, "module", CONFIG_PATH_MAX,
                      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,:/+@%=~");
}
