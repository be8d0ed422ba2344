# SPDX-License-Identifier: Apache-2.0
# Bar charts as SVG: plain shapes on a white ground, readable on light and on dark pages.

import math
from html import escape

WIDTH, LEFT, RIGHT, BAR, GAP, TOP = 760, 190, 130, 18, 14, 64
COLOURS = ("#4c5b6b", "#1f6feb", "#c2571a", "#7a4fb5")


def _text(x, y, text, size=13, anchor="start", weight="normal"):
    return (f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}" fill="#1b1f24">{escape(text)}</text>')


def _length(value, largest, logarithmic, room):
    """Pixels of a bar; on a logarithmic scale 1 has a length, so that 0 is told from it."""
    if value <= 0:
        return 0
    if not logarithmic:
        return room * value / largest
    return room * (1 + math.log10(max(value, 1))) / (1 + math.log10(max(largest, 1)))


def bars(title, note, groups, series, logarithmic=False):
    """One group of bars for each (label, {series: (value, text)}); an SVG file's text."""
    room = WIDTH - LEFT - RIGHT
    largest = max((v for _, values in groups for v, _ in values.values()), default=1) or 1
    shapes, y = [], TOP
    for label, values in groups:
        middle = y + (len(values) * BAR) / 2 + 5
        shapes.append(_text(LEFT - 12, middle, label, anchor="end"))
        for name in (n for n in series if n in values):
            value, text = values[name]
            length = _length(value, largest, logarithmic, room)
            colour = COLOURS[series.index(name) % len(COLOURS)]
            shapes.append(f'<rect x="{LEFT}" y="{y + 2}" width="{max(length, 1):.1f}" '
                          f'height="{BAR - 4}" fill="{colour}"/>')
            shapes.append(_text(LEFT + max(length, 1) + 6, y + BAR - 5, text, 12))
            y += BAR
        y += GAP
    legend, x = [], LEFT
    for index, name in enumerate(series):
        legend.append(f'<rect x="{x}" y="38" width="12" height="12" fill="{COLOURS[index]}"/>')
        legend.append(_text(x + 18, 49, name, 12))
        x += 40 + 8 * len(name)
    height = y + 24
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" font-family="sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(16, 24, title, 16, weight="bold"), *legend, *shapes,
        _text(16, height - 10, note, 11), "</svg>", ""])
