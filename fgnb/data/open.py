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
        data_root: where data are kept. When empty, real sets are looked for in FGNB_DATA or the
            project's `data/`, and drawn ones are kept in `data/drawn/`.
        preset: the scale of a drawn set; real sets are used whole.
        seed: the seed of a drawn set.

    Raises:
        ValueError: if the name is unknown.
        fgnb.data.DataError: if the set is missing, incomplete or undeclared.
    """
    if dataset == "cub":
        return cub.load(cub.find(paths.data_root(data_root or None)), name="cub")
    if dataset in ("drawn", "drawn-control"):
        from fgnb.data import drawn

        spec = drawn.spec_for(preset, seed=seed, control=dataset == "drawn-control")
        # Never below FGNB_DATA, which may be read-only and holds photographs.
        folder = Path(data_root) if data_root else paths.project_root() / "data"
        return cub.load(drawn.make(spec, folder / "drawn"), name=dataset)
    raise ValueError(f"dataset is {dataset!r}, needs one of {', '.join(DATASETS)}")
