/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the memory device share. Private to them. */
#pragma once

#include "core/memory_device.h"

#define FRAME_CLEAN  0x40000000u /* a spare or a going frame: it is clear */
#define FRAME_NUMBER 0x3fffffffu

/* The device's configuration (virtio 1.2, 5.15.4). */
struct layout {
    uint64_t block_size;         /* 0x00 */
    uint16_t node, padding[3];   /* 0x08 */
    uint64_t base, size, usable; /* 0x10 */
    uint64_t plugged;            /* 0x28 */
    uint64_t requested;          /* 0x30 */
};
_Static_assert(sizeof(struct layout) == VIRTIO_CONFIG_BYTES, "virtio 1.2, 5.15.4");

static inline gpa_t memory_block(const struct memory_device *memory, uint32_t block)
{
    return (gpa_t){memory->blocks.base + block * MEMORY_DEVICE_BLOCK};
}

static inline hpa_t memory_frame(uint32_t frame)
{
    return (hpa_t){(frame & FRAME_NUMBER) * MEMORY_DEVICE_BLOCK};
}

static inline bool memory_has_block(const struct memory_device *memory, uint32_t block)
{
    uint32_t frame = atomic_load(&memory->blocks.frames[block]);
    return frame != 0 && (frame & GUEST_BLOCK_GOING) == 0;
}

/* So many blocks are plugged; the driver can read that. */
void memory_count_plugged(struct memory_device *memory, uint32_t plugged);
/* The frame behind BLOCK, if it has one, is spare; with these FLAGS. */
void memory_make_spare(struct memory_device *memory, uint32_t block, uint32_t flags);
