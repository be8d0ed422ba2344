/* SPDX-License-Identifier: Apache-2.0 */
/* The ring of logged events. */
#include "core/events.h"

const char *event_name(uint32_t kind)
{
    static const char *const names[] = {
        "exception",         "port-read",          "port-write",          "msr-read",
        "msr-write",         "unlisted-port-read", "unlisted-port-write", "unlisted-msr-read",
        "unlisted-msr-write"};
    if (kind < CONTROL_EVENTS)
        return control_event_name((enum control_event)kind);
    return kind < EVENT_KINDS ? names[kind - CONTROL_EVENTS] : "?";
}

void event_add(struct event_ring *ring, const struct event *event)
{
    lock_take(&ring->lock);
    ring->list[ring->next++ % EVENTS_KEPT] = *event;
    lock_release(&ring->lock);
}

/* Event *NUMBER, or the oldest after it that is still there; false: there is none yet. */
static bool take(struct event_ring *ring, uint64_t *number, struct event *event)
{
    lock_take(&ring->lock);
    uint64_t oldest = ring->next > EVENTS_KEPT ? ring->next - EVENTS_KEPT : 0;
    if (*number < oldest)
        *number = oldest;
    bool found = *number < ring->next;
    if (found)
        *event = ring->list[*number % EVENTS_KEPT];
    lock_release(&ring->lock);
    return found;
}

/* Its name, for an exception with the vector: `exception-14`; and its operand. */
static void write_what(struct text *text, const struct event *event)
{
    if (event->kind == EVENT_EXCEPTION_LOGGED)
        text_print(text, "%s-%lu operand 0x%lx\n", event_name(event->kind), event->operand & 0xff,
                   event->operand >> 8);
    else
        text_print(text, "%s operand 0x%lx\n", event_name(event->kind), event->operand);
}

void events_write(struct text *text, struct event_ring *ring, uint64_t from, unsigned limit)
{
    struct event event;
    uint64_t first = from;
    lock_take(&ring->lock);
    uint64_t end = ring->next;
    lock_release(&ring->lock);
    if (from > end)
        first = from = end;
    take(ring, &first, &event);
    if (end > first + limit)
        end = first + limit;
    text_print(text, "events from %lu to %lu lost %lu\n", first, end, first - from);
    for (uint64_t i = first; i < end; i++) {
        uint64_t number = i;
        if (!take(ring, &number, &event) || number != i)
            continue; /* overtaken meanwhile: a gap in the numbers */
        text_print(text, "event number %lu tsc %lu cpu %u rip 0x%lx what ", i, event.tsc, event.cpu,
                   event.rip);
        write_what(text, &event);
    }
}
