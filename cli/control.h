/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the monitor: AF_VSOCK to CID 2, port 77, from a port that only root can have. The
 * connection is made at the first one. An answer may be anything: it is measured and looked at.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "status.h"

/* What the monitor has answered: LENGTH bytes and a NUL, valid until the next request. */
struct answer {
    char *text;
    size_t length;
};

/* What follows a request. */
struct body {
    const void *data;
    size_t length;
    void (*sent)(size_t bytes); /* called now and then, with all that has been sent; may be NULL */
};

/*
 * Send the request made by FORMAT, with BODY and its length behind it unless BODY is NULL, and read
 * the answer. STATUS_ERRORS: refused, and the answer says why. Other failures have been printed.
 */
__attribute__((format(printf, 3, 4))) int
control_ask(struct answer *answer, const struct body *body, const char *format, ...);
/* As control_ask, and prints the reason of a refusal. */
__attribute__((format(printf, 3, 4))) int control_do(struct answer *answer, const struct body *body,
                                                     const char *format, ...);

/* Print the lines of a refusal. Those that begin with a number are of the file PATH, if given. */
void control_complain(const struct answer *answer, const char *path);

/* Close the connection, if there is one; the next request makes another. */
void control_close(void);

/* Say that an answer makes no sense. Returns STATUS_NO_CONTROL. */
int control_garbled(const char *what);

/* Whether NAME can stand in a request as a VM's, or a module's, name; says so if not. */
bool control_vm_name(const char *name);
bool control_module_name(const char *name);
