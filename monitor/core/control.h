/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of the control service, whatever carries them: a line of words, perhaps a body whose
 * length is the last word, and one answer: `ok LENGTH` or `error LENGTH`, and that many bytes.
 */
#pragma once

#include "core/lock.h"
#include "core/text.h"

#define CONTROL_LINE_MAX   256u
#define CONTROL_WORDS_MAX  4u /* of a request, its name included */
#define CONTROL_BODY_MAX   (64 * KIB)
#define CONTROL_ANSWER_MAX (96 * KIB)

struct control;

struct control_command {
    const char *usage; /* the name, then words in capitals; the last is LENGTH if there is a body */
    /* The line has come: where shall the body go? False, with the answer, if nowhere. NULL: buffer.
     */
    bool (*begin)(struct control *control);
    /* All has come: do it and answer. False: refused, and nothing is changed. */
    bool (*run)(struct control *control);
    /* The connection is gone in the middle of the body; only after begin. */
    void (*abort)(struct control *control);
};

/* One connection's request; its memory is the transport's. */
struct control {
    const struct control_command *commands; /* up to one without a usage */
    const struct control_command *command;  /* NULL: refused */
    const char *words[CONTROL_WORDS_MAX];
    uint8_t *body; /* where the transport puts the body; NULL: nowhere, it is dropped */
    uint64_t body_length;
    struct text answer;
    uint8_t *buffer; /* CONTROL_BODY_MAX bytes, for bodies without a place of their own */
    char line[CONTROL_LINE_MAX];
};

/* Held while a request changes what VMs there are; for those who look at them at other times. */
extern struct lock control_lock;

/* BUFFER of CONTROL_BODY_MAX, ANSWER of CONTROL_ANSWER_MAX bytes. */
void control_init(struct control *control, const struct control_command *commands, uint8_t *buffer,
                  char *answer);
/* A line has come, LENGTH bytes without its end: see body and body_length for what is next. */
void control_line(struct control *control, const char *line, size_t length);
/* The body has come, or there is none. The answer, to be sent before the next line is read. */
const char *control_run(struct control *control, size_t *length);
/* The connection is gone. */
void control_abort(struct control *control);

/* The request is refused; one line of why and what to do instead. Returns false. */
__attribute__((format(printf, 2, 3))) bool control_refuse(struct control *control,
                                                          const char *format, ...);
/* Word INDEX as a decimal number or, after 0x, a hexadecimal one; false, refused, if it is none. */
bool control_number(struct control *control, unsigned index, uint64_t *value);
