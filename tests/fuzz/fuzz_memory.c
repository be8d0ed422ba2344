/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile driver of a memory device: any ring, any request, any order, while memory is given. */
#include "fuzz.h"

#define CLEAR_BYTES 64u
#include "../unit/memory_vm.h"

#define STEP 8u /* bytes of the input for one step: what, three small values, a large one */

enum step { REQUEST, KICK, POKE, REGISTER, WANT, GIVE, REMEMBER, TRIM, DRIVE, RESET, STEPS };

static struct memory_vm vm;
static bool owned[FRAMES];

static bool release(void *context, hpa_t frame)
{
    unsigned number = (unsigned)((frame.v - (uintptr_t)vm.frames) / LARGE_PAGE);
    must(context == &vm && number < FRAMES && owned[number]);
    for (unsigned i = 0; i < CLEAR_BYTES; i++)
        must(((uint8_t *)(uintptr_t)frame.v)[i] == 0);
    owned[number] = (number & 7) == 7; /* some find no room */
    return !owned[number];
}

static void check_frame(bool seen[FRAMES], uint64_t address)
{
    uint64_t number = (address - (uintptr_t)vm.frames) / LARGE_PAGE;
    must(number < FRAMES && owned[number] && !seen[number]);
    seen[number] = true;
}

/* What the VM reaches is mapped and no other; each frame that is its own is in one place. */
static void check(void)
{
    bool seen[FRAMES] = {false};
    unsigned plugged = 0;
    for (unsigned i = 0; i < vm.plugs.spare_count; i++)
        check_frame(seen, (vm.plugs.spare[i] & 0x3fffffffull) * LARGE_PAGE);
    for (unsigned i = 0; i < vm.plugs.blocks.count; i++) {
        uint32_t frame = vm.plugs.blocks.frames[i];
        if (frame == 0) {
            must(vm.mapped[i] == 0);
            continue;
        }
        plugged++;
        check_frame(seen, (frame & 0x3fffffffull) * LARGE_PAGE);
        must(vm.mapped[i] ==
             ((frame & GUEST_BLOCK_GOING) != 0 ? 0 : (frame & 0x3fffffffull) * LARGE_PAGE));
    }
    must(plugged == vm.plugs.plugged && memcmp(seen, owned, sizeof(seen)) == 0);
}

static void give(unsigned frame)
{
    uint8_t *at = vm.frames + frame * LARGE_PAGE;
    if (owned[frame])
        return;
    owned[frame] = true;
    memset(at, 0xee, CLEAR_BYTES);
    memory_device_add(&vm.plugs, (hpa_t){(uintptr_t)at}, LARGE_PAGE);
}

static void take_step(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes + 4, sizeof(value));
    switch ((enum step)(bytes[0] % STEPS)) {
    case REQUEST: /* most blocks are among the first; a response may go there, too */
        vm_offer(&vm, bytes[1] % 5,
                 REGION + bytes[2] % 80 * (LARGE_PAGE / (bytes[1] > 250 ? 2 : 1)), bytes[3] % 24,
                 bytes[4] < 16 ? REGION + bytes[5] * LARGE_PAGE : 0);
        vm_kick(&vm);
        return;
    case KICK:
        vm_kick(&vm);
        return;
    case POKE:
        memcpy(vm.ram + (bytes[1] | (bytes[2] & 0x3fu) << 8) * 4u % (RAM_BYTES - 4), &value, 4);
        return;
    case REGISTER:
        virtio_write(&vm.device, bytes[1] % VIRTIO_BAR_BYTES & ~3u, 4, value);
        return;
    case WANT:
        memory_device_request(&vm.plugs, bytes[1] % FRAMES * LARGE_PAGE);
        return;
    case GIVE:
        give(bytes[1] % FRAMES);
        return;
    case REMEMBER:
        vm.remembers = (bytes[1] & 1) != 0;
        vm.full = (bytes[1] & 6) == 6;
        return;
    case TRIM:
        memory_device_trim(&vm.plugs, bytes[1] % 8, release, &vm);
        return;
    case DRIVE:
        vm_drive(&vm);
        return;
    default:
        vm.full = false; /* no table is made for what is taken away */
        memory_device_reset(&vm.plugs);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (vm.table == NULL)
        vm_init(&vm, 64 * MIB); /* once: what a run leaves in it does not reach the next */
    vm_begin(&vm, 64 * MIB);
    memset(owned, 0, sizeof(owned));
    for (size_t at = 0; at + STEP <= size; at += STEP) {
        take_step(data + at);
        check();
    }
    return 0;
}
