"""One picture that holds the thumbnails of the queries that can change, and of their neighbours."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from fgnb.pages.ccfr.explorer.stored import StoredAnswers

THUMB = 64
COLUMNS = 24
SHOWN_NEIGHBORS = 6
MAX_BYTES = 600_000

Picture = Path | str | Image.Image


class Pictures(NamedTuple):
    """Pictures (files or PIL images) of the queries and, by row, of the database."""

    queries: Sequence[Picture]
    database: Sequence[Picture]


class Sprite(NamedTuple):
    """The thumbnails in one JPEG, 24 a row: first those of queries, then of database rows."""

    jpeg: str
    queries: tuple[int, ...]
    rows: tuple[int, ...]
    can_change: int


def can_change(answers: StoredAnswers) -> list[int]:
    """Queries with a stored neighbour of a competing class other than the first, least sure first.

    For all others equation 9 gives the first class everything, or nothing to anybody.
    """
    able = (answers.neighbor_labels[:, :, None] == answers.top()[:, None, 1:]).any(axis=(1, 2))
    return [int(q) for q in np.argsort(answers.probs.max(axis=1), kind="stable") if able[q]]


def make_sprite(answers: StoredAnswers, pictures: Pictures, max_bytes: int = MAX_BYTES) -> Sprite:
    """The sprite of as many queries as fit in ``max_bytes`` (of base64 text).

    Raises:
        ValueError: no neighbour index, or too few pictures.
    """
    index = answers.neighbor_index
    if index is None:
        raise ValueError("neighbor_index is missing: pictures of neighbours need their rows")
    needed = len(answers.probs), int(index.max()) + 1
    for name, given, least in zip(Pictures._fields, pictures, needed, strict=True):
        if len(given) < least:
            raise ValueError(f"thumbnails.{name} has {len(given)} pictures, needs {least}")
    able, thumb = can_change(answers), cache(lambda kind, row: _thumbnail(pictures[kind][row]))
    count = len(able)
    while True:
        shown = able[:count]
        rows = sorted({int(row) for q in shown for row in index[q, :SHOWN_NEIGHBORS]})
        tiles = [thumb(0, q) for q in shown] + [thumb(1, row) for row in rows]
        jpeg = _jpeg(tiles) if tiles else ""
        if len(jpeg) <= max_bytes:
            return Sprite(jpeg, tuple(shown), tuple(rows), len(able))
        count = min(count - 1, int(0.98 * count * max_bytes / len(jpeg)))


def _thumbnail(picture: Picture) -> Image.Image:
    if not isinstance(picture, Image.Image):
        with Image.open(picture) as opened:
            return _thumbnail(opened.convert("RGB"))
    return ImageOps.pad(picture.convert("RGB"), (THUMB, THUMB), color=(255, 255, 255))


def _jpeg(tiles: list[Image.Image]) -> str:
    sheet = Image.new("RGB", (COLUMNS * THUMB, -(-len(tiles) // COLUMNS) * THUMB), "white")
    for slot, tile in enumerate(tiles):
        sheet.paste(tile, (slot % COLUMNS * THUMB, slot // COLUMNS * THUMB))
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=72, optimize=True)
    return base64.b64encode(stream.getvalue()).decode("ascii")
