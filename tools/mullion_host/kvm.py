# SPDX-License-Identifier: Apache-2.0
# ACCEL=kvm: QEMU's processor under a KVM that nests, or what this host lacks for it.

import os

from .steps import HostError

FEATURES = {"kvm_intel": "vmx", "kvm_amd": "svm"}


def processor(modules="/sys/module", device="/dev/kvm"):
    """What -cpu is; KVM itself provides the x2APIC, whether the host's processor has one or not."""
    for module, feature in FEATURES.items():
        nested = os.path.join(modules, module, "parameters", "nested")
        if not os.path.exists(nested):
            continue
        with open(nested, encoding="ascii") as text:
            if text.read().strip() not in ("1", "Y"):
                raise HostError(f"{module} does not nest, and Mullion needs {feature}; run `modprobe "
                                f"-r {module} && modprobe {module} nested=1` as root, or write "
                                "ACCEL=tcg")
        if not os.access(device, os.R_OK | os.W_OK):
            raise HostError(f"{device} is not to be opened; become a member of the group kvm, or "
                            "write ACCEL=tcg")
        return f"host,+{feature},+x2apic"
    raise HostError(f"this host has neither {' nor '.join(FEATURES)} loaded; switch virtualization "
                    "on in the firmware's set-up and load the module, or write ACCEL=tcg")
