"""What the writers of the layouts share: pictures in parallel, and the note beside them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from joblib import Parallel, delayed
from PIL import Image

from fgnb import progress
from fgnb.data.drawn.spec import DrawnSpec
from fgnb.progress.stopping import unheard_by_children

QUALITY = 92
FEW = 60
"""Below this many pictures the start of further processes costs more than it saves."""

T = TypeVar("T")


def each_class(
    draw: Callable[[DrawnSpec, int, list[str]], T],
    spec: DrawnSpec,
    paths: list[list[str]],
    workers: int | None,
) -> list[T]:
    """Call `draw(spec, class_index, paths[class_index])` for every class, in parallel.

    Args:
        draw: a function of a module, so that a worker finds it; it stores a class's pictures.
        spec: what to draw.
        paths: the files of each class's pictures, by image number.
        workers: processes that draw; the machine's cores when None.

    Returns:
        What `draw` returned, by class.
    """
    count = min(workers or os.cpu_count() or 1, len(paths))
    if workers is None and spec.species * spec.per_class < FEW:
        count = 1
    # joblib's processes don't run the caller's script again, so none needs a main guard.
    jobs = (delayed(draw)(spec, index, files) for index, files in enumerate(paths))
    with unheard_by_children():
        drawn = Parallel(n_jobs=count, return_as="generator")(jobs)
    return list(progress.track(drawn, "class", len(paths), "drawn pictures"))


def store_picture(image: Image.Image, path: str | Path) -> None:
    """Write a JPEG; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    Path(path).write_bytes(buffer.getvalue())


def store_note(spec: DrawnSpec, root: Path, readme: str) -> None:
    """Write `README` and `drawn.json`, the spec that the set was drawn from."""
    (root / "README").write_text(readme, encoding="utf-8")
    note = json.dumps(spec.note(), indent=1, sort_keys=True) + "\n"
    (root / "drawn.json").write_text(note, encoding="utf-8")
