"""Event time against processing time, and watermarks."""

from canvas import BLUE, FAINT, GREEN, INK, LINE, ORANGE, RED, SOFT, VIOLET, Canvas


def skew():
    c = Canvas("time-skew", 560, 420, "Event time falls behind processing time by a varying amount")
    left, bottom, size = 70, 360, 310
    c.line(left, bottom, left + size + 60, bottom, INK, arrow=True)
    c.line(left, bottom, left, bottom - size - 20, INK, arrow=True)
    c.text(left + size + 60, bottom + 24, "processing time", FAINT, anchor="end", italic=True)
    c.text(left, 22, "event time", FAINT, italic=True)
    for step in range(1, 7):
        at = step * 48
        c.line(left + at, bottom, left + at, bottom + 5, INK)
        c.line(left - 5, bottom - at, left, bottom - at, INK)
    c.line(left, bottom, left + 300, bottom - 300, LINE, dash="6 5")
    c.text(left + 310, bottom - 296, "ideal: no delay", FAINT, anchor="start")
    points = [(0, 0), (40, 22), (80, 60), (120, 70), (160, 74), (200, 130), (240, 200), (280, 238), (320, 262)]
    c.path([(left + x, bottom - y) for x, y in points], BLUE, 3)
    c.text(left + 326, bottom - 250, "the watermark", BLUE, anchor="start", weight="600")
    c.line(left + 160, bottom - 160, left + 160, bottom - 76, RED, arrow=True)
    c.text(left + 226, bottom - 112, "event-time lag", RED, anchor="start")
    c.line(left + 74, bottom - 74, left + 156, bottom - 74, ORANGE, arrow=True)
    c.text(left + 64, bottom - 96, "delay", ORANGE, anchor="middle")
    c.save()


def stream(c, y, records, watermarks, late=(), gap=50, start=60):
    """Records in order of arrival, the first on the right, since it goes ahead; a watermark follows the record it names."""
    c.rect(start - 30, y - 24, c.width - 2 * start + 60, 48, LINE, SOFT, radius=24)
    for place, record in enumerate(records):
        x = start + 10 + place * gap
        if record in watermarks:
            c.line(x - gap / 2, y - 40, x - gap / 2, y + 32, GREEN, 2.5, dash="5 3")
            c.text(x - gap / 2, y + 52, f"W({watermarks[record]})", GREEN, weight="600")
        c.event(x, y, record, RED if record in late else BLUE)


def in_order():
    c = Canvas("watermarks-in-order", 640, 170, "Watermarks in a stream whose records are in order")
    stream(c, 70, [23, 21, 20, 18, 17, 15, 14, 11, 10, 9, 7], {20: 20, 11: 11})
    c.text(30, 32, "newest", FAINT, anchor="start", italic=True)
    c.text(610, 32, "oldest: goes ahead", FAINT, anchor="end", italic=True)
    c.line(510, 145, 610, 145, FAINT, arrow=True)
    c.text(500, 149, "direction of the stream", FAINT, size=12, anchor="end")
    c.save()


def out_of_order():
    c = Canvas("watermarks-out-of-order", 640, 190, "Watermarks in a stream whose records are out of order by at most 4")
    stream(c, 70, [16, 24, 20, 18, 19, 22, 13, 17, 14, 12, 15, 9, 11, 7], {19: 17, 15: 10}, late={16}, gap=40)
    c.line(70, 140, 70, 88, RED, arrow=True)
    c.text(40, 156, "late: at or before the watermark", RED, size=12, anchor="start")
    c.text(40, 32, "newest", FAINT, anchor="start", italic=True)
    c.line(510, 165, 610, 165, FAINT, arrow=True)
    c.text(500, 169, "direction of the stream", FAINT, size=12, anchor="end")
    c.save()


def parallel():
    c = Canvas("watermarks-parallel", 720, 330, "An operator with several inputs has the lowest watermark of all of them")
    rows = ((70, "source (1)", 33, [36, 35, 34], 29), (220, "source (2)", 17, [21, 19, 18], 14))
    for y, name, watermark, records, sent in rows:
        c.box(20, y - 30, 100, 60, name, BLUE, f"W({watermark})")
        c.box(300, y - 30, 110, 60, "map", BLUE, f"W({sent})")
        c.line(120, y, 298, y, LINE, 2, arrow=True)
        for index, record in enumerate(reversed(records)):
            c.event(265 - index * 44, y, record)
        c.line(286, y - 26, 286, y + 26, GREEN, 2.5, dash="5 3")
        c.text(286, y - 34, f"W({watermark})", GREEN, weight="600", size=12)
    for y in (70, 220):
        c.box(560, y - 36, 140, 72, "window", VIOLET, "min(29, 14) = 14")
    for start in (70, 220):
        for end in (70, 220):
            color = GREEN if start == 70 else ORANGE
            c.line(410, start, 557, end, color, 2, arrow=True)
    c.text(455, 56, "W(29)", GREEN, weight="600", size=12)
    c.text(455, 246, "W(14)", ORANGE, weight="600", size=12)
    c.text(630, 300, "event time at the operator", FAINT, size=12, italic=True)
    c.text(70, 300, "a watermark per split", FAINT, size=12, italic=True)
    c.save()


def draw():
    skew()
    in_order()
    out_of_order()
    parallel()
