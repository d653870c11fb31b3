"""Kinds of windows, per key."""

from canvas import BLUE, FAINT, GREEN, LINE, ORANGE, VIOLET, Canvas

LEFT, LENGTH = 110, 590
USERS = (
    ("user 1", BLUE, [12, 40, 70, 124, 156, 242, 262, 300, 372, 400, 505, 545]),
    ("user 2", GREEN, [30, 92, 124, 178, 246, 300, 326, 360, 442, 474, 498]),
    ("user 3", ORANGE, [52, 84, 190, 208, 244, 326, 408, 442, 476, 516]),
)


def records(c, top=64, gap=62):
    for row, (name, color, times) in enumerate(USERS):
        y = top + row * gap
        c.text(LEFT - 14, y + 5, name, color, anchor="end", weight="600")
        c.line(LEFT, y, LEFT + LENGTH, y, LINE)
        for time in times:
            c.event(LEFT + 10 + time, y, color=color, radius=8)


def base(name, title, height=270):
    return Canvas(name, 740, height, title)


def tumbling():
    c = base("windows-tumbling", "Tumbling windows: one size, one after the other, the same for all keys")
    for index in range(4):
        c.rect(LEFT + 4 + index * 144, 34, 138, 188, VIOLET, radius=10)
        c.text(LEFT + 73 + index * 144, 26, f"window {index + 1}", VIOLET, weight="600")
    records(c)
    c.line(LEFT + 4, 236, LEFT + 142, 236, FAINT, arrow=True)
    c.text(LEFT + 73, 254, "size", FAINT, size=12)
    c.time_axis(LEFT + 160, 236, LENGTH - 160)
    c.save()


def sliding():
    c = base("windows-sliding", "Sliding windows: one size, one every slide, so that they overlap", 330)
    colors = (VIOLET, BLUE, VIOLET, BLUE)
    for index, color in enumerate(colors):
        c.rect(LEFT + 4 + index * 116, 30 + index % 2 * 10, 228, 208 - index % 2 * 20, color, "none", radius=10, stroke=2)
        c.text(LEFT + 70 + index * 116, 24 if index % 2 == 0 else 256, f"window {index + 1}", color, weight="600")
    records(c, 78, 58)
    c.line(LEFT + 4, 276, LEFT + 232, 276, FAINT, arrow=True)
    c.text(LEFT + 180, 294, "size", FAINT, size=12)
    c.line(LEFT + 4, 300, LEFT + 120, 300, FAINT, arrow=True)
    c.text(LEFT + 62, 316, "slide", FAINT, size=12)
    c.time_axis(LEFT + 260, 276, LENGTH - 260)
    c.save()


def session():
    c = base("windows-session", "Session windows: they end once no record of the key has come for the gap")
    gap = 44
    for row, (_, color, times) in enumerate(USERS):
        y, start, last = 64 + row * 62, times[0], times[0]
        for time in [*times[1:], None]:
            if time is None or time - last >= gap:
                c.rect(LEFT + 10 + start - 12, y - 20, last - start + 24 + gap / 2, 40, VIOLET, radius=10)
                start = time
            last = time
    records(c)
    c.line(LEFT + 166, 30, LEFT + 252, 30, FAINT, arrow=True)
    c.text(LEFT + 209, 22, "gap of user 1", FAINT, size=12)
    c.time_axis(LEFT, 236, LENGTH)
    c.save()


def global_window():
    c = base("windows-global", "The global window: all records of a key, until a trigger fires")
    for row in range(3):
        c.rect(LEFT + 2, 42 + row * 62, LENGTH - 4, 44, VIOLET, radius=10)
    records(c)
    c.text(LEFT + LENGTH / 2, 28, "one window per key, without an end", VIOLET, weight="600")
    c.time_axis(LEFT, 236, LENGTH)
    c.save()


def draw():
    tumbling()
    sliding()
    session()
    global_window()
