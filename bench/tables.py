# SPDX-License-Identifier: Apache-2.0
# Counts and tables as text.


def number(value):
    """A count, or a ratio, as one reads it."""
    if value is None:
        return "–"
    if isinstance(value, float) and abs(value) < 1000:
        return f"{value:,.2f}"
    return f"{value:,.0f}"


def table(header, rows):
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines] + [""]


def exits_text(exits, most=6):
    """The most frequent reasons: `hlt 1,234, icr 5`."""
    shown = [f"{name} {count:,}" for name, count in list(exits.items())[:most]]
    rest = sum(list(exits.values())[most:])
    return ", ".join(shown + ([f"others {rest:,}"] if rest else [])) or "none"
