"""Which sets lie in a folder, told by the files that are there."""

from __future__ import annotations

from pathlib import Path

from fgnb.data import aircraft, cars, cub
from fgnb.data.imageset import DataError

LAYOUTS = {"cub": cub, "cars": cars, "aircraft": aircraft}


def sets_in(folder: str | Path) -> dict[str, Path]:
    """The sets that a folder holds, or is, by their layout: each with its own folder.

    A set counts as there if one of its text files is; whether it is whole, its loader says.
    """
    found = {}
    for layout, module in LAYOUTS.items():
        try:
            found[layout] = module.find(folder)
        except DataError:
            continue
    return found


def voc_in(folder: str | Path) -> str | None:
    """One line on the folder's PASCAL VOC, which is not verified; None where there is none."""
    folder = Path(folder).expanduser()
    places = (folder, *sorted(folder.glob("VOC2*")), *sorted(folder.glob("VOCdevkit/VOC2*")))
    for place in places:
        if all((place / name).is_dir() for name in ("Annotations", "JPEGImages")):
            return (
                f"{place} is PASCAL VOC, which is not verified by this command: "
                "torchvision.datasets.VOCDetection reads it."
            )
    return None


def none_found(folder: str | Path) -> DataError:
    """The error for a folder that holds no set of a known layout."""
    if voc := voc_in(folder):
        return DataError(voc)
    folder = Path(folder).expanduser()
    known = ", ".join(f"{m.FOLDER}/ with {m.FILES[0]} ({name})" for name, m in LAYOUTS.items())
    state = "" if folder.is_dir() else ", which is no folder"
    return DataError(
        f"no image set found in {folder}{state}. Name the folder of a set, or the one that holds "
        f"it; the layouts are {known}."
    )
