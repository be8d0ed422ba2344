/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of `afterburn`; each returns the exit status. */
#pragma once

int report(const char *path);
int verify(const char *path);
/* Runs the Python program that builds Linux, with these further arguments. */
int build_linux(char **arguments);
