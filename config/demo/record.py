#!/usr/bin/env python3
"""Makes the README's pictures of the demo, config/screenshots/demo.svg and demo.txt, from a real run in a terminal.

python3 config/demo/record.py        runs `bash config/demo/run.sh`, which should be built already, and ends it when it waits

Lines appear when they appeared, and go up when the window is full; a longer wait than PAUSE_MAX_S is shortened to it. The picture
plays once and stays, has its own background in light and in dark, and shows its end at once to those who asked for less motion.
demo.txt is the same for those who read. Only Python's own library is needed."""

import fcntl
import html
import os
import pty
import select
import struct
import sys
import termios
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "bash config/demo/run.sh"
OUT = ROOT / "config/screenshots"
WINDOW_LINES = 36
COLUMNS, FONT_PX, LINE_PX, MARGIN_PX = 132, 13, 18, 16
CHAR_PX = FONT_PX * 0.6
PAUSE_MAX_S = 1.5
# A progress line is drawn again at most this often.
DRAW_EACH_S = 0.3
RUN_MAX_S = 900


def run():
    """(seconds, text) of each thing that the terminal was told."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        os.execvp("bash", COMMAND.split())
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    told, seen, begun = [], "", time.monotonic()
    while time.monotonic() - begun < RUN_MAX_S:
        if not select.select([terminal], [], [], 1)[0]:
            # It waits, and says until when: as a visitor who has seen it all.
            if "Ctrl-C ends everything" in seen:
                os.write(terminal, b"\x03")
                break
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part.decode(errors="replace")
        told.append((time.monotonic() - begun, part.decode(errors="replace")))
    os.waitpid(child, 0)
    if "Ctrl-C ends everything" not in seen:
        sys.exit("the demo did not come to its end:\n" + seen)
    return told


def versions(told):
    """Each line as (number, text, from, until): until None is to the end. Only carriage returns draw over a line."""
    rows, shown, number, line, clock, last, fresh = [], None, 0, "", 0.0, 0.0, False
    for at, text in told:
        clock += min(at - last, PAUSE_MAX_S)
        last = at
        for char in text:
            if char == "\n":
                if shown is not None and shown[1] != line:
                    rows.append((*shown, clock))
                    shown = None
                rows.append((number, line, clock if shown is None else shown[2], None))
                number, line, shown = number + 1, "", None
            elif char == "\r":
                fresh = True
            else:
                line = char if fresh else line + char
                fresh = False
        if line and (shown is None or (shown[1] != line and clock - shown[2] >= DRAW_EACH_S)):
            if shown is not None:
                rows.append((*shown, clock))
            shown = (number, line, clock)
    if line:
        rows.append((number, line, clock, None))
    return rows


def ascent(rows):
    """(seconds, pixels): how far the lines have gone up, from when on."""
    up, out = 0, [(0.0, 0)]
    for number, _, begin, _ in sorted(rows, key=lambda row: row[2]):
        wanted = max(0, number + 2 - WINDOW_LINES) * LINE_PX
        if wanted > up:
            up = wanted
            out.append((begin, up))
    return out


def picture(rows):
    width, height = round(COLUMNS * CHAR_PX + 2 * MARGIN_PX), WINDOW_LINES * LINE_PX + 2 * MARGIN_PX
    ups, total = ascent(rows), max(begin for _, _, begin, _ in rows) + 0.1
    frames = " ".join(f"{100 * at / total:.2f}% {{ transform: translateY(-{up}px) }}" for at, up in ups)
    out = [f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<title>A terminal: {html.escape(COMMAND)}</title>
<style>
rect {{ fill: #f6f8fa; stroke: #d0d7de }}
text {{ font: {FONT_PX}px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; white-space: pre; animation: on 1ms both }}
g {{ transform: translateY(-{ups[-1][1]}px); animation: up {total:.1f}s step-end both }}
.typed {{ font-weight: bold }}
.gone {{ visibility: hidden; animation-name: while; animation-fill-mode: none }}
@keyframes on {{ from {{ visibility: hidden }} to {{ visibility: visible }} }}
@keyframes while {{ from, to {{ visibility: visible }} }}
@keyframes up {{ {frames} 100% {{ transform: translateY(-{ups[-1][1]}px) }} }}
@media (prefers-color-scheme: dark) {{ rect {{ fill: #161b22; stroke: #30363d }} text {{ fill: #e6edf3 }} }}
@media (prefers-reduced-motion: reduce) {{ text, g {{ animation: none }} }}
</style>
<rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>
<svg y="{MARGIN_PX - 3}" width="{width}" height="{WINDOW_LINES * LINE_PX + 6}">
<g>
<text class="typed" x="{MARGIN_PX}" y="{FONT_PX}">$ {html.escape(COMMAND)}</text>"""]
    for number, line, begin, end in rows:
        if not line.strip():
            continue
        if end is None:
            how = f'style="animation-delay:{begin:.1f}s"'
        else:
            how = f'class="gone" style="animation-delay:{begin:.1f}s;animation-duration:{max(end - begin, 0.1):.1f}s"'
        out.append(f'<text x="{MARGIN_PX}" y="{FONT_PX + (number + 1) * LINE_PX}" xml:space="preserve" {how}>{html.escape(line)}</text>')
    return "\n".join(out) + "\n</g>\n</svg>\n</svg>\n"


def main():
    rows = versions(run())
    kept = [line for _, line, _, end in rows if end is None]
    OUT.mkdir(exist_ok=True)
    (OUT / "demo.svg").write_text(picture(rows), encoding="utf-8")
    (OUT / "demo.txt").write_text(f"$ {COMMAND}\n" + "\n".join(line.rstrip() for line in kept).rstrip() + "\n", encoding="utf-8")
    widest = max(map(len, kept))
    print(f"{(OUT / 'demo.svg').stat().st_size} bytes, {len(kept)} lines, widest {widest} of {COLUMNS}")


main()
