"""An SVG canvas with the few shapes that the guide's pictures are made of.

Everything is placed by hand in pixels and written in the order of the calls, so that the same script always writes the
same bytes.
"""

from html import escape
from pathlib import Path

IMAGES = Path(__file__).resolve().parent.parent / "src" / "images"

INK = "#1f2937"
FAINT = "#6b7280"
LINE = "#9ca3af"
PAPER = "#ffffff"
SOFT = "#f3f4f6"
BLUE, BLUE_SOFT = "#2563eb", "#dbeafe"
GREEN, GREEN_SOFT = "#059669", "#d1fae5"
ORANGE, ORANGE_SOFT = "#d97706", "#fef3c7"
RED, RED_SOFT = "#dc2626", "#fee2e2"
VIOLET, VIOLET_SOFT = "#7c3aed", "#ede9fe"

SOFTER = {BLUE: BLUE_SOFT, GREEN: GREEN_SOFT, ORANGE: ORANGE_SOFT, RED: RED_SOFT, VIOLET: VIOLET_SOFT, INK: SOFT, FAINT: SOFT}


def number(value):
    """A coordinate, without digits that say nothing."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


class Canvas:
    """A picture of a fixed size, written by `save`."""

    def __init__(self, name, width, height, title):
        self.name, self.width, self.height, self.title = name, width, height, title
        self.parts = []

    def add(self, tag, text=None, **attributes):
        written = "".join(
            f' {key.replace("_", "-")}="{number(value) if isinstance(value, (int, float)) else escape(str(value))}"'
            for key, value in attributes.items()
            if value is not None
        )
        self.parts.append(f"<{tag}{written}/>" if text is None else f"<{tag}{written}>{escape(text)}</{tag}>")

    def rect(self, x, y, width, height, color=LINE, fill=None, radius=8, dash=None, stroke=1.5):
        fill = SOFTER.get(color, SOFT) if fill is None else fill
        self.add(
            "rect", x=x, y=y, width=width, height=height, rx=radius, fill=fill, stroke=color,
            stroke_width=stroke, stroke_dasharray=dash,
        )

    def line(self, x1, y1, x2, y2, color=LINE, width=1.5, dash=None, arrow=False):
        marker = f"url(#arrow-{color[1:]})" if arrow else None
        self.add(
            "line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=color, stroke_width=width, stroke_dasharray=dash,
            marker_end=marker,
        )

    def path(self, points, color=INK, width=2, dash=None, fill="none"):
        d = "M" + " L".join(f"{number(x)} {number(y)}" for x, y in points)
        self.add("path", d=d, fill=fill, stroke=color, stroke_width=width, stroke_dasharray=dash, stroke_linejoin="round")

    def curve(self, start, control, other, end, color=INK, width=2):
        points = [f"{number(x)} {number(y)}" for x, y in (start, control, other, end)]
        self.add("path", d=f"M{points[0]} C{points[1]}, {points[2]}, {points[3]}", fill="none", stroke=color, stroke_width=width)

    def text(self, x, y, text, color=INK, size=13, anchor="middle", weight=None, italic=False):
        self.add(
            "text", text, x=x, y=y, fill=color, font_size=size, text_anchor=anchor, font_weight=weight,
            font_style="italic" if italic else None,
        )

    def event(self, x, y, label="", color=BLUE, radius=12, hollow=False):
        """A record: a disc with its time or name."""
        self.add("circle", cx=x, cy=y, r=radius, fill=PAPER if hollow else color, stroke=color, stroke_width=2)
        if label != "":
            self.text(x, y + 4, str(label), color if hollow else PAPER, size=12, weight="600")

    def box(self, x, y, width, height, label, color=INK, note=None):
        """An operator, or a part of one."""
        self.rect(x, y, width, height, color)
        middle = y + height / 2 + 5
        self.text(x + width / 2, middle - (9 if note else 0), label, color, weight="600")
        if note:
            self.text(x + width / 2, middle + 10, note, color, size=12)

    def time_axis(self, x, y, length, label="event time"):
        self.line(x, y, x + length, y, INK, arrow=True)
        self.text(x + length, y + 20, label, FAINT, size=12, anchor="end", italic=True)

    def save(self):
        colors = (INK, FAINT, LINE, BLUE, GREEN, ORANGE, RED, VIOLET)
        arrow = (
            '<marker id="arrow-{0}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0 L10 5 L0 10 z" fill="#{0}"/></marker>'
        )
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" font-family="Inter, \'Segoe UI\', \'DejaVu Sans\', Helvetica, Arial, sans-serif">',
            f"<title>{escape(self.title)}</title>",
            "<defs>" + "".join(arrow.format(color[1:]) for color in colors) + "</defs>",
            f'<rect width="{self.width}" height="{self.height}" rx="12" fill="{PAPER}"/>',
            *self.parts,
            "</svg>",
        ]
        (IMAGES / f"{self.name}.svg").write_text("\n".join(lines) + "\n", encoding="utf-8")
