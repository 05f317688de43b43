"""Sets with which nothing can be trained or measured are refused by name, at every door."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgnb.data import DataError, cub, open_images, restrict, verify
from fgnb.data.usable import check_usable


def split(root, chosen) -> None:
    """Say anew which images are for training: `chosen` is a function of the image's id."""
    lines = [line.split() for line in (root / "train_test_split.txt").read_text().splitlines()]
    text = "".join(f"{image} {int(chosen(int(image)))}\n" for image, _ in lines)
    (root / "train_test_split.txt").write_text(text)


@pytest.mark.parametrize(
    ("classes", "chosen", "fault"),
    [
        (1, lambda i: i <= 4, r"one class, '001\.Kind_1'"),
        (3, lambda i: True, "no test image: all 18 are training images"),
        (3, lambda i: False, "no training image: all 18 are test images"),
        (3, lambda i: i <= 7, r"1 training image of the class '002\.Kind_2' \(and 1 more"),
        (3, lambda i: i <= 12, r"0 training images of the class '003\.Kind_3'\. "),
    ],
)
@pytest.mark.parametrize("drawn", [True, False])
def test_a_set_that_cannot_be_used_is_refused(
    write_cub, smoke_preset, classes, chosen, fault, drawn
):
    root = write_cub(classes=classes, drawn=drawn)
    split(root, chosen)
    for door in (cub.load, verify, lambda r: open_images("cub", data_root=r, preset=smoke_preset)):
        with pytest.raises(DataError, match=rf"{root} can't be used: it holds {fault}") as caught:
            door(root)
        assert "Needed are at least 2 classes, 2 training images of each" in str(caught.value)


def test_the_least_that_can_be_used_is_opened(write_cub):
    root = write_cub(classes=2, train=2, test=1)
    assert cub.load(root).held_out(0).sum() == 2
    assert verify(root).test == 2


def test_a_part_of_a_set_must_be_usable_too(write_cub):
    images = cub.load(write_cub())
    images = replace(images, train=images.ids <= 16)  # test images of the third class alone
    with pytest.raises(DataError, match="holds no test image: all 12 are training images"):
        restrict(images, "1-2")
    assert restrict(images, "2,3").n_test == 2


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=14))
def test_refused_is_what_lacks_something_and_nothing_else(images):
    used, labels = np.unique([c for c, _ in images], return_inverse=True)
    train = np.array([t for _, t in images])
    parts = [[c for c, t in images if t is part] for part in (True, False)]
    sound = len(used) > 1 and bool(parts[1]) and all(parts[0].count(c) >= 2 for c in used)
    names = [f"kind {c}" for c in used]
    if sound:
        check_usable("set", names, labels, train)
    else:
        with pytest.raises(DataError, match="set can't be used"):
            check_usable("set", names, labels, train)
