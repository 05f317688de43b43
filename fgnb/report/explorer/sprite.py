"""One picture that holds the thumbnails of the queries that can change, and of their neighbours."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from fgnb.report.explorer.data import Material

THUMB = 64
COLUMNS = 24
SHOWN_NEIGHBORS = 6
MAX_BYTES = 600_000
_GROUND = (255, 255, 255)

Picture = Path | str | Image.Image


@dataclass(frozen=True)
class Pictures:
    """Pictures (files or PIL images) of the queries and, by row, of the database."""

    queries: Sequence[Picture]
    database: Sequence[Picture]


@dataclass(frozen=True)
class Sprite:
    """The thumbnails in one JPEG, 24 a row: first those of queries, then of database rows."""

    jpeg: str
    queries: tuple[int, ...]
    rows: tuple[int, ...]
    can_change: int


def can_change(material: Material) -> list[int]:
    """Queries with a stored neighbour of a competing class other than the first, least sure first.

    For all others equation 9 gives the first class everything, or nothing to anybody.
    """
    top = material.top()
    near = material.neighbor_labels[:, :, None]
    able = (near == top[:, None, 1:]).any(axis=(1, 2))
    sure = np.argsort(material.probs.max(axis=1), kind="stable")
    return [int(q) for q in sure if able[q]]


def make_sprite(material: Material, pictures: Pictures, max_bytes: int = MAX_BYTES) -> Sprite:
    """The sprite of as many queries as fit in ``max_bytes`` (of base64 text).

    Raises:
        ValueError: no neighbour index, or too few pictures.
    """
    if material.neighbor_index is None:
        raise ValueError("neighbor_index is missing: pictures of neighbours need their rows")
    if len(pictures.queries) != len(material.probs):
        raise ValueError(
            f"thumbnails.queries has {len(pictures.queries)} pictures, needs {len(material.probs)}"
        )
    if len(pictures.database) <= material.neighbor_index.max():
        raise ValueError(
            f"thumbnails.database has {len(pictures.database)} pictures, but neighbor_index runs "
            f"to {material.neighbor_index.max()}"
        )
    able = can_change(material)
    nearest = material.neighbor_index[:, :SHOWN_NEIGHBORS]
    thumbs: dict[tuple[str, int], Image.Image] = {}

    def thumb(kind: str, row: int) -> Image.Image:
        if (kind, row) not in thumbs:
            source = pictures.queries if kind == "query" else pictures.database
            thumbs[kind, row] = _thumbnail(source[row])
        return thumbs[kind, row]

    def attempt(count: int) -> Sprite:
        shown = able[:count]
        rows = sorted({int(row) for q in shown for row in nearest[q]})
        tiles = [thumb("query", q) for q in shown] + [thumb("database", row) for row in rows]
        return Sprite(_jpeg(tiles), tuple(shown), tuple(rows), len(able))

    fits, fails, best = 0, len(able) + 1, Sprite("", (), (), len(able))
    while fails - fits > 1:
        middle = len(able) if fails > len(able) and fits == 0 else (fits + fails) // 2
        found = attempt(middle)
        if len(found.jpeg) <= max_bytes:
            fits, best = middle, found
        else:
            fails = middle
    return best


def _thumbnail(picture: Picture) -> Image.Image:
    if isinstance(picture, Image.Image):
        return ImageOps.pad(picture.convert("RGB"), (THUMB, THUMB), color=_GROUND)
    with Image.open(picture) as opened:
        return ImageOps.pad(opened.convert("RGB"), (THUMB, THUMB), color=_GROUND)


def _jpeg(tiles: list[Image.Image]) -> str:
    rows = -(-len(tiles) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * THUMB, rows * THUMB), _GROUND)
    for slot, tile in enumerate(tiles):
        sheet.paste(tile, (slot % COLUMNS * THUMB, slot // COLUMNS * THUMB))
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=72, optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")
