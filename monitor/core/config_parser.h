/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the configuration parser share. Private to them. */
#pragma once

#include "core/config_lex.h"

/* The keywords of a VM's block. */
enum config_vm_word {
    CONFIG_WORD_CPUS,
    CONFIG_WORD_MEMORY,
    CONFIG_WORD_NODE,
    CONFIG_WORD_KERNEL,
    CONFIG_WORD_INITRD,
    CONFIG_WORD_MODULES,
    CONFIG_WORD_CMDLINE,
    CONFIG_WORD_CONSOLE,
    CONFIG_WORD_LIKE,
    CONFIG_WORD_SMT,
    CONFIG_WORD_PORT,
    CONFIG_WORD_MSR,
    CONFIG_VM_WORDS,
};

struct config_parser;

enum config_use {
    CONFIG_USE_ONCE,
    CONFIG_USE_OFTEN, /* may stand more than once in a block */
    CONFIG_USE_BLOCK, /* the same, and ends with a }, not with its line */
};

struct config_keyword {
    const char *word;
    bool (*read)(struct config_parser *parser); /* the token is the one behind the word */
    const char *example;                        /* for messages */
    enum config_use use;
};

/* The keywords of one level: of the file or of a VM's block. */
struct config_level {
    const struct config_keyword *keywords;
    unsigned count;
};

extern const struct config_level config_top_level;
extern const struct config_level config_vm_level;

struct config_parser {
    struct config_lexer lexer;
    struct config_token token; /* the one to be read next */
    struct config *config;
    struct config_errors *errors;
    int vm;                               /* whose block this is, or -1 */
    const struct config_keyword *keyword; /* of the statement being read */
    struct config_position keyword_at;
    uint32_t top_seen;         /* keywords met so far, bit by index */
    uint32_t vm_seen[MAX_VMS]; /* the same for each block */
    struct config_token like[MAX_VMS];
};

/* The VM whose block is being read. */
static inline struct config_vm *config_parser_vm(const struct config_parser *parser)
{
    return &parser->config->vms[parser->vm];
}

void config_parser_next(struct config_parser *parser);

/*
 * Note an error at AT; the VM whose block is being read is spoilt by it. If the next token is not
 * a token at all, that is what the message says instead. Returns false, for the caller to return.
 */
__attribute__((format(printf, 3, 4))) bool config_parser_fail(struct config_parser *parser,
                                                              struct config_position at,
                                                              const char *format, ...);

/* Read the keyword's next value, a word or a string; an error if there is none. */
bool config_parser_value(struct config_parser *parser, struct config_token *value);

/* True if the statement has another value. */
bool config_parser_has_value(const struct config_parser *parser);

/* Read one statement of LEVEL; SEEN has the keywords that stood there before. */
bool config_parser_statement(struct config_parser *parser, const struct config_level *level,
                             uint32_t *seen);

/* Fill in what the blocks leave out: from the VM that `like` names, else the defaults. */
void config_parser_complete(struct config_parser *parser);
