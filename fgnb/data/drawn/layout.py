"""A drawn set on the disk, in the official layout of the data set that it stands in for.

The folder is built beside its place, by one process or many with the same bytes, sealed with the
hash of every file, and renamed in when complete.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fgnb import store
from fgnb.data.drawn.aircraft_layout import write_aircraft
from fgnb.data.drawn.birds_layout import write_birds
from fgnb.data.drawn.cars_layout import write_cars
from fgnb.data.drawn.spec import DrawnSpec

Writer = Callable[[DrawnSpec, Path, int | None], None]
WRITERS: dict[str, tuple[str, Writer]] = {
    "birds": ("CUB_200_2011", write_birds),
    "cars": ("stanford_cars", write_cars),
    "aircraft": ("fgvc-aircraft-2013b", write_aircraft),
}
"""The official folder of each kind's layout, and what writes it."""


def make(spec: DrawnSpec, root: Path, workers: int | None = None) -> Path:
    """Draw a set below `root` unless it stands there already, whole.

    Args:
        spec: what to draw.
        root: the folder that keeps drawn sets; the set goes to `<kind>-<key>/<official folder>`.
        workers: processes that draw; the machine's cores when None. The bytes do not depend on it.

    Returns:
        The folder (`CUB_200_2011`, `stanford_cars` or `fgvc-aircraft-2013b`) with the pictures and
        annotations of the official layout, a README and `drawn.json`.

    Raises:
        ValueError: if `workers` is below 1.
        OSError: if the disk is full or the folder can't be written.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers is {workers}; it should be at least 1, or None for all cores")
    place = Path(root) / f"{spec.kind}-{spec.key}"
    folder, write = WRITERS[spec.kind]
    with store.lock(place):
        if store.check(place):
            with store.building(place) as work:
                write(spec, work / folder, workers)
    return place / folder
