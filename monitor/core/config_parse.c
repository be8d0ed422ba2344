/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: its top level, and the blocks of the VMs. The grammar: mullion.conf(5).
 */
#include "core/config_parser.h"

#include "lib/string.h"

static bool is_block_word(const struct config_token *token)
{
    return token->kind == CONFIG_TOKEN_WORD &&
           (config_token_is(token, "vm") || config_token_is(token, "service"));
}

static bool is_separator(const struct config_token *token)
{
    return token->kind == CONFIG_TOKEN_LINE || token->kind == CONFIG_TOKEN_SEMICOLON;
}

/*
 * Go on behind what could not be read: behind the statement, or, DEPTH braces deep, behind the
 * block. A statement that opens a VM ends a block as well: its brace has been forgotten.
 */
static void skip_broken(struct config_parser *parser, unsigned depth)
{
    bool fresh = depth != 0;
    while (parser->token.kind != CONFIG_TOKEN_END) {
        const struct config_token *token = &parser->token;
        if ((depth == 0 && is_separator(token)) || (depth == 1 && fresh && is_block_word(token)))
            return;
        if (token->kind == CONFIG_TOKEN_OPEN)
            depth++;
        if (token->kind == CONFIG_TOKEN_CLOSE && depth <= 1) {
            config_parser_next(parser);
            return;
        }
        if (token->kind == CONFIG_TOKEN_CLOSE)
            depth--;
        fresh = is_separator(token) || token->kind == CONFIG_TOKEN_CLOSE;
        config_parser_next(parser);
    }
}

static bool read_body(struct config_parser *parser)
{
    uint32_t *seen = &parser->vm_seen[parser->vm];
    while (parser->token.kind == CONFIG_TOKEN_LINE)
        config_parser_next(parser);
    if (parser->token.kind != CONFIG_TOKEN_OPEN)
        return config_parser_fail(parser, parser->token.at,
                                  "a { is missing behind the name; write vm NAME { ... }");
    config_parser_next(parser);
    while (parser->token.kind != CONFIG_TOKEN_CLOSE) {
        if (is_separator(&parser->token))
            config_parser_next(parser);
        else if (is_block_word(&parser->token) || parser->token.kind == CONFIG_TOKEN_END)
            return config_parser_fail(parser, parser->token.at,
                                      "the block is not closed; write a } before this");
        else if (!config_parser_statement(parser, &config_vm_level, seen))
            return false;
    }
    config_parser_next(parser);
    return true;
}

static bool is_name(const struct config_token *token)
{
    for (size_t i = 0; i < token->length; i++) {
        char c = token->text[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_')
            return false;
    }
    return token->length > 0;
}

static bool check_name(struct config_parser *parser, const struct config_token *token, bool fits)
{
    const struct config *config = parser->config;
    const struct config_vm *vm = config_parser_vm(parser);
    if (!is_name(token))
        return config_parser_fail(parser, token->at,
                                  "the name has other characters than a-z, 0-9, - and _; "
                                  "write for example vm web-1");
    if (!fits)
        return config_parser_fail(parser, token->at,
                                  "the name is too long; write at most %u letters",
                                  CONFIG_NAME_MAX - 1);
    for (int i = 0; i < parser->vm; i++)
        if (strcmp(config->vms[i].name, vm->name) == 0)
            return config_parser_fail(
                parser, token->at, "another VM, in line %u, has this name; write a different one",
                config->vms[i].at.line);
    if (vm->service && config->service >= 0)
        return config_parser_fail(parser, parser->keyword_at,
                                  "\"%s\" is the service VM already; write vm for service",
                                  config->vms[config->service].name);
    return true;
}

/* `vm NAME { ... }`. Its errors are dealt with here: what follows the block is read in any case. */
static bool read_block(struct config_parser *parser, bool service)
{
    struct config *config = parser->config;
    struct config_token name;
    if (!config_parser_has_value(parser))
        return config_parser_fail(parser, parser->keyword_at,
                                  "%s lacks a name; write for example: %s", parser->keyword->word,
                                  parser->keyword->example);
    config_parser_value(parser, &name);
    if (config->vm_count == MAX_VMS)
        return config_parser_fail(parser, parser->keyword_at,
                                  "there are more than %u VMs; remove this one", MAX_VMS);
    parser->vm = (int)config->vm_count++;
    struct config_vm *vm = config_parser_vm(parser);
    bool fits = config_token_copy(&name, vm->name, sizeof(vm->name));
    vm->at = parser->keyword_at;
    vm->service = service;
    if (check_name(parser, &name, fits) && service)
        config->service = parser->vm;
    if (vm->spoilt || !read_body(parser)) {
        if (parser->token.kind == CONFIG_TOKEN_OPEN)
            config_parser_next(parser);
        skip_broken(parser, 1);
    }
    parser->vm = -1;
    return true;
}

static bool read_service(struct config_parser *parser)
{
    return read_block(parser, true);
}

static bool read_vm(struct config_parser *parser)
{
    return read_block(parser, false);
}

static bool read_strict(struct config_parser *parser)
{
    parser->config->strict = true;
    return true;
}

static bool read_poweroff(struct config_parser *parser)
{
    struct config_token value;
    char text[40];
    if (!config_parser_value(parser, &value))
        return false;
    if (config_token_is(&value, "service"))
        parser->config->poweroff = CONFIG_POWEROFF_SERVICE;
    else if (!config_token_is(&value, "last"))
        return config_parser_fail(parser, value.at,
                                  "poweroff \"%s\" is not known; write last or service",
                                  config_token_text(&value, text, sizeof(text)));
    return true;
}

static const struct config_keyword top_keywords[] = {
    {"service", read_service, "service host { cpus 2 }", CONFIG_USE_BLOCK},
    {"vm", read_vm, "vm web { cpus 2 }", CONFIG_USE_BLOCK},
    {"strict", read_strict, "strict", CONFIG_USE_ONCE},
    {"poweroff", read_poweroff, "poweroff last", CONFIG_USE_ONCE},
};

const struct config_level config_top_level = {top_keywords, ARRAY_SIZE(top_keywords)};

bool config_parse(const char *text, size_t length, struct config *config,
                  struct config_errors *errors)
{
    struct config_parser parser = {.lexer = {.text = text, .length = length, .at = {1, 1}},
                                   .config = config,
                                   .errors = errors,
                                   .vm = -1};
    memset(config, 0, sizeof(*config));
    config->service = -1;
    errors->count = 0;
    config_parser_next(&parser);
    while (parser.token.kind != CONFIG_TOKEN_END) {
        if (is_separator(&parser.token))
            config_parser_next(&parser);
        else if (!config_parser_statement(&parser, &config_top_level, &parser.top_seen))
            skip_broken(&parser, 0);
    }
    config_parser_complete(&parser);
    if (config->vm_count == 0 && errors->count == 0)
        config_parser_fail(&parser, (struct config_position){1, 1},
                           "there is no VM; write at least: service host { }");
    return errors->count == 0;
}
