"""Draws the guide's pictures anew: `python3 docs/pictures/draw.py` writes docs/src/images/*.svg."""

import async_io
import canvas
import checkpoints
import event_time
import joins
import skew
import windows

if __name__ == "__main__":
    canvas.IMAGES.mkdir(parents=True, exist_ok=True)
    for pictures in (event_time, windows, joins, skew, checkpoints, async_io):
        pictures.draw()
