"""What there is to say of a set that can be used: one line each, with a count and the first file.

A finding is a function of the set and its pictures' heads that returns its line, or None where
there is nothing to say. `FINDINGS` lists them in the order of a report.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fgnb.data.fingerprint import file_digests
from fgnb.data.images import Head
from fgnb.data.imageset import ImageSet

Finding = Callable[[ImageSet, Sequence[Head]], str | None]


def findings(images: ImageSet, heads: Sequence[Head]) -> tuple[str, ...]:
    """All that there is to say of a set; `heads` are of its images, in their order."""
    said = (finding(images, heads) for finding in FINDINGS)
    return tuple(line for line in said if line is not None)


def turned(images: ImageSet, heads: Sequence[Head]) -> str | None:
    """Pictures whose EXIF orientation asks for a turn."""
    rows = [row for row, head in enumerate(heads) if head.orientation != 1]
    if not rows:
        return None
    return (
        f"{len(rows)} of {len(images)} pictures have an EXIF orientation and are read as their raw "
        f"pixels lie, in which boxes and key points must be; the first: {images.files[rows[0]]}"
    )


def deep(images: ImageSet, heads: Sequence[Head]) -> str | None:
    """Pictures of more than 8 bits a sample."""
    rows = [row for row, head in enumerate(heads) if not head.eight_bit]
    if not rows:
        return None
    return (
        f"{len(rows)} of {len(images)} pictures have more than 8 bits a sample and are scaled to "
        f"8; the first: {images.files[rows[0]]}"
    )


def respelt(images: ImageSet, heads: Sequence[Head]) -> str | None:
    """Pictures that lie there under another spelling than the listed one."""
    if not images.renamed:
        return None
    name, own = next(iter(images.renamed.items()))
    return (
        f"{len(images.renamed)} of {len(images)} pictures are named on the disk in another Unicode "
        f"form or case than in the list; the first: {name!a} is {own!a}"
    )


def unasked(images: ImageSet, heads: Sequence[Head]) -> str | None:
    """Classes without a test image."""
    counts = np.bincount(images.labels[~images.train], minlength=len(images.classes))
    labels = np.flatnonzero(counts == 0)
    if not len(labels):
        return None
    return (
        f"{len(labels)} of {len(images.classes)} classes have no test image; the first: "
        f"{images.classes[labels[0]]}"
    )


def leaks(images: ImageSet, heads: Sequence[Head]) -> str | None:
    """Test files that equal training files, byte by byte."""
    digests = _digests(images)
    seen: dict[bytes, int] = {}
    for row in np.flatnonzero(images.train):
        seen.setdefault(digests[row], int(row))
    pairs = [
        (int(row), seen[digests[row]])
        for row in np.flatnonzero(~images.train)
        if digests[row] in seen
    ]
    if not pairs:
        return None
    return (
        f"{len(pairs)} of {images.n_test} test images equal training images, byte by byte "
        f"(a leak: what was learnt by heart counts as right){_first(images, pairs)}"
    )


def repeated(images: ImageSet, heads: Sequence[Head]) -> str | None:
    """Files that equal an earlier one of the same part of the split, byte by byte."""
    digests = _digests(images)
    seen: dict[tuple[bytes, bool], int] = {}
    pairs = []
    for row in range(len(images)):
        first = seen.setdefault((digests[row], bool(images.train[row])), row)
        if first != row:
            pairs.append((row, first))
    if not pairs:
        return None
    training = sum(bool(images.train[row]) for row, _ in pairs)
    counts = {"training": training, "test": len(pairs) - training}
    named = " and ".join(f"{count} {part}" for part, count in counts.items() if count)
    return (
        f"{named} image{'s' * (len(pairs) > 1)} stand{'s' * (len(pairs) == 1)} twice in the same "
        f"part of the split, byte by byte{_first(images, pairs)}"
    )


FINDINGS: tuple[Finding, ...] = (turned, deep, respelt, unasked, leaks, repeated)


def _digests(images: ImageSet) -> tuple[bytes, ...]:
    return file_digests(images.root / images.folder, images.files, images.renamed)


def _first(images: ImageSet, pairs: Sequence[tuple[int, int]]) -> str:
    """How many of the pairs stand under two classes, and the first pair."""
    apart = sum(images.labels[row] != images.labels[other] for row, other in pairs)
    classes = f", {apart} under another class" if apart else ""
    row, other = pairs[0]
    return f"{classes}; the first: {images.files[row]} = {images.files[other]}"
