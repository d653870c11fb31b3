"""Waiting for answers, and the order of results."""

from canvas import BLUE, FAINT, GREEN, INK, LINE, ORANGE, RED, VIOLET, Canvas

COLORS = {"a": BLUE, "b": GREEN, "c": ORANGE, "d": VIOLET}


def waiting():
    c = Canvas("async-waiting", 740, 250, "One request after the other, and several in flight")
    c.text(20, 34, "one after the other", INK, anchor="start", weight="600")
    x = 20
    for name in "abcd":
        c.rect(x, 50, 150, 30, COLORS[name])
        c.text(x + 75, 70, f"wait for {name}", COLORS[name], size=12)
        x += 168
    c.text(20, 122, "asynchronous", INK, anchor="start", weight="600")
    for index, name in enumerate("abcd"):
        start, length = 20 + index * 24, (150, 190, 110, 140)[index]
        c.rect(start, 134 + index * 24, length, 20, COLORS[name])
        c.text(start + length / 2, 148 + index * 24, f"wait for {name}", COLORS[name], size=12)
    c.line(20, 238, 700, 238, INK, arrow=True)
    c.text(700, 228, "processing time", FAINT, size=12, anchor="end", italic=True)
    c.save()


def lane(c, y, label, items):
    c.text(20, y + 5, label, FAINT, size=12, anchor="start")
    c.line(150, y, 720, y, LINE, 2, arrow=True)
    for x, item in items:
        if item.startswith("W"):
            c.line(x, y - 20, x, y + 20, RED, 2.5, dash="5 3")
            c.text(x, y - 26, item, RED, size=12, weight="600")
        else:
            c.event(x, y, item, COLORS[item])


def ordering():
    c = Canvas("async-order", 760, 330, "Ordered results keep the order of the records; unordered ones overtake between watermarks only")
    c.text(20, 26, "time goes to the right", FAINT, size=12, anchor="start", italic=True)
    lane(c, 70, "records", [(180, "a"), (230, "b"), (280, "c"), (330, "W"), (380, "d")])
    lane(c, 140, "answers", [(250, "b"), (420, "d"), (470, "a"), (600, "c")])
    lane(c, 220, "ordered", [(470, "a"), (500, "b"), (600, "c"), (640, "W"), (670, "d")])
    lane(c, 290, "unordered", [(250, "b"), (470, "a"), (600, "c"), (640, "W"), (670, "d")])
    c.save()


def draw():
    waiting()
    ordering()
