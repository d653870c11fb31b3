"""Joins of two streams."""

from canvas import BLUE, FAINT, GREEN, INK, LINE, ORANGE, VIOLET, Canvas

LEFT, UNIT = 110, 62
TOP, BOTTOM = 70, 150


def x_of(time):
    return LEFT + 30 + time * UNIT


def streams(c, green, orange, axis=9):
    for name, color, y, times in (("left", GREEN, TOP, green), ("right", ORANGE, BOTTOM, orange)):
        c.text(LEFT - 16, y + 5, name, color, anchor="end", weight="600")
        c.line(LEFT, y, LEFT + axis * UNIT + 20, y, LINE)
        for time in times:
            c.event(x_of(time), y, time, color)


def window(c, start, end):
    """A window over both streams; answers where its middle is."""
    left, right = x_of(start) - UNIT / 2 + 3, x_of(end) - UNIT / 2 - 3
    c.rect(left, TOP - 30, right - left, BOTTOM - TOP + 60, VIOLET, radius=10)
    return (left + right) / 2


def pairs(c, x, y, *lines):
    for index, line in enumerate(lines):
        c.text(x, y + index * 17, line, INK, size=12)


def tumbling():
    c = Canvas("join-tumbling", 740, 270, "Join in tumbling windows of two milliseconds: the pairs of each window")
    green, orange = [0, 1, 3, 4], [0, 1, 2, 3, 5, 6, 7]
    results = (("0,0  0,1", "1,0  1,1"), ("3,2  3,3",), ("4,5",), ("no pairs",))
    for index, lines in enumerate(results):
        pairs(c, window(c, 2 * index, 2 * index + 2), 204, *lines)
    streams(c, green, orange)
    c.time_axis(LEFT, 242, 9 * UNIT + 20)
    c.save()


def sliding():
    c = Canvas("join-sliding", 740, 290, "Join in sliding windows of two milliseconds, one every millisecond")
    results = ("1,1", "1,1  1,2", "no pairs", "4,3  4,4", "4,4  5,4")
    for start, line in enumerate(results):
        color, inset = ((VIOLET, 0), (BLUE, 9))[start % 2]
        left, right = x_of(start) - UNIT / 2 + 4, x_of(start + 2) - UNIT / 2 - 4
        c.rect(left, TOP - 32 + inset, right - left, BOTTOM - TOP + 64 - 2 * inset, color, "none", radius=10, stroke=2)
        c.text((left + right) / 2, 206 + start % 2 * 20, line, color, size=12)
    streams(c, [1, 4, 5], [1, 2, 3, 4])
    c.text(x_of(7.4), 206, "a pair comes once for", FAINT, size=12)
    c.text(x_of(7.4), 222, "each window that has both", FAINT, size=12)
    c.time_axis(LEFT, 262, 9 * UNIT + 20)
    c.save()


def session():
    c = Canvas("join-session", 740, 270, "Join in session windows with a gap of two milliseconds")
    green, orange = [0, 4, 8], [1, 4, 5, 8]
    for start, end, lines in ((0, 2, ("0,1",)), (4, 6, ("4,4  4,5",)), (8, 9, ("8,8",))):
        pairs(c, window(c, start, end), 204, *lines)
    streams(c, green, orange)
    left, right = x_of(1), x_of(4)
    c.line(left + 34, 26, right - 34, 26, FAINT, arrow=True)
    c.text((left + right) / 2, 20, "more than the gap", FAINT, size=12)
    c.time_axis(LEFT, 242, 9 * UNIT + 20)
    c.save()


def interval():
    c = Canvas("interval-join", 740, 270, "Interval join: right records from two before to one after each left one")
    left, right = [2, 5], [0, 1, 3, 4, 6, 8]
    for time in left:
        points = [(x_of(time), TOP), (x_of(time + 1) + 14, BOTTOM), (x_of(time - 2) - 14, BOTTOM), (x_of(time), TOP)]
        c.path(points, VIOLET, 1.5, "5 4", "#ede9fe")
    streams(c, left, right)
    pairs(c, x_of(1.5), 196, "2,0  2,1  2,3")
    pairs(c, x_of(4.6), 196, "5,3  5,4  5,6")
    c.text(x_of(2) - 10, 34, "left + lower", FAINT, size=12, anchor="end")
    c.text(x_of(2) + 10, 34, "left + upper", FAINT, size=12, anchor="start")
    c.text(x_of(8), 196, "meets none", FAINT, size=12)
    c.time_axis(LEFT, 236, 9 * UNIT + 20)
    c.save()


def draw():
    tumbling()
    sliding()
    session()
    interval()
