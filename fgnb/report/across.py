"""What another paper recorded on the same pictures, and how far it may be compared with.

Files are found by paper and row name alone, so that no paper's code knows of another's. Answers of
two papers are held against each other only where both plain rows agree in set, network, frame,
size, frozen part and passes; else only gains are, each over its own paper's plain row.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fgnb.report import archive, regimes
from fgnb.report.records import Record
from fgnb.report.sheet import Sheet

FIELDS = {"image_size": "pixels a side", "frame": "frame", "cut": "frozen to stride",
          "epochs": "passes", "lr": "rate"}  # fmt: skip


class Beside(NamedTuple):
    """A row of another paper on the pictures of a sheet, and its paper's plain row."""

    plain: Record
    row: Record
    differs: tuple[str, ...]  # in what that plain row differs from ours: "passes: 4 here, 8 there"

    @property
    def words(self) -> str:
        """What may be compared, in a sentence."""
        name = f"{self.row.paper}, {self.row.row} over {self.plain.row}"
        if not self.differs:
            return f"{name}: trained as the rows here, so the answers are compared too."
        return (
            f"{name}: {'; '.join(self.differs)}. Only the gains over each plain row are compared."
        )


def beside(sheet: Sheet, plain: str, paper: str, rows: tuple[str, str]) -> Beside | None:
    """What a paper recorded on the pictures of a sheet.

    Args:
        sheet: of another paper.
        plain: its plain row.
        paper: the one whose records are looked up.
        rows: that one's plain row, and the row in question.

    Returns:
        The standing records; None where one of them, or our plain row, is missing.
    """
    if plain not in sheet.rows:
        return None
    for other in regimes.sheets(archive.recorded(paper)[0], rows):
        same = other.origin.manifest == sheet.origin.manifest
        if same and other.origin.protocol == sheet.origin.protocol and set(rows) <= set(other.rows):
            theirs, row = (other.rows[name] for name in rows)
            return Beside(theirs, row, differences(sheet.rows[plain], theirs))
    return None


def differences(here: Record, there: Record) -> tuple[str, ...]:
    """In what two plain rows differ, of what their answers depend on."""
    pairs = {
        words: (here.origin.spec.get(name), there.origin.spec.get(name))
        for name, words in FIELDS.items()
    }
    pairs["frame"] = (here.origin.frame, there.origin.frame)
    pairs["network"] = (here.origin.backbone, there.origin.backbone)
    pairs["weights"] = (here.origin.weights_tag, there.origin.weights_tag)
    return tuple(f"{name}: {a} here, {b} there" for name, (a, b) in pairs.items() if a != b)


def derive(sheet: Sheet, plain: str, paper: str, rows: tuple[str, str]) -> Beside | None:
    """Add a paper's rows to a sheet, image by image in its order: ``paper:row``.

    The row in question has the array ``gain``, what it mends (1) and spoils (-1) of its own plain
    row's answers; ``paper:comparable`` holds its answers again where ours may be compared with it.
    """
    found = beside(sheet, plain, paper, rows)
    if found is None:
        return None
    ids = sheet.rows[plain].arrays["ids"]
    labels = sheet.rows[plain].arrays["labels"]
    before, after = (_in_order(of, ids) for of in (found.plain, found.row))
    sheet.derive(f"{paper}:{rows[0]}", plain, classes=before)
    sheet.derive(f"{paper}:{rows[1]}", plain, classes=after, gain=gain(before, after, labels))
    if not found.differs:
        sheet.derive(f"{paper}:comparable", plain, classes=after)
    return found


def gain(before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What answers mend (1), spoil (-1) and leave (0) of others, float64 ``[N]``."""
    return np.subtract(after == labels, before == labels, dtype=np.float64)


def class_names(manifest: str) -> np.ndarray | None:
    """The classes of a set by name, where a record of any paper keeps them."""
    for paper in archive.ROOMS:
        for record in archive.recorded(paper)[0]:
            if record.origin.manifest == manifest and "class_names" in record.arrays:
                return record.arrays["class_names"]
    return None


def _in_order(record: Record, ids: np.ndarray) -> np.ndarray:
    """A record's answers in the order of ids; they are of one manifest, so of the same images."""
    place = {image: at for at, image in enumerate(record.arrays["ids"].tolist())}
    return record.arrays["classes"][[place[image] for image in ids.tolist()]]
