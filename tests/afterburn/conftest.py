# SPDX-License-Identifier: Apache-2.0
# What tests of the tool share.

import pytest
from assembled import make_guest


@pytest.fixture(name="guest")
def linked_guest(tmp_path):
    """The small guest, linked at 1 MiB with room for a wedge."""
    return make_guest(tmp_path)
