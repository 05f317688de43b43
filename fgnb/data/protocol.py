"""What a set's numbers may be compared with: the official set, a declared subset, or drawn.

A set is `drawn` when its folder holds `drawn.json`; `subset` when its folder, or
`fgnb/data/subsets/`, declares it (classes, counts and hash all agree); `official` when its counts
are the published ones: the whole set in its official split. Anything else is refused: a number
must know where it comes from.

A set is never `published`: that is said of a row, see `row_protocol`. What was done to the
pictures of a real set is declared beside it, in `images.json`, as `{"pixels": "..."}` in a few
words; "original" means the distributed files, not encoded again. It is no part of a set's
fingerprint, which is made of the pictures themselves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fgnb.data.imageset import ORIGINAL_PIXELS, UNVERIFIED_PIXELS, DataError, ImageSet, Whole
from fgnb.data.texts import read_text


@dataclass(frozen=True)
class Publication:
    """A published set: its name, its counts (Table 1 of ccfr), where its files are to be had."""

    title: str
    classes: int
    train: int
    test: int
    hint: str

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of "classes", "train" and "test" images, by these names."""
        return {"classes": self.classes, "train": self.train, "test": self.test}


CUB = Publication(
    title="CUB-200-2011",
    classes=200,
    train=5994,
    test=5794,
    hint="Put it back from the official archive CUB_200_2011.tgz (md5 "
    "97eceeb196236b17998738112f37df78, https://data.caltech.edu/records/65de6-vp158), unpacked so "
    "that CUB_200_2011/images.txt and CUB_200_2011/images/ are in place.",
)
CARS = Publication(
    title="Stanford Cars",
    classes=196,
    train=8144,
    test=8041,
    hint="Its official address is gone since 2023. Put it back by hand from a copy of "
    "car_devkit.tgz (md5 c3b158d763b6e2245038c8ad08e45376), cars_train.tgz "
    "(065e5b463ae28d29e77c1b4b166cfe61), cars_test.tgz (4ce7ebf6a94d07f1952d94dd34c4d501) and "
    "cars_test_annos_withlabels.mat (b0a2b23655a3edd16d84508592a98d10), so that devkit/, "
    "cars_train/, cars_test/ and that .mat file lie in stanford_cars/.",
)
AIRCRAFT = Publication(
    title="FGVC-Aircraft",
    classes=100,
    train=6667,
    test=3333,
    hint="Put it back from the official archive fgvc-aircraft-2013b.tar.gz (md5 "
    "d4acdd33327262359767eeaa97a4f732, https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/), "
    "unpacked so that fgvc-aircraft-2013b/data/images/ is in place.",
)


@dataclass(frozen=True)
class Standing:
    """A set's protocol, the title that says so, and what was done to its pictures.

    Attributes:
        protocol: "official", "subset" or "drawn".
        title: what a page calls the set, e.g. "CUB-200-2011 (40 of 200 classes)".
        whole: as in `ImageSet.whole`.
        pixels: as in `ImageSet.pixels`.
    """

    protocol: str
    title: str
    whole: Whole
    pixels: str = ""


def settle(
    root: Path, counts: dict[str, int], class_ids: list[int], images: str, of: Publication
) -> Standing:
    """Decide a set's protocol from its declaration or its counts, and read what `pixels` are.

    Args:
        root: the set's folder.
        counts: "classes", "train" and "test" as found.
        class_ids: the official ids of the classes that have images, ascending.
        images: the hash of the images (`fingerprint.images_sha256`).
        of: the published set that it may be or be a part of.

    Raises:
        DataError: if a declaration disagrees with what was found or is damaged, or nothing
            declares the set.
    """
    if (root / "drawn.json").is_file():
        return _drawn(root / "drawn.json", counts)
    pixels = declared_pixels(root)
    found = {"classes": class_ids, **{k: counts[k] for k in ("train", "test")}}
    found["images_sha256"] = images
    if (root / "subset.json").is_file():
        return _declared(root / "subset.json", found, of, pixels)
    if counts == of.counts:
        return Standing("official", of.title, Whole(of.title, of.classes), pixels)
    for path in sorted((Path(__file__).parent / "subsets").glob("*.json")):
        declared = _read_json(path)
        if declared.get("of") == of.title and declared.get("images_sha256") == images:
            return _declared(path, found, of, pixels)
    raise DataError(
        f"{root} holds {_words(counts)}; the published {of.title} has {_words(of.counts)}. "
        f"If files are missing: {of.hint} If it is a subset on purpose, declare it in "
        f'{root / "subset.json"}: {{"of": "{of.title}", "classes": [the {counts["classes"]} '
        f'class ids], "split": "official", "train": {counts["train"]}, "test": {counts["test"]}, '
        f'"images_sha256": "{images}"}}'
    )


