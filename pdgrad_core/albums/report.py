"""The album's report: one HTML file with before and after, who is who, and what failed."""

import base64
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from ..files import write_whole
from .corrections import name_of, said_of
from .work_list import Record, WorkList

FILE = "album.html"

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px; padding: 0 1rem;
  color: #222; background: #fafafa; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.photos { display: grid; gap: 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); }
figure { margin: 0; background: #fff; padding: .7rem; border-radius: 6px;
  box-shadow: 0 1px 3px #0002; }
.pair { position: relative; --at: 50%; line-height: 0; }
.pair img { width: 100%; display: block; }
.pair .after { position: absolute; inset: 0; height: 100%; clip-path: inset(0 0 0 var(--at)); }
.pair::after { content: ""; position: absolute; top: 0; bottom: 0; left: var(--at); width: 2px;
  background: #fff; box-shadow: 0 0 3px #000; pointer-events: none; }
input[type=range] { width: 100%; margin: .4rem 0; }
figcaption { overflow-wrap: anywhere; } ul { margin: .3rem 0; padding-left: 1.2rem; }
.sure { color: #666; } .failed { color: #a32; } a { color: inherit; }
"""

_SCRIPT = """
for (const slider of document.querySelectorAll("input[type=range]")) {
  const pair = slider.previousElementSibling;
  slider.addEventListener("input", () => pair.style.setProperty("--at", slider.value + "%"));
}
"""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_report(
    out: Path, records: Sequence[Record], work: WorkList, names: dict[str, str]
) -> Path:
    """Write the report and return its path.

    Args:
        out: The results' folder.
        records: Of the album's photos.
        work: Holds the small pictures.
        names: Where each photo's result lies within the folder.
    """
    path = out / FILE

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(_head(records))
            # One photo at a time: the pictures of a large album need not fit the memory.
            for record in records:
                file.write(_photo(record, work, names))
            file.write(_tail(records))

    write_whole(path, write)
    return path


def _head(records: Sequence[Record]) -> str:
    states = Counter(record.state for record in records)
    said = ", ".join(f"{count} {state}" for state, count in states.most_common())
    people = Counter(row["name"] for record in records for row in record.look if row["name"])
    unknown = sum(not row["name"] for record in records for row in record.look)
    who = ", ".join(f"{escape(name)} {count}" for name, count in people.most_common())
    faces = f"Faces: {who or 'nobody known'}; {unknown} unknown."
    seconds = sum(record.seconds for record in records)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Album</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<style>{_STYLE}</style></head><body>\n<h1>Album</h1>\n"
        f"<p>{len(records)} photos: {escape(said)}. {faces} {seconds:.0f} s of restoring.</p>\n"
        '<div class="photos">\n'
    )


def _photo(record: Record, work: WorkList, names: dict[str, str]) -> str:
    if record.state != "done":
        return ""
    before, after = (work.picture(record.path, kind) for kind in ("before", "after"))
    if before is None or after is None:
        return ""
    name = escape(record.path)
    link = quote(names[record.path])
    faces = "".join(
        f'<li>{escape(name_of(row))} <span class="sure">{escape(said_of(row))}</span></li>'
        for row in record.look
    )
    return (
        f'<figure><div class="pair"><img alt="{name} before" src="{_data(before)}">'
        f'<img class="after" alt="{name} after" src="{_data(after)}"></div>'
        f'<input type="range" min="0" max="100" value="50" aria-label="{name}: before or after">'
        f'<figcaption><a href="{link}">{name}</a><ul>{faces}</ul></figcaption></figure>\n'
    )


def _tail(records: Sequence[Record]) -> str:
    parts = ["</div>\n"]
    failed = [record for record in records if record.state == "failed"]
    others = [record for record in records if record.state in ("no face", "left alone")]
    if failed:
        rows = "".join(
            f"<li>{escape(record.path)}: {escape(record.error)}</li>" for record in failed
        )
        parts.append(f'<h2>Failed</h2>\n<ul class="failed">{rows}</ul>\n')
    if others:
        rows = "".join(f"<li>{escape(one.path)}: {escape(one.state)}</li>" for one in others)
        parts.append(f"<h2>Unchanged</h2>\n<ul>{rows}</ul>\n")
    return "".join([*parts, f"<script>{_SCRIPT}</script>\n</body></html>\n"])


def _data(picture: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(picture).decode('ascii')}"
