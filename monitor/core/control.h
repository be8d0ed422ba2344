/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of the control service, whatever carries them: a line of words, perhaps a body whose
 * length is the last word, and one answer. One at a time is executed.
 */
#pragma once

#include "core/lock.h"
#include "core/text.h"

#define CONTROL_LINE_MAX  256u
#define CONTROL_WORDS_MAX 4u /* of a request, its name included */
#define CONTROL_BODY_MAX  (32 * KIB)
#define CONTROL_ERROR_MAX 240u

struct control;

struct control_command {
    const char *usage; /* the name, then words in capitals; the last is LENGTH if there is a body */
    /* The line has come: where shall the body go? False, refused, if nowhere. NULL: the buffer. */
    bool (*begin)(struct control *control);
    /* All has come: do it and answer. False: refused, and nothing is changed. */
    bool (*run)(struct control *control);
    /* The connection is gone in the middle of the body; only after begin. */
    void (*abort)(struct control *control);
};

/* One connection's request. */
struct control {
    const struct control_command *commands; /* up to one without a usage */
    const struct control_command *command;  /* NULL: refused */
    const char *words[CONTROL_WORDS_MAX];
    unsigned word_count;
    uint8_t *body; /* where the body goes; NULL: nowhere, it is dropped */
    uint64_t body_length, body_received;
    struct text answer;
    uint8_t *buffer; /* CONTROL_BODY_MAX bytes, for bodies without a place of their own */
    char line[CONTROL_LINE_MAX];
    char error[CONTROL_ERROR_MAX]; /* why the line was refused */
};

/* Held while a request changes what VMs there are; for those who look at them at other times. */
extern struct lock control_lock;

/* BUFFER of CONTROL_BODY_MAX bytes. */
void control_init(struct control *control, const struct control_command *commands, uint8_t *buffer);
/* A line has come, without its end; returns the length of the body that follows. */
uint64_t control_line(struct control *control, const char *line);
/* Some of the body. */
void control_body(struct control *control, const uint8_t *data, uint32_t size);
/* All has come: the answer, at most SIZE bytes. False: refused, and ANSWER says why. */
bool control_answer(struct control *control, char *answer, uint32_t size, uint32_t *length);
/* The connection is gone. */
void control_abort(struct control *control);

/* The request is refused; one line of why and what to do instead. Returns false. */
__attribute__((format(printf, 2, 3))) bool control_refuse(struct control *control,
                                                          const char *format, ...);
/* Word INDEX as a number, decimal or after 0x hexadecimal; false, refused, if it is none. */
bool control_number(struct control *control, unsigned index, uint64_t *value);
