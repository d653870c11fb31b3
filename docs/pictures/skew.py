"""A key with very many records, aggregated in two steps."""

from canvas import BLUE, FAINT, GREEN, RED, Canvas


def draw():
    c = Canvas("local-aggregation", 760, 310, "Senders add records up before the exchange, so that a hot key does not overload its owner")
    for index, y in enumerate((70, 150, 230)):
        c.text(20, y + 5, f"subtask {index + 1}", FAINT, size=12, anchor="start")
        for place, color in enumerate((RED, RED, GREEN, RED, RED)):
            c.event(110 + place * 26, y, color=color, radius=9)
        c.box(250, y - 28, 130, 56, "add up locally", BLUE)
        c.line(380, y, 558, 105, RED, 2, arrow=True)
        c.line(380, y, 558, 200, GREEN, 2, arrow=True)
        c.event(410, y - (y - 105) * 30 / 178, "4", RED, radius=10)
    c.box(560, 75, 170, 60, "owner of the hot key", RED, "3 sums, not 12 records")
    c.box(560, 170, 170, 60, "owner of another", GREEN)
    c.text(315, 292, "before the exchange", FAINT, size=12, italic=True)
    c.text(645, 292, "after the exchange", FAINT, size=12, italic=True)
    c.save()
