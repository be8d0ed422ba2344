/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file: statements, blocks and errors. The grammar: mullion.conf(5). */
#include "core/config_parser.h"

#include "lib/fmt.h"
#include "lib/string.h"

static const char *const bad_tokens[] = {
    [CONFIG_TOKEN_BAD_BYTE] = "the byte 0x%02x is not text; remove it",
    [CONFIG_TOKEN_BAD_STRING] = "the string does not end on its line; write \" behind it",
    [CONFIG_TOKEN_BAD_ESCAPE] = "a lone \\ stands in the string; write \\\\ for it",
};

static void next_token(struct config_parser *parser)
{
    config_lex_next(&parser->lexer, &parser->token);
}

bool config_fail(struct config_parser *parser, struct config_position at, const char *format, ...)
{
    const struct config_token *token = &parser->token;
    struct config_vm *vm = parser->vm < 0 ? NULL : &parser->config->vms[parser->vm];
    if (vm != NULL)
        vm->spoilt = true;
    if (parser->errors->count++ >= CONFIG_ERRORS_MAX)
        return false;
    struct config_error *error = &parser->errors->list[parser->errors->count - 1];
    bool bad = token->kind >= CONFIG_TOKEN_BAD_BYTE;
    *error = (struct config_error){.at = bad ? token->at : at, .vm = parser->vm};
    size_t length = 0;
    if (vm != NULL)
        length = fmt_text(error->text, sizeof(error->text), "vm \"%s\": ", vm->name);
    char *rest = error->text + length;
    va_list args;
    va_start(args, format);
    if (bad)
        fmt_text(rest, sizeof(error->text) - length, bad_tokens[token->kind],
                 (unsigned char)token->text[0]);
    else
        fmt_text_va(rest, sizeof(error->text) - length, format, args);
    va_end(args);
    return false;
}

bool config_has_value(const struct config_parser *parser)
{
    return parser->token.kind == CONFIG_TOKEN_WORD || parser->token.kind == CONFIG_TOKEN_STRING;
}

bool config_read_value(struct config_parser *parser)
{
    const struct config_keyword *keyword = parser->keyword;
    if (!config_has_value(parser))
        return config_fail(parser, parser->keyword_at, "%s lacks a %s; write for example: %s",
                           keyword->word, keyword->use == CONFIG_USE_BLOCK ? "name" : "value",
                           keyword->example);
    parser->value = parser->token;
    next_token(parser);
    return true;
}

/*
 * How many letters must be added, removed or changed to make WORD of LENGTH bytes of TEXT
 * (Levenshtein), or MANY if it is as many or more.
 */
static unsigned word_distance(const char *text, size_t length, const char *word, unsigned many)
{
    for (; length > 0 && *text == *word; length--) {
        text++;
        word++;
    }
    if (many == 0 || (length == 0 && *word == '\0'))
        return 0;
    unsigned best = many - 1;
    if (length > 0)
        best = word_distance(text + 1, length - 1, word, best);
    if (*word != '\0')
        best = word_distance(text, length, word + 1, best);
    if (length > 0 && *word != '\0')
        best = word_distance(text + 1, length - 1, word + 1, best);
    return best + 1;
}

/* May KEYWORD stand here: outside, in a VM's block, in a profile's? */
static bool may_stand(const struct config_parser *parser, const struct config_keyword *keyword)
{
    if (parser->controls == NULL)
        return keyword->top;
    return !keyword->top && (parser->vm >= 0 || keyword->control);
}

static bool fail_unknown(struct config_parser *parser)
{
    const struct config_token *token = &parser->token;
    unsigned best = token->length < 4 ? 2 : 3; /* nearer than this is a slip of the finger */
    const char *nearest = NULL;
    char words[400];
    size_t length = 0;
    for (const struct config_keyword *keyword = config_keywords; keyword->word != NULL; keyword++) {
        if (!may_stand(parser, keyword))
            continue;
        unsigned distance = word_distance(token->text, token->length, keyword->word, best);
        nearest = distance < best ? keyword->word : nearest;
        best = distance;
        length += fmt_text(words + length, sizeof(words) - length, "%s%s", length == 0 ? "" : ", ",
                           keyword->word);
    }
    struct config_shown shown = config_token_show(token);
    if (nearest != NULL)
        return config_fail(parser, token->at, "\"%s\" is not a keyword; write \"%s\"?", shown.text,
                           nearest);
    return config_fail(parser, token->at, "\"%s\" is not a keyword; write one of %s", shown.text,
                       words);
}

