"""One door to every image set, by its name in a notebook's parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fgnb import paths
from fgnb.data import aircraft, cars, cub
from fgnb.data.imageset import ImageSet
from fgnb.data.restrict import restrict

if TYPE_CHECKING:
    from fgnb.presets import Preset

KINDS = {
    "drawn": ("birds", cub),
    "drawn-control": ("birds", cub),
    "drawn-cars": ("cars", cars),
    "drawn-aircraft": ("aircraft", aircraft),
}
PHOTOGRAPHS = {"cub": cub, "cars": cars, "aircraft": aircraft}
DATASETS = (*KINDS, *PHOTOGRAPHS)


def open_images(
    dataset: str,
    *,
    data_root: str | Path | None = None,
    preset: Preset,
    seed: int = 0,
    classes: str = "",
) -> ImageSet:
    """Open a set by name, drawing it first when it is a drawn one that is not there yet.

    Args:
        dataset: "drawn" (procedural birds at the preset's scale), "drawn-control" (the same with
            its cue in the global colour), "drawn-cars", "drawn-aircraft"; or "cub", "cars",
            "aircraft": CUB-200-2011, Stanford Cars, FGVC-Aircraft, or a declared subset of them.
        data_root: where data are kept. When empty, real sets are looked for in FGNB_DATA or the
            project's `data/`, and drawn ones are kept in `data/drawn/`.
        preset: the scale of a drawn set; real sets are used whole.
        seed: the seed of a drawn set.
        classes: the classes that the set is restricted to, see `fgnb.data.restrict`; empty: all.

    Raises:
        ValueError: if the name is unknown, or `classes` are not of the set.
        fgnb.data.DataError: if the set is missing, incomplete or undeclared.
    """
    if dataset in PHOTOGRAPHS:
        layout = PHOTOGRAPHS[dataset]
        images = layout.load(layout.find(paths.data_root(data_root or None)), name=dataset)
        return restrict(images, classes)
    if dataset in KINDS:
        from fgnb.data import drawn

        kind, layout = KINDS[dataset]
        control = dataset == "drawn-control"
        spec = drawn.spec_for(preset, seed=seed, control=control, kind=kind)
        # Never below FGNB_DATA, which may be read-only and holds photographs.
        folder = Path(data_root) if data_root else paths.project_root() / "data"
        images = layout.load(drawn.make(spec, folder / "drawn"), name=dataset)
        return restrict(images, classes)
    raise ValueError(f"dataset is {dataset!r}, needs one of {', '.join(DATASETS)}")
