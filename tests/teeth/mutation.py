# SPDX-License-Identifier: Apache-2.0
# The broken monitors as data: read from mutations.toml, checked, applied to a copy of the tree.

import re
import tomllib
from dataclasses import dataclass, fields


class MutationError(Exception):
    """The list, or one of its edits, does not fit the tree."""


@dataclass(frozen=True)
class Mutation:
    """One edit, and how it shows; the head of mutations.toml says what each field means."""

    name: str
    what: str
    file: str
    old: str
    new: str
    test: str
    says: str

    def edited(self, tree):
        """The file's text with the edit in it; an error if the old text isn't there just once."""
        path = tree / self.file
        if not path.is_file():
            raise MutationError(f"no longer applies: there is no {self.file}")
        text = path.read_text(encoding="utf-8")
        times = text.count(self.old)
        if times != 1:
            raise MutationError(
                f"no longer applies: its old text stands {times} times in {self.file}, not once")
        return text.replace(self.old, self.new)

    def apply(self, tree):
        """Breaks the copy."""
        (tree / self.file).write_text(self.edited(tree), encoding="utf-8")


def mutation_read(entry):
    """One entry of the file; each field is there, a text, and makes sense."""
    name = entry.get("name", "without a name")
    wanted = {field.name for field in fields(Mutation)}
    if set(entry) != wanted or not all(isinstance(v, str) and v for k, v in entry.items()
                                       if k != "new"):
        raise MutationError(f"mutation {name}: it needs the texts {', '.join(sorted(wanted))}; "
                            f"it has {', '.join(sorted(entry))}")
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise MutationError(f"mutation {name}: the name is a folder's, too; write a-z, 0-9 and -")
    if entry["old"] == entry["new"]:
        raise MutationError(f"mutation {name}: the new text is the old one")
    if "::" not in entry["test"]:
        raise MutationError(f"mutation {name}: write its test as FILE::TEST")
    re.compile(entry["says"])
    return Mutation(**entry)


def mutations_read(path):
    """All of them, in the file's order."""
    with open(path, "rb") as file:
        found = [mutation_read(entry) for entry in tomllib.load(file).get("mutation", [])]
    names = [mutation.name for mutation in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise MutationError(f"two mutations are called {', '.join(twice)}")
    return found
