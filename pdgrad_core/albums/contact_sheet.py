"""Every face beside its person's photo, on pages to look through."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ..files import write_whole
from ..images import to_pil
from ..people import Person
from .corrections import name_of, said_of
from .face_reader import THUMB_PX
from .work_list import Record, WorkList

COLUMNS, ROWS = 5, 8
GAP_PX, LINE_PX = 10, 15
TILE_PX = (2 * THUMB_PX + 4, THUMB_PX + 3 * LINE_PX + 4)
INK, PALE, DOUBT = (32, 32, 36), (110, 110, 118), (176, 60, 20)

SMALL_MARGIN = 0.1
"""A smaller lead over the next person is shown in another colour."""


def write_contact_sheet(
    out: Path, records: Sequence[Record], work: WorkList, people: dict[str, Person]
) -> list[Path]:
    """Write the pages "people-1.png" and so on, and return them."""
    faces = [(record, number) for record in records for number in range(len(record.look))]
    pages = [faces[i : i + COLUMNS * ROWS] for i in range(0, len(faces), COLUMNS * ROWS)]
    paths: list[Path] = []
    for number, page in enumerate(pages, start=1):
        path = out / f"people-{number}.png"
        picture = _page(page, work, people)
        write_whole(path, lambda temporary, p=picture: p.save(temporary, format="PNG"))
        paths.append(path)
    for left in out.glob("people-*.png"):
        if left not in paths and left.stem.removeprefix("people-").isdecimal():
            left.unlink()
    return paths


def _page(
    faces: Sequence[tuple[Record, int]], work: WorkList, people: dict[str, Person]
) -> Image.Image:
    rows = -(-len(faces) // COLUMNS)
    width = GAP_PX + COLUMNS * (TILE_PX[0] + GAP_PX)
    page = Image.new("RGB", (width, GAP_PX + rows * (TILE_PX[1] + GAP_PX)), "white")
    for place, (record, number) in enumerate(faces):
        x = GAP_PX + place % COLUMNS * (TILE_PX[0] + GAP_PX)
        y = GAP_PX + place // COLUMNS * (TILE_PX[1] + GAP_PX)
        _tile(page, (x, y), record, number, work, people)
    return page


def _tile(
    page: Image.Image,
    place: tuple[int, int],
    record: Record,
    number: int,
    work: WorkList,
    people: dict[str, Person],
) -> None:
    (x, y), row = place, record.look[number]
    thumb = work.picture(record.path, f"face{number}")
    if thumb is not None:
        page.paste(_fitted(Image.open(io.BytesIO(thumb))), (x, y))
    person = people.get(row["name"])
    if person is not None and row["weights"]:
        best = person.portraits[row["weights"].index(max(row["weights"]))]
        page.paste(_fitted(to_pil(best.crop)), (x + THUMB_PX + 4, y))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    doubtful = not row["by_hand"] and row["name"] and row["margin"] < SMALL_MARGIN
    lines = (
        (f"{number}  {name_of(row)}", DOUBT if doubtful else INK),
        (said_of(row), PALE),
        (record.path, PALE),
    )
    for line, (text, colour) in enumerate(lines):
        at = (x, y + THUMB_PX + 3 + line * LINE_PX)
        pen.text(at, _shortened(text, font), fill=colour, font=font)


def _fitted(picture: Image.Image) -> Image.Image:
    return picture.convert("RGB").resize((THUMB_PX, THUMB_PX))


def _shortened(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> str:
    """Return as much of a text's end as fits a tile: paths differ at their ends."""
    if font.getlength(text) <= TILE_PX[0]:
        return text
    while text and font.getlength(f"…{text}") > TILE_PX[0]:
        text = text[1:]
    return f"…{text}"
