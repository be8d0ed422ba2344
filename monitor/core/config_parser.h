/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the configuration parser share. Private to them. */
#pragma once

#include "core/config.h"

enum config_token_kind {
    CONFIG_TOKEN_WORD,
    CONFIG_TOKEN_STRING, /* text is what stands between the quotes, escapes as written */
    CONFIG_TOKEN_OPEN,
    CONFIG_TOKEN_CLOSE,
    CONFIG_TOKEN_LINE, /* the end of a line */
    CONFIG_TOKEN_SEMICOLON,
    CONFIG_TOKEN_END,
    CONFIG_TOKEN_BAD_BYTE, /* from here on: no token, but what is wrong, where text begins */
    CONFIG_TOKEN_BAD_STRING,
    CONFIG_TOKEN_BAD_ESCAPE,
};

struct config_token {
    enum config_token_kind kind;
    const char *text; /* in the text that is parsed: not ended by NUL */
    size_t length;
    struct config_position at;
};

struct config_lexer {
    const char *next; /* up to END */
    const char *end;
    const char *line_start; /* of the line that NEXT is in */
    unsigned line;
};

/* Read the next token; after the last one it is CONFIG_TOKEN_END for ever. */
void config_lex_next(struct config_lexer *lexer, struct config_token *token);

/* True if TOKEN, a word or a string, is TEXT. */
bool config_token_is(const struct config_token *token, const char *text);

/* Copy a word's or string's text without its escapes; false if it is longer than SIZE - 1. */
bool config_token_copy(const struct config_token *token, char *buffer, size_t size);

/* A token as written, shortened for a message. By value: it lives as long as the call it is for. */
struct config_shown {
    char text[40];
};

struct config_shown config_token_show(const struct config_token *token);

struct config_parser;

enum config_use {
    CONFIG_USE_ONCE,
    CONFIG_USE_OFTEN, /* may stand more than once in a block */
    CONFIG_USE_BLOCK, /* the same, and ends with a }, not with its line */
    CONFIG_USE_BARE,  /* once, and has no value */
};

struct config_keyword {
    const char *word;
    const char *example; /* for messages */
    /* The first value has been read; VM is the one whose block this is, or NULL. */
    bool (*read)(struct config_parser *parser, struct config_vm *vm);
    enum config_use use;
    bool top;           /* stands outside of the blocks */
    bool control;       /* stands in a profile's block, too */
    uint8_t event;      /* enum control_event, where the keyword names one */
    size_t field, size; /* what it sets in struct config_vm, for `like` to copy; size may be 0 */
    size_t at;          /* where struct config_vm has its position, or 0 */
};

extern const struct config_keyword config_keywords[]; /* up to one without a word */

struct config_parser {
    struct config_lexer lexer;
    struct config_token token; /* the one to be read next */
    struct config_token value; /* the one read last */
    struct config *config;
    struct config_errors *errors;
    int vm;                               /* whose block this is, or -1 */
    struct controls *controls;            /* what this block's lines set; NULL: it is no block */
    const struct config_keyword *keyword; /* of the statement being read */
    struct config_position keyword_at;
    uint64_t seen[MAX_VMS + 1]; /* keywords met so far, bit by index: outside, then each block */
    struct config_token like[MAX_VMS]; /* no text if there is none */
    struct config_token profile[MAX_VMS];
};

/*
 * Note an error at AT; the VM whose block is being read is spoilt by it. If the next token is not
 * a token at all, that is what the message says instead. Returns false, for the caller to return.
 */
__attribute__((format(printf, 3, 4))) bool
config_fail(struct config_parser *parser, struct config_position at, const char *format, ...);

/* True if the statement has another value, a word or a string. */
bool config_has_value(const struct config_parser *parser);

/* Read the keyword's next value; an error if there is none. */
bool config_read_value(struct config_parser *parser);

/* True if TOKEN could be a name: of a VM, of a network. */
bool config_is_name(const struct config_token *token);

/* Read the block of a VM, or of a profile, whose name has been read. */
bool config_read_block(struct config_parser *parser, struct config_vm *vm);
bool config_read_profile(struct config_parser *parser, struct config_vm *vm);

/* Read the rest of a line that sets the block's controls (config_controls.c). */
bool config_read_event(struct config_parser *parser, struct config_vm *vm);
bool config_read_register(struct config_parser *parser, struct config_vm *vm);
bool config_read_cpuid(struct config_parser *parser, struct config_vm *vm);
bool config_read_pause_filter(struct config_parser *parser, struct config_vm *vm);
bool config_read_tsc_offset(struct config_parser *parser, struct config_vm *vm);
bool config_read_exception(struct config_parser *parser, struct config_vm *vm);
bool config_read_unlisted(struct config_parser *parser, struct config_vm *vm);
bool config_read_port(struct config_parser *parser, struct config_vm *vm);
bool config_read_msr(struct config_parser *parser, struct config_vm *vm);

/* Fill in what the blocks leave out: from the VM that `like` names, else the defaults. */
void config_complete(struct config_parser *parser);
