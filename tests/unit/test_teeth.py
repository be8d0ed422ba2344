# SPDX-License-Identifier: Apache-2.0
"""The broken monitors of tests/teeth: each edit is still one of the source as it is."""

import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
TREE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests/teeth"))

from mutation import MutationError, mutations_read  # noqa: E402

MUTATIONS = mutations_read(TREE / "tests/teeth/mutations.toml")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.name for mutation in MUTATIONS])
def test_applies(mutation):
    try:
        mutation.edited(TREE)
    except MutationError as error:
        pytest.fail(str(error))