/* The keyword that the next token is, if it may stand here; else NULL, with an error. */
static const struct config_keyword *find_keyword(struct config_parser *parser)
{
    const struct config_token *token = &parser->token;
    const struct config_keyword *elsewhere = NULL;
    for (const struct config_keyword *keyword = config_keywords; keyword->word != NULL; keyword++) {
        if (!config_token_is(token, keyword->word))
            continue;
        if (may_stand(parser, keyword))
            return keyword;
        elsewhere = keyword;
    }
    if (elsewhere == NULL)
        fail_unknown(parser);
    else if (elsewhere->top)
        config_fail(parser, token->at, "\"%s\" stands in a block; write it outside",
                    elsewhere->word);
    else if (parser->controls == NULL)
        config_fail(parser, token->at, "\"%s\" stands outside of a block; write it in vm NAME { }",
                    elsewhere->word);
    else
        config_fail(parser, token->at,
                    "\"%s\" stands in a profile, which has controls only; write it in vm NAME { }",
                    elsewhere->word);
    return NULL;
}

static bool is_separator(const struct config_token *token)
{
    return token->kind == CONFIG_TOKEN_LINE || token->kind == CONFIG_TOKEN_SEMICOLON;
}

static bool read_end(struct config_parser *parser)
{
    const struct config_token *token = &parser->token;
    return is_separator(token) || token->kind == CONFIG_TOKEN_CLOSE ||
           token->kind == CONFIG_TOKEN_END ||
           config_fail(parser, token->at, "\"%s\" is too much behind %s; write for example: %s",
                       config_token_show(token).text, parser->keyword->word,
                       parser->keyword->example);
}

/* Read one statement, of the block being read or outside of the blocks. */
static bool read_statement(struct config_parser *parser)
{
    const struct config_token *token = &parser->token;
    struct config_vm *vm = parser->vm < 0 ? NULL : &parser->config->vms[parser->vm];
    if (!config_has_value(parser))
        return config_fail(parser, token->at, "a \"%s\" is out of place; remove it",
                           token->kind == CONFIG_TOKEN_OPEN ? "{" : "}");
    const struct config_keyword *keyword = find_keyword(parser);
    if (keyword == NULL)
        return false;
    uint64_t bit = 1ull << (keyword - config_keywords);
    bool once = keyword->use == CONFIG_USE_ONCE || keyword->use == CONFIG_USE_BARE;
    if (once && (parser->seen[parser->vm + 1] & bit) != 0)
        return config_fail(parser, token->at, "%s is written twice; keep one of the two",
                           keyword->word);
    parser->seen[parser->vm + 1] |= bit;
    parser->keyword = keyword;
    parser->keyword_at = token->at;
    if (keyword->at != 0)
        memcpy((char *)vm + keyword->at, &token->at, sizeof(token->at));
    next_token(parser);
    return (keyword->use == CONFIG_USE_BARE || config_read_value(parser)) &&
           keyword->read(parser, vm) && (keyword->use == CONFIG_USE_BLOCK || read_end(parser));
}

static bool is_block_word(const struct config_token *token)
{
    return token->kind == CONFIG_TOKEN_WORD &&
           (config_token_is(token, "vm") || config_token_is(token, "service"));
}

/*
 * Go on behind what could not be read: behind the statement, or, DEPTH braces deep, behind the
 * block. A statement that opens a VM ends a block as well: its brace has been forgotten.
 */
static void skip_broken(struct config_parser *parser, unsigned depth)
{
    const struct config_token *token = &parser->token;
    for (bool fresh = depth != 0; token->kind != CONFIG_TOKEN_END; next_token(parser)) {
        if ((depth == 0 && is_separator(token)) || (depth == 1 && fresh && is_block_word(token)))
            return;
        if (token->kind == CONFIG_TOKEN_OPEN)
            depth++;
        if (token->kind == CONFIG_TOKEN_CLOSE && depth-- <= 1) {
            next_token(parser);
            return;
        }
        fresh = is_separator(token) || token->kind == CONFIG_TOKEN_CLOSE;
    }
}

static bool read_body(struct config_parser *parser)
{
    const struct config_token *token = &parser->token;
    while (token->kind == CONFIG_TOKEN_LINE)
        next_token(parser);
    if (token->kind != CONFIG_TOKEN_OPEN)
        return config_fail(parser, token->at,
                           "a { is missing behind the name; write vm NAME { ... }");
    for (next_token(parser); token->kind != CONFIG_TOKEN_CLOSE;) {
        if (is_separator(token))
            next_token(parser);
        else if (is_block_word(token) || token->kind == CONFIG_TOKEN_END)
            return config_fail(parser, token->at, "the block is not closed; write a } before this");
        else if (!read_statement(parser))
            return false;
    }
    next_token(parser);
    return true;
}

