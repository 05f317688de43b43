"""Some classes of a set as a set of its own: CUB's first 40 out of the whole, say.

Classes are given by their official ids or by name, parted by commas: "1-40", "1-3,7",
"Sooty_Albatross, 12". A number or a range of numbers means ids; where no such ids exist and a class
has that very name, it means the class ("707-320" of the aircraft). Anything else is the full name
of a class, or in the layout of CUB what stands behind its number ("Sooty_Albatross" for
"003.Sooty_Albatross"). A name may hold commas itself: the longest that fits is taken.

What comes out is what a folder of these classes alone would give: the same files, ids, labels and
split, and by equal files the same fingerprint, so that runs are shared. Its protocol is "subset",
or "drawn" as before.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unicodedata import normalize

import numpy as np

from fgnb.data.fingerprint import images_sha256, set_sha256
from fgnb.data.imageset import DataError, ImageSet, Whole
from fgnb.data.usable import check_usable

MOST_RUNS = 4
"""Runs of class ids that a title spells out; of more it tells the number of classes."""

_IDS = re.compile(r"([0-9]{1,9})(?:\s*[-\u2013]\s*([0-9]{1,9}))?")
_NUMBERED = re.compile(r"[0-9]+\.(.+)")


def restrict(images: ImageSet, classes: str) -> ImageSet:
    """The images of some classes, in their order; labels in the order of the class ids.

    Args:
        images: any set, one restricted before included.
        classes: ids, ranges and names parted by commas, see the module; empty: all.

    Returns:
        A set with the official ids and split; `images` itself where all classes are meant.

    Raises:
        ValueError: if a class is unknown or given twice, a range runs backwards, or fewer than two
            classes are left.
        DataError: if no test image is left.
    """
    if not isinstance(classes, str):
        raise ValueError(
            f"classes is {classes!r} ({type(classes).__name__}), needs text such as '1-40'"
        )
    if not classes.strip():
        return images
    chosen = np.array(sorted(_chosen(images, classes)))
    if len(chosen) < 2:
        raise ValueError(
            f"classes is {classes!r}, one class of {images.title}: needs at least two to tell apart"
        )
    if len(chosen) == len(images.classes):
        return images
    try:
        return _part(images, chosen)
    except DataError as error:
        raise DataError(f"classes is {classes!r}: {error}") from None


def _part(images: ImageSet, chosen: np.ndarray) -> ImageSet:
    """The set of the labels `chosen`, ascending."""
    rows = np.flatnonzero(np.isin(images.labels, chosen))
    names = ("ids", "train", "boxes", "parts", "visible")
    arrays: dict[str, Any] = {name: getattr(images, name)[rows] for name in names}
    arrays["labels"] = np.searchsorted(chosen, images.labels[rows])
    texts: dict[str, Any] = {
        "files": tuple(images.files[row] for row in rows),
        "classes": tuple(images.classes[label] for label in chosen),
    }
    check_usable(images.root, texts["classes"], arrays["labels"], arrays["train"])
    class_ids = images.class_ids[chosen]
    whole = images.whole or Whole(images.title, len(images.classes))
    hashed = images_sha256(images.root / images.folder, texts["files"], images.renamed)
    return replace(
        images,
        title=whole.title(_in_words(class_ids.tolist(), whole.classes)),
        protocol="drawn" if images.protocol == "drawn" else "subset",
        fingerprint=set_sha256(hashed, **texts, **arrays),
        class_ids=class_ids,
        whole=whole,
        restriction=_spelled(class_ids.tolist()),
        **texts,
        **arrays,
    )


def _chosen(images: ImageSet, classes: str) -> set[int]:
    """The labels that `classes` mean."""
    label_of = {int(class_id): label for label, class_id in enumerate(images.class_ids)}
    named, words = _by_name(images), classes.split(",")
    place, chosen = 0, set[int]()
    try:
        while place < len(words):
            labels = _by_ids(words[place].strip(), label_of)
            taken = 1
            if not labels:
                labels, taken = _longest(words[place:], named)
            if not labels:
                raise ValueError(_unknown(words[place].strip(), images, named))
            if twice := chosen.intersection(labels):
                raise ValueError(f"class {images.class_ids[min(twice)]} is given twice")
            chosen.update(labels)
            place += taken
    except ValueError as error:
        raise ValueError(f"classes is {classes!r}: {error}") from None
    return chosen


def _by_ids(word: str, label_of: dict[int, int]) -> list[int]:
    """The labels of an id or a range of ids; none unless all of them are there."""
    if not (ids := _IDS.fullmatch(word)):
        return []
    first, last = int(ids[1]), int(ids[2] or ids[1])
    labels = [label for class_id, label in label_of.items() if first <= class_id <= last]
    return labels if len(labels) == last - first + 1 else []


def _by_name(images: ImageSet) -> dict[str, list[int]]:
    """Labels by the class's name; in CUB's layout also by what stands behind the number."""
    full = {normalize("NFC", name): [label] for label, name in enumerate(images.classes)}
    short: dict[str, list[int]] = {}
    if images.layout == "cub":
        for name, labels in full.items():
            if numbered := _NUMBERED.fullmatch(name):
                short.setdefault(numbered[1], []).extend(labels)
    return short | full


def _longest(words: Sequence[str], named: dict[str, list[int]]) -> tuple[list[int], int]:
    """The label of the longest name that `words` begin with, and how many words it takes."""
    for taken in range(len(words), 0, -1):
        labels = named.get(normalize("NFC", ",".join(words[:taken]).strip()), [])
        if len(labels) > 1:
            raise ValueError(
                f"{words[0].strip()!r} names {len(labels)} classes; give their numbers"
            )
        if labels:
            return labels, taken
    return [], 0


def _unknown(word: str, images: ImageSet, named: dict[str, list[int]]) -> str:
    """Why `word` is no class of the set."""
    if not word:
        return "nothing stands before or behind a comma"
    its = f"its ids are {_spelled(images.class_ids.tolist())}"
    if ids := _IDS.fullmatch(word):
        first, last = int(ids[1]), int(ids[2] or ids[1])
        if first > last:
            return f"the range {word} runs backwards, needs {last}-{first}"
        known = set(images.class_ids.tolist())
        absent = next(n for n in range(first, last + 1) if n not in known)
        return f"{images.title} has no class {absent}; {its}"
    near = difflib.get_close_matches(word, named, 1, 0.5)
    advice = f"did you mean {near[0]!r}?" if near else its
    return f"{images.title} has no class {word!r}; {advice}"


def _runs(ids: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each unbroken run of ascending ids.

    >>> _runs([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    starts = [n for k, n in enumerate(ids) if k == 0 or n > ids[k - 1] + 1]
    ends = [n for k, n in enumerate(ids) if k == len(ids) - 1 or ids[k + 1] > n + 1]
    return list(zip(starts, ends, strict=True))


def _spelled(ids: Sequence[int]) -> str:
    """Ids as `restrict` takes them, e.g. "1-3,7"."""
    return ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in _runs(ids))


def _in_words(ids: Sequence[int], total: int) -> str:
    """Ids as a title has them.

    >>> _in_words([1, 2, 3, 7], 200), _in_words([1, 3, 5, 7, 9], 200)
    ('classes 1 to 3 and 7 of 200', '5 of 200 classes, chosen by number')
    """
    runs = [f"{a} to {b}" if b > a else f"{a}" for a, b in _runs(ids)]
    if len(runs) > MOST_RUNS:
        return f"{len(ids)} of {total} classes, chosen by number"
    *head, last = runs
    return f"classes {', '.join(head)}{' and ' if head else ''}{last} of {total}"
