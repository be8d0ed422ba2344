# SPDX-License-Identifier: Apache-2.0
# What test_fabric does a few times, so often that it takes too long for it.

from rounds import come_and_go, restart_service, write_mail


def test_a_thousand_vms(fabric, record_property):
    """A thousand VMs come and go, and leave nothing behind."""
    write_mail(fabric)
    record_property("seen", come_and_go(fabric, 1000))


def test_twenty_restarts(fabric, record_property):
    """Twenty restarts of the service VM under load, which nobody else notices."""
    record_property("seen", restart_service(fabric, 20))
