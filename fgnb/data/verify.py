"""Checking a set on the disk: the official one, its declared subset, or drawn; its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fgnb import progress
from fgnb.data.findings import findings
from fgnb.data.fingerprint import images_sha256
from fgnb.data.images import load_rgb, read_head
from fgnb.data.imageset import ORIGINAL_PIXELS, UNVERIFIED_PIXELS, ImageSet
from fgnb.data.layouts import LAYOUTS, none_found, sets_in
from fgnb.data.setframe import OF_THE_SET, cut_away


@dataclass(frozen=True)
class VerifyReport:
    """A set that passed: where it is, what it is, how much of it there is, what to look at.

    `warnings` are what does not make a set unusable, each one line that says how many images it
    is about and names the first.
    """

    root: Path
    layout: str
    title: str
    protocol: str
    pixels: str
    classes: int
    train: int
    test: int
    decoded: int
    images_sha256: str
    fingerprint: str
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        standing = {
            "official": "the published counts",
            "subset": "its declared subset (classes, split counts, image hash)",
            "drawn": "drawn pictures, not photographs",
        }[self.protocol]
        pixels = {
            "": "drawn here",
            UNVERIFIED_PIXELS: f"unverified: {self.root / 'images.json'} is missing, which says "
            f'what was done to them ({{"pixels": "{ORIGINAL_PIXELS}"}} if nothing)',
        }.get(self.pixels, self.pixels)
        opened = f"all {self.decoded} decoded" if self.decoded else "not decoded"
        return (
            f"{self.title}: {standing}\n"
            f"  protocol     {self.protocol}\n"
            f"  pixels       {pixels}\n"
            f"  folder       {self.root}\n"
            f"  classes      {self.classes}\n"
            f"  images       {self.train} training, {self.test} test ({opened})\n"
            f"  images hash  {self.images_sha256}\n"
            f"  manifest     {self.fingerprint}"
            + "".join(f"\n  warning      {warning}" for warning in self.warnings)
        )


def verify(
    root: str | Path,
    layout: str | None = None,
    *,
    decode: bool = False,
    frame: str = OF_THE_SET,
) -> VerifyReport:
    """Check files, ids, split, counts, hash and the pictures' heads of a set; writes nothing.

    Args:
        root: the folder that holds the set's folder, or that folder itself.
        layout: "cub", "cars" or "aircraft"; told by the files if None.
        decode: also decode every image, which finds damage that no declared hash would show.
        frame: the kind of `fgnb.data.frame.Frame` that is to be used; ``set`` is the set's own.

    Raises:
        ValueError: if layout or frame is unknown, or no layout given where several sets lie in
            `root`.
        fgnb.data.DataError: at the first fault; it names the file, what was expected, what to do.
    """
    images = _load(root, layout)
    places = (images.path(i) for i in range(len(images)))
    heads = [read_head(p) for p in progress.track(places, "picture", len(images), "heads of files")]
    if decode:
        for i in progress.track(range(len(images)), "picture", len(images), "decoded"):
            load_rgb(images.path(i))
    return VerifyReport(
        root=images.root,
        layout=images.layout,
        title=images.title,
        protocol=images.protocol,
        pixels=images.pixels,
        classes=len(images.classes),
        train=images.n_train,
        test=images.n_test,
        decoded=len(images) if decode else 0,
        images_sha256=images_sha256(images.root / images.folder, images.files, images.renamed),
        fingerprint=images.fingerprint,
        warnings=(*findings(images, heads), *filter(None, [cut_away(images, heads, frame)])),
    )


def _load(root: str | Path, layout: str | None) -> ImageSet:
    if layout is not None:
        if layout not in LAYOUTS:
            raise ValueError(f"layout is {layout!r}, needs one of {', '.join(LAYOUTS)}")
        return LAYOUTS[layout].load(LAYOUTS[layout].find(root))
    found = sets_in(root)
    if not found:
        raise none_found(root)
    if len(found) > 1:
        listed = ", ".join(f"{name} in {place}" for name, place in found.items())
        raise ValueError(
            f"{root} holds {len(found)} sets: {listed}. Say which is meant, by its folder or by "
            "its layout (--layout, layout=...)."
        )
    ((name, place),) = found.items()
    return LAYOUTS[name].load(place)
