/* SPDX-License-Identifier: Apache-2.0 */
/* Time: PM timer (ACPI 4.8.2.1), PIT channel 2, and the RTC's registers. */
#include "x86/time.h"

#include "x86/asm.h"

#define PM_TIMER_HZ     3579545ull
#define PIT_HZ          1193182ull
#define PIT_CHANNEL2    0x42u
#define PIT_COMMAND     0x43u
#define PIT_GATE        0x61u
#define CALIBRATE_MS    20u
#define CALIBRATE_TRIES 3u
#define RTC_INDEX       0x70u
#define RTC_DATA        0x71u
#define RTC_TRIES       100000u

static uint64_t tsc_khz = 1000000; /* a guess, until it is measured */
static uint64_t us_scale;          /* microseconds a tick, in 1 / 2^32 */
static uint64_t tsc_start;
static uint64_t wall_seconds;
static uint64_t wall_tsc;

/* Ticks of the PM timer's 24 valid bits from FROM to now. */
static uint32_t pm_elapsed(uint16_t port, uint32_t from)
{
    return (in32(port) - from) & 0xffffff;
}

static uint64_t measure_pm_timer(uint16_t port)
{
    uint32_t wanted = PM_TIMER_HZ * CALIBRATE_MS / 1000;
    uint32_t from = in32(port);
    uint64_t start = rdtsc();
    uint32_t ticks;
    do
        ticks = pm_elapsed(port, from);
    while (ticks < wanted);
    return (rdtsc() - start) * PM_TIMER_HZ / ticks / 1000;
}

static uint64_t measure_pit(void)
{
    uint16_t count = PIT_HZ * CALIBRATE_MS / 1000;
    out8(PIT_GATE, (in8(PIT_GATE) & 0xfc) | 1);
    out8(PIT_COMMAND, 0xb0); /* channel 2, both bytes, mode 0 */
    out8(PIT_CHANNEL2, (uint8_t)count);
    out8(PIT_CHANNEL2, (uint8_t)(count >> 8));
    uint64_t start = rdtsc();
    while ((in8(PIT_GATE) & 0x20) == 0)
        cpu_relax();
    return (rdtsc() - start) / CALIBRATE_MS;
}

static uint8_t rtc_read(uint8_t index)
{
    out8(RTC_INDEX, index);
    return in8(RTC_DATA);
}

static unsigned from_bcd(uint8_t value, bool binary)
{
    return binary ? value : (value >> 4) * 10u + (value & 15u);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar (months counted from March). */
static uint64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
    uint64_t y = month > 2 ? year : year - 1;
    uint64_t m = month > 2 ? month - 3 : month + 9;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static void read_wall_clock(void)
{
    for (unsigned i = 0; i < RTC_TRIES && (rtc_read(10) & 0x80) != 0; i++)
        cpu_relax(); /* an update is in progress */
    uint8_t mode = rtc_read(11);
    bool binary = (mode & 4) != 0;
    uint8_t raw_hour = rtc_read(4);
    unsigned hour = from_bcd(raw_hour & 0x7f, binary);
    if ((mode & 2) == 0) /* 12-hour clock */
        hour = hour % 12 + ((raw_hour & 0x80) != 0 ? 12 : 0);
    uint64_t days = days_since_1970(2000 + from_bcd(rtc_read(9), binary),
                                    from_bcd(rtc_read(8), binary), from_bcd(rtc_read(7), binary));
    wall_seconds = days * 86400 + hour * 3600ull + from_bcd(rtc_read(2), binary) * 60ull +
                   from_bcd(rtc_read(0), binary);
    wall_tsc = rdtsc();
}

void time_calibrate(const struct acpi_info *acpi)
{
    uint64_t best = UINT64_MAX; /* what disturbs a measurement makes it longer */
    for (unsigned i = 0; i < CALIBRATE_TRIES; i++) {
        uint64_t khz = acpi->pm_timer_port != 0 ? measure_pm_timer((uint16_t)acpi->pm_timer_port)
                                                : measure_pit();
        best = khz < best ? khz : best;
    }
    tsc_khz = best != 0 ? best : 1;
    us_scale = (1000ull << 32) / tsc_khz;
    tsc_start = rdtsc();
    read_wall_clock();
}

uint64_t time_tsc_khz(void)
{
    return tsc_khz;
}

uint64_t time_us(void)
{
    return (uint64_t)((unsigned __int128)(rdtsc() - tsc_start) * us_scale >> 32);
}

uint64_t time_wall_seconds(uint64_t *tsc)
{
    *tsc = wall_tsc;
    return wall_seconds;
}
