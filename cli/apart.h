/* SPDX-License-Identifier: Apache-2.0 */
/* Something done in a process of its own, so that the next try begins with nothing of it. */
#pragma once

/* Call RUN there, with a connection of its own to the monitor. Returns what it does, a STATUS_. */
int apart_run(int (*run)(void *context), void *context);