def declared_pixels(root: Path) -> str:
    """What `images.json` in a real set's folder says was done to the pictures.

    Returns:
        The text of its "pixels", or `UNVERIFIED_PIXELS` where there is no such file.

    Raises:
        DataError: if the file is not a JSON object whose "pixels" is one line of text.
    """
    path = root / "images.json"
    if not path.is_file():
        return UNVERIFIED_PIXELS
    pixels = _read_json(path).get("pixels")
    if not isinstance(pixels, str) or not pixels.strip() or not pixels.isprintable():
        raise DataError(
            f'{path} gives "pixels" as {pixels!r}: expected one line of text that says what was '
            f'done to the pictures, {{"pixels": "{ORIGINAL_PIXELS}"}} for the distributed files '
            "as they are. Correct the file, or take it away: the pixels are unverified then."
        )
    return pixels.strip()


def row_protocol(images: ImageSet, *, as_published: bool) -> str:
    """The protocol of a row of numbers: that of its set, or "published".

    Args:
        images: the set that the row was measured on.
        as_published: whether all else is the paper's too: the preset `paper`, the paper's
            backbone, input size and recipe.

    Returns:
        "published" if `as_published`, the set is official, and its `images.json` declares
        exactly `{"pixels": "original"}`; any other words, or none, leave the set's own protocol:
        "official", "subset" or "drawn".
    """
    original = images.protocol == "official" and images.pixels == ORIGINAL_PIXELS
    return "published" if original and as_published else images.protocol


def _drawn(path: Path, counts: dict[str, int]) -> Standing:
    spec = _read_json(path).get("spec")
    if not isinstance(spec, dict):
        raise DataError(
            f'{path} lacks "spec": expected what the set was drawn from. Draw it again.'
        )
    species = spec.get("species")
    planned = {"classes": species} | {
        part: species * spec[f"{part}_per_class"]
        for part in ("train", "test")
        if isinstance(species, int) and isinstance(spec.get(f"{part}_per_class"), int)
    }
    if planned != counts:
        raise DataError(
            f"{path} was drawn with {planned}, found were {counts}. Delete the folder "
            f"{path.parent} and draw the set again."
        )
    whole = Whole(
        f"drawn {spec.get('kind')}", counts["classes"], "control set" if spec.get("control") else ""
    )
    return Standing("drawn", whole.title(f"{species} classes"), whole)


def _declared(path: Path, found: dict[str, Any], of: Publication, pixels: str) -> Standing:
    """The subset that `path` declares, once all that it says was found."""
    declared = _read_json(path)
    if declared.get("of") != of.title:
        raise DataError(
            f'{path} declares a subset of {declared.get("of")!r}: expected "of": "{of.title}"'
        )
    for key, value in found.items():
        if key not in declared:
            raise DataError(f'{path} lacks "{key}"; for the files found it would be {value!r}')
        if declared[key] != value:
            raise DataError(_disagreement(path, key, declared[key], value))
    own_split = declared.get("split", "official") != "official"
    whole = Whole(of.title, of.classes, "a split of its own" if own_split else "")
    title = whole.title(f"{len(found['classes'])} of {of.classes} classes")
    return Standing("subset", title, whole, pixels)


def _disagreement(path: Path, key: str, declared: Any, found: Any) -> str:
    if key == "classes" and isinstance(declared, list):
        lacking = [c for c in declared if c not in found]
        extra = [c for c in found if c not in declared]
        return (
            f"{path} declares {len(declared)} classes, {len(found)} were found; without images: "
            f"{lacking[:5]}, not declared: {extra[:5]}. Put the files back, or correct the "
            "declaration."
        )
    if key == "images_sha256":
        return (
            f"{path} declares images_sha256 {declared!r}, the images found give {found!r}: an "
            "image is damaged or replaced. Put the originals back, or correct the declaration."
        )
    return (
        f"{path} declares {declared!r} {key} images, {found!r} were found. Put the files back, or "
        "correct the declaration."
    )


def _words(counts: dict[str, int]) -> str:
    return (
        f"{counts['classes']} classes, {counts['train']} training and {counts['test']} test images"
    )


def _read_json(path: Path) -> dict[str, Any]:
    text = read_text(path)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}): put back or correct the file") from error
    if not isinstance(value, dict):
        raise DataError(f"{path} holds a {type(value).__name__}: expected a JSON object")
    return value
