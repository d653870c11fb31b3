"""Barriers, aligned and unaligned."""

from canvas import BLUE, FAINT, GREEN, INK, LINE, ORANGE, RED, SOFT, VIOLET, Canvas


def barrier(c, x, y, label=None, height=22):
    c.rect(x - 3, y - height, 6, 2 * height, RED, RED, radius=3)
    if label:
        c.text(x, y - height - 8, label, RED, size=12, weight="600")


def flow():
    c = Canvas("barriers", 740, 180, "Barriers part the records of one checkpoint from those of the next")
    c.rect(20, 66, 610, 48, LINE, SOFT, radius=24)
    colors = [GREEN] * 4 + [BLUE] * 5 + [ORANGE] * 4
    x = 44
    for index, color in enumerate(colors):
        if index in (4, 9):
            barrier(c, x + 2, 90, f"barrier {8 if index == 4 else 7}")
            x += 38
        c.event(x, 90, color=color, radius=11)
        x += 40
    c.line(640, 90, 716, 90, INK, 2, arrow=True)
    for x, text, color in ((110, "in checkpoint 9", GREEN), (328, "in checkpoint 8", BLUE), (548, "in checkpoint 7", ORANGE)):
        c.text(x, 146, text, color, weight="600")
    c.text(680, 78, "oldest first", FAINT, size=12, italic=True)
    c.save()


def channel(c, x, y, items, length=170):
    """Records on their way to an operator on the right; `|` is the barrier, a blank is a gap."""
    c.line(x, y, x + length, y, LINE, 2, arrow=True)
    at = x + length - 24
    for item in items:
        if item == "|":
            barrier(c, at + 4, y, height=18)
            at -= 26
        elif item == " ":
            at -= 16
        else:
            c.event(at, y, item, GREEN if item.isdigit() else BLUE, radius=11)
            at -= 28


def operator(c, x, y, note, color=INK):
    c.rect(x, y - 56, 96, 112, color)
    c.text(x + 48, y + 1, "operator", color, weight="600")
    c.text(x + 48, y + 19, note, color, size=12)


def aligned():
    c = Canvas("barriers-aligned", 900, 330, "Aligned: an input that has the barrier waits for the others")
    steps = (
        (20, "1 the first barrier comes", ("|", "7", "8"), ("d", "c", "|", "f"), "goes on", INK),
        (310, "2 that input waits", ("7", "8", "9"), ("d", "c", "|", "f"), "goes on", ORANGE),
        (600, "3 both are there", ("7", "8", "9"), ("f", "g"), "snapshot", RED),
    )
    for x, title, upper, lower, note, color in steps:
        c.text(x, 34, title, INK, anchor="start", weight="600")
        channel(c, x, 110, upper, 150)
        channel(c, x, 180, lower, 150)
        operator(c, x + 152, 145, note, color)
    c.rect(310, 88, 148, 44, ORANGE, "none", dash="5 4")
    c.text(384, 80, "held", ORANGE, size=12)
    c.line(848, 145, 888, 145, LINE, 2, arrow=True)
    barrier(c, 868, 145, height=18)
    c.box(646, 240, 216, 50, "state, in the background", VIOLET)
    c.line(800, 202, 770, 238, RED, 2, arrow=True)
    c.text(20, 270, "No record is in the snapshot and read again: exactly once.", FAINT, anchor="start")
    c.text(20, 290, "Fast inputs wait for slow ones.", FAINT, anchor="start")
    c.save()


def unaligned():
    c = Canvas("barriers-unaligned", 900, 330, "Unaligned: the barrier overtakes records, which become part of the snapshot")
    c.text(20, 34, "1 a barrier behind many records", INK, anchor="start", weight="600")
    channel(c, 20, 110, ("5", "6", "7", "|", "8"), 200)
    channel(c, 20, 180, ("a", "b", "|", "c"), 200)
    operator(c, 222, 145, "is slow")
    c.text(440, 34, "2 it overtakes them", INK, anchor="start", weight="600")
    channel(c, 440, 110, ("5", "6", "7", " ", "8"), 200)
    channel(c, 440, 180, ("a", "b", " ", "c"), 200)
    operator(c, 642, 145, "snapshot", RED)
    c.rect(545, 90, 90, 40, VIOLET, "none", dash="5 4")
    c.rect(573, 160, 62, 40, VIOLET, "none", dash="5 4")
    c.line(740, 145, 880, 145, LINE, 2, arrow=True)
    c.event(770, 145, color=ORANGE, radius=11)
    c.event(800, 145, color=ORANGE, radius=11)
    barrier(c, 846, 145, "barrier", height=18)
    c.rect(754, 124, 62, 42, VIOLET, "none", dash="5 4")
    c.box(540, 250, 276, 50, "state, and the records overtaken", VIOLET)
    c.line(600, 202, 630, 248, VIOLET, 2, arrow=True)
    c.line(788, 168, 750, 248, VIOLET, 2, arrow=True)
    c.text(20, 270, "The checkpoint does not wait for slow operators;", FAINT, anchor="start")
    c.text(20, 290, "it is larger, and the records are read again from it.", FAINT, anchor="start")
    c.save()


def draw():
    flow()
    aligned()
    unaligned()