bool config_is_name(const struct config_token *token)
{
    for (size_t i = 0; i < token->length; i++) {
        char c = token->text[i];
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_')
            return false;
    }
    return token->length > 0;
}

/* Take the value for VM's name. */
static bool read_name(struct config_parser *parser, struct config_vm *vm)
{
    struct config *config = parser->config;
    struct config_position at = parser->value.at;
    bool fits = config_token_copy(&parser->value, vm->name, sizeof(vm->name));
    if (!config_is_name(&parser->value))
        return config_fail(parser, at,
                           "the name has other characters than a-z, 0-9, - and _; "
                           "write for example vm web-1");
    if (!fits)
        return config_fail(parser, at, "the name is too long; write at most %u letters",
                           CONFIG_NAME_MAX - 1);
    for (const struct config_vm *other = config->vms; other < vm; other++)
        if (strcmp(other->name, vm->name) == 0)
            return config_fail(parser, at,
                               "another VM, in line %u, has this name; write a different one",
                               other->at.line);
    if (vm->service && config->service >= 0)
        return config_fail(parser, vm->at, "\"%s\" is the service VM already; write vm for service",
                           config->vms[config->service].name);
    return true;
}

/* What follows a block is read in any case. */
static void read_rest(struct config_parser *parser, bool named)
{
    if (!named || !read_body(parser)) {
        if (parser->token.kind == CONFIG_TOKEN_OPEN)
            next_token(parser);
        skip_broken(parser, 1);
    }
    parser->vm = -1;
    parser->controls = NULL;
}

bool config_read_profile(struct config_parser *parser, struct config_vm *vm)
{
    struct config *config = parser->config;
    (void)vm;
    if (config->profile_count == CONFIG_PROFILES)
        return config_fail(parser, parser->keyword_at,
                           "there are more than %u profiles; remove this one", CONFIG_PROFILES);
    struct config_profile *profile = &config->profiles[config->profile_count++];
    profile->at = parser->keyword_at;
    bool named = config_is_name(&parser->value) &&
                 config_token_copy(&parser->value, profile->name, sizeof(profile->name));
    if (!named)
        config_fail(parser, parser->value.at,
                    "the profile's name has other characters than a-z, 0-9, - and _, or more than "
                    "%u; write for example profile traced",
                    CONFIG_NAME_MAX - 1);
    for (const struct config_profile *other = config->profiles; other < profile && named; other++)
        if (strcmp(other->name, profile->name) == 0)
            named = config_fail(parser, parser->value.at,
                                "another profile, in line %u, has this name; write a different one",
                                other->at.line);
    parser->controls = &profile->controls;
    read_rest(parser, named);
    return true;
}

/* Its errors are dealt with here. */
bool config_read_block(struct config_parser *parser, struct config_vm *vm)
{
    struct config *config = parser->config;
    if (config->vm_count == MAX_VMS)
        return config_fail(parser, parser->keyword_at,
                           "there are more than %u VMs; remove this one", MAX_VMS);
    parser->vm = (int)config->vm_count++;
    vm = &config->vms[parser->vm];
    parser->controls = &vm->controls;
    vm->at = parser->keyword_at;
    vm->service = strcmp(parser->keyword->word, "service") == 0;
    bool named = read_name(parser, vm);
    if (named && vm->service)
        config->service = parser->vm;
    read_rest(parser, named);
    return true;
}

bool config_parse(const char *text, size_t length, struct config *config,
                  struct config_errors *errors)
{
    struct config_parser parser = {
        .lexer = {text, text + length, text, 1}, .config = config, .errors = errors, .vm = -1};
    memset(config, 0, sizeof(*config));
    config->service = -1;
    errors->count = 0;
    next_token(&parser);
    while (parser.token.kind != CONFIG_TOKEN_END) {
        if (is_separator(&parser.token))
            next_token(&parser);
        else if (!read_statement(&parser))
            skip_broken(&parser, 0);
    }
    if (config->vm_count == 0 && errors->count == 0)
        config_fail(&parser, (struct config_position){1, 1},
                    "there is no VM; write at least: service host { }");
    config_complete(&parser);
    return errors->count == 0;
}
