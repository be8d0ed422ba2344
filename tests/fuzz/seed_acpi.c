/* SPDX-License-Identifier: Apache-2.0 */
/* Writes seeds for the ACPI target: the unit tests' firmware, with the RSDP given or looked for. */
#include "../unit/firmware.h"

static struct firmware firmware;

static int seed_write(const char *folder, const char *name, uint8_t how, uint64_t rsdp)
{
    char path[4096];
    uint16_t at = (uint16_t)((rsdp - FIRMWARE_BASE) / 16);
    const uint8_t choice[6] = {how, 1, (uint8_t)at, (uint8_t)(at >> 8), 64, 0};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return 1;
    bool good = fwrite(choice, sizeof(choice), 1, file) == 1 &&
                fwrite(firmware.bytes, firmware.used, 1, file) == 1;
    return fclose(file) == 0 && good ? 0 : 1;
}

int main(int count, char **words)
{
    if (count != 2)
        return 2;
    uint64_t rsdp = firmware_four_nodes(&firmware);
    firmware_unmap(); /* nothing is mapped; the tests' header has it */
    int status = seed_write(words[1], "given", 0, rsdp) |
                 seed_write(words[1], "unsealed", 1, rsdp) | seed_write(words[1], "found", 6, rsdp);
    uint64_t list[] = {0};
    memset(&firmware, 0, sizeof(firmware));
    mapped_firmware = &firmware;
    uint32_t madt = table_open(&firmware, "APIC", 3);
    put64(&firmware, 0xfee00000);
    madt_apic(&firmware, 1, 1, 1);
    list[0] = table_close(&firmware, madt);
    rsdp = firmware_root(&firmware, list, 1);
    return status | seed_write(words[1], "small", 0, rsdp);
}
