# SPDX-License-Identifier: Apache-2.0
# Where the tests of this folder find what they share with those in QEMU.

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("attack", "../bench"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
