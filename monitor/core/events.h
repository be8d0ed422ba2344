/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM did that is to be logged: a ring that keeps the newest and never holds the guest up. */
#pragma once

#include "core/controls.h"
#include "core/lock.h"

#define EVENTS_KEPT 400u

/* After the values of enum control_event. */
enum event_kind {
    EVENT_EXCEPTION_LOGGED = CONTROL_EVENTS, /* operand: vector, and address << 8 of a #PF */
    EVENT_PORT_READ,
    EVENT_PORT_WRITE, /* operand: port, and value << 16 */
    EVENT_MSR_READ,
    EVENT_MSR_WRITE,
    EVENT_UNLISTED_PORT_READ, /* the same of a VM with `unlisted audit` */
    EVENT_UNLISTED_PORT_WRITE,
    EVENT_UNLISTED_MSR_READ,
    EVENT_UNLISTED_MSR_WRITE,
    EVENT_KINDS
};

struct event {
    uint64_t tsc, rip, operand;
    uint32_t cpu;
    uint32_t kind; /* enum control_event or enum event_kind */
};

struct event_ring {
    struct lock lock;
    uint64_t next; /* number of the next event: all below next - EVENTS_KEPT are gone */
    struct event list[EVENTS_KEPT];
};

const char *event_name(uint32_t kind);
/* Any core. */
void event_add(struct event_ring *ring, const struct event *event);
/*
 * Write at most LIMIT events from number FROM on: `events from A to B lost L`, then each. L of
 * those from FROM on were gone already.
 */
void events_write(struct text *text, struct event_ring *ring, uint64_t from, unsigned limit);
