"""One door to every image set, by its name in a notebook's parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fgnb import paths
from fgnb.data import cub
from fgnb.data.imageset import ImageSet

if TYPE_CHECKING:
    from fgnb.presets import Preset

DATASETS = ("drawn", "drawn-control", "cub")


def open_images(
    dataset: str, *, data_root: str | Path | None = None, preset: Preset, seed: int = 0
) -> ImageSet:
    """Open a set by name, drawing it first when it is a drawn one that is not there yet.

    Args:
        dataset: "drawn" (procedural birds at the preset's scale), "drawn-control" (the same with
            its cue in the global colour), or "cub" (CUB-200-2011 or a declared subset).
        data_root: where data are kept; FGNB_DATA or the project's `data/` when None.
        preset: the scale of a drawn set; real sets are used whole.
        seed: the seed of a drawn set.

    Raises:
        ValueError: if the name is unknown.
        fgnb.data.DataError: if the set is missing, incomplete or undeclared.
    """
    folder = paths.data_root(data_root or None)
    if dataset == "cub":
        return cub.load(cub.find(folder), name="cub")
    if dataset in ("drawn", "drawn-control"):
        from fgnb.data import drawn

        spec = drawn.spec_for(preset, seed=seed, control=dataset == "drawn-control")
        return cub.load(drawn.make(spec, folder / "drawn"), name=dataset)
    raise ValueError(f"dataset is {dataset!r}, needs one of {', '.join(DATASETS)}")
