/* SPDX-License-Identifier: Apache-2.0 */
/* `mullion probe`: a report, the verdict, and a configuration for this machine. */
#include "probe.h"

#include <stdio.h>

#include "check.h"
#include "propose.h"

int probe_run(bool config_only)
{
    static struct report report;
    static struct probe_facts facts;
    probe_cpu(&report);
    probe_topology(&report, &facts);
    probe_firmware(&report);
    probe_boot_loader(&report);
    probe_devices(&report);
    unsigned missing = report_count(&report, ANSWER_NO);
    if (!config_only) {
        report_print(&report);
        report_print_verdict(&report);
        printf("\n");
    } else if (missing > 0) {
        fprintf(stderr, "mullion: this machine cannot run Mullion yet; see: mullion probe\n");
    }
    propose_print(&facts);
    return missing > 0 ? STATUS_ERRORS : STATUS_OK;
}
