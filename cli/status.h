/* SPDX-License-Identifier: Apache-2.0 */
/* The exit statuses of the command; what functions return that say "Returns a STATUS_". */
#pragma once

enum {
    STATUS_OK = 0,
    STATUS_ERRORS = 1,     /* a file has errors, the monitor refuses, Linux does */
    STATUS_USAGE = 2,      /* wrong usage, or an unreadable file */
    STATUS_NO_CONTROL = 3, /* no way to the monitor, or no sense in what it says */
    STATUS_TIME = 4,       /* a time limit has passed */
};
