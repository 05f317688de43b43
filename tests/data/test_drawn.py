"""The drawn birds: their bytes, their annotations, and where their cue lies."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fgnb import presets, store
from fgnb.data import PART_NAMES, cub, verify
from fgnb.data.drawn import DrawnSpec, birds_layout, layout, make, render, spec_for
from fgnb.data.drawn.canvas import Canvas
from fgnb.data.drawn.codes import code_word
from fgnb.data.drawn.families import FAMILIES
from fgnb.data.drawn.limbs import draw_eye
from fgnb.data.drawn.pose import draw_pose
from fgnb.data.drawn.scene import Picture, paint
from fgnb.data.drawn.spec import streams
from fgnb.data.drawn.species import MARKS, class_names, family_marks, look_of

SMALL = DrawnSpec(species=4, families=2, train_per_class=2, test_per_class=1, size=48)


def files_of(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(SMALL, tmp_path_factory.mktemp("drawn"), workers=1)


@pytest.fixture(scope="module")
def gallery() -> list[Picture]:
    """One picture a species and image number of every family, at a size that shows the parts."""
    spec = DrawnSpec(species=32, families=8, size=112)
    return [paint(look_of(spec, i % 32), streams(3, i % 32, i), 112) for i in range(64)]


def test_one_worker_and_four_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    again = make(SMALL, tmp_path, workers=4)
    assert again.relative_to(tmp_path) == small.relative_to(small.parents[1])
    assert files_of(again) == files_of(small)


def test_the_seed_changes_every_picture_and_no_species(small: Path, tmp_path: Path) -> None:
    other = make(replace(SMALL, seed=1), tmp_path, workers=1)
    ours, theirs = files_of(small), files_of(other)
    assert ours.keys() == theirs.keys()
    assert ours["classes.txt"] == theirs["classes.txt"]
    assert all(ours[name] != theirs[name] for name in ours if name.endswith(".jpg"))


def test_the_layout_is_the_official_one(small: Path) -> None:
    lines = (small / "images.txt").read_text().splitlines()
    assert lines[0] == "1 001.Amber_Sedgefinch/Amber_Sedgefinch_0001_000001.jpg"
    assert lines[-1].startswith("12 004.")
    assert (small / "train_test_split.txt").read_text().split()[1:6:2] == ["1", "1", "0"]
    assert len((small / "parts" / "part_locs.txt").read_text().splitlines()) == 12 * 15
    images = cub.load(small)
    assert images.protocol == "drawn"
    assert (len(images), images.n_train, len(images.classes)) == (12, 8, 4)
    assert images.visible.sum(1).min() >= 3
    with Image.open(images.path(0)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (48, 48))
    assert verify(small).protocol == "drawn"


def test_the_files_agree_with_render(small: Path) -> None:
    images = cub.load(small)
    for row in (0, 5, 11):
        image, box, parts, visible = render(SMALL, row // 3, row % 3)
        stored = np.asarray(Image.open(images.path(row)), dtype=float)
        assert np.abs(stored - np.asarray(image, dtype=float)).mean() < 6
        np.testing.assert_allclose(images.boxes[row], box, atol=0.05)
        np.testing.assert_allclose(images.parts[row], parts, atol=0.05)
        np.testing.assert_array_equal(images.visible[row], visible)


def test_drawn_json_holds_the_spec(small: Path) -> None:
    note = json.loads((small / "drawn.json").read_text())
    assert DrawnSpec(**note["spec"]) == SMALL
    assert small.parent.name == f"birds-{SMALL.key}"


def test_parts_lie_in_the_box_and_the_picture(gallery: list[Picture]) -> None:
    shown = np.zeros(len(PART_NAMES), dtype=int)
    for picture in gallery:
        x1, y1, x2, y2 = picture.box
        assert 0 <= x1 < x2 <= 112
        assert 0 <= y1 < y2 <= 112
        points = picture.parts[picture.visible]
        assert (points >= (x1, y1)).all()
        assert (points < (x2, y2)).all()
        columns, rows = np.floor(points).astype(int).T
        assert picture.mask[rows, columns].all()
        assert (picture.parts[~picture.visible] == 0).all()
        shown += picture.visible
    assert (shown > 10).all(), dict(zip(PART_NAMES, shown, strict=True))


def test_the_box_is_tight(gallery: list[Picture]) -> None:
    for picture in gallery:
        rows, columns = np.nonzero(picture.mask)
        tight = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        np.testing.assert_allclose(picture.box, tight, atol=1)


def test_the_birds_are_as_large_as_promised(gallery: list[Picture]) -> None:
    sides = np.array([max(p.box[2] - p.box[0], p.box[3] - p.box[1]) / 112 for p in gallery])
    assert 0.28 < sides.min() < 0.5 < 0.7 < sides.max() < 0.95


@pytest.mark.parametrize(
    ("pair", "front", "rear", "least"),
    [("eye", "beak", "nape", 20), ("wing", "breast", "tail", 20)],
)
def test_left_and_right_are_those_of_the_bird(
    gallery: list[Picture], pair: str, front: str, rear: str, least: int
) -> None:
    """A bird that points right in the picture shows its right eye and wing, not the left ones."""
    at = {name: i for i, name in enumerate(PART_NAMES)}
    sides = []
    for picture in gallery:
        seen = picture.visible[[at[f"left {pair}"], at[f"right {pair}"]]]
        if picture.visible[[at[front], at[rear]]].all() and seen.sum() == 1:
            right = picture.parts[at[front], 0] > picture.parts[at[rear], 0]
            sides.append(bool(seen[1]) == bool(right))
    assert len(sides) >= least
    assert np.mean(sides) >= 0.9  # a twig may hide the near wing and leave the far one


def test_an_eye_on_the_far_side_is_not_drawn() -> None:
    build = FAMILIES[0].build
    pose = replace(draw_pose(build, np.random.default_rng(0)), head=np.eye(3))
    painted = []
    for side in (-1, 1):
        canvas = Canvas(0, 0, 80, 80)
        canvas.anchor(40.0, 40.0, 40.0)
        draw_eye(canvas, build, pose, side, 1)
        painted.append(float(canvas.alpha.sum()))
    assert painted[0] == 0 < painted[1]


def test_without_marks_two_species_of_a_family_are_one() -> None:
    spec = DrawnSpec(telling=0.0)
    assert look_of(spec, 0) == look_of(spec, 3)
    assert look_of(spec, 0) != look_of(spec, 4)
    for image in range(4):
        pair = [paint(look_of(spec, c), streams(0, 0, image), 96) for c in (0, 3)]
        np.testing.assert_array_equal(np.asarray(pair[0].image), np.asarray(pair[1].image))


def test_marks_change_little_else_than_the_bird() -> None:
    """With the same nuisances two species differ on the bird alone, and there only in part."""
    spec = DrawnSpec()
    for image in range(4):
        a, b = (paint(look_of(spec, c), streams(0, 0, image), 96) for c in (0, 3))
        assert a.box == b.box
        np.testing.assert_array_equal(a.parts, b.parts)
        apart = (np.asarray(a.image) != np.asarray(b.image)).any(-1)
        assert apart.any()
        x1, y1, x2, y2 = (int(v) for v in a.box)
        assert not np.delete(np.delete(apart, slice(y1 - 3, y2 + 3), 0), slice(x1, x2), 1).any()
        assert apart[a.mask].mean() < 0.6


def test_the_dial_grows_the_marks() -> None:
    changed = []
    for telling in (0.5, 1.0, 2.0):
        total = 0
        for c in range(8):
            pair = [
                paint(look_of(DrawnSpec(telling=t, families=1, species=8), c), streams(0, 0, c), 96)
                for t in (0.0, telling)
            ]
            apart = np.asarray(pair[0].image, dtype=int) - np.asarray(pair[1].image)
            total += int((np.abs(apart).max(-1) > 12).sum())
        changed.append(total)
    assert 0 < 1.25 * changed[0] < changed[1] < changed[2] / 1.25


def test_no_mark_gives_the_answer() -> None:
    """Two species of a family differ in four marks; a mark is worn in several families."""
    words = [set(code_word(i)) for i in range(4)]
    assert all(len(a ^ b) >= 4 for a, b in combinations(words, 2))
    worn = [{family_marks(f)[i] for word in words for i in word} for f in range(6)]
    assert all(sum(mark in family for family in worn) >= 2 for mark in MARKS)


def test_the_control_set_has_no_marks() -> None:
    spec = DrawnSpec(control=True)
    looks = [look_of(spec, i) for i in range(4)]
    assert all(look.marks == {} for look in looks)
    assert len({look.plumage for look in looks}) == 4


def histogram(pixels: np.ndarray) -> np.ndarray:
    """Hue, weighted by colourfulness, and brightness, of RGB pixels `[n, 3]`."""
    hue, colourful, value = np.asarray(Image.fromarray(pixels[None]).convert("HSV"), dtype=float).T
    hues = np.histogram(hue, bins=16, range=(0, 256), weights=colourful)[0] / 255
    bins = [hues, np.histogram(value, bins=8, range=(0, 256))[0]]
    return np.concatenate(bins) / max(len(pixels), 1)


def histogram_hits(images: list[tuple[int, bool, np.ndarray]]) -> tuple[int, int]:
    """Right answers and test images of a logistic regression on colour histograms."""
    labels, train = np.array([i[0] for i in images]), np.array([i[1] for i in images])
    features = np.array([i[2] for i in images])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    model.fit(features[train], labels[train])
    return int(model.score(features[~train], labels[~train]) * (~train).sum()), int((~train).sum())


@pytest.mark.parametrize("control", [False, True])
def test_the_backdrop_tells_nothing_and_the_control_bird_much(control: bool) -> None:
    spec = DrawnSpec(
        species=4, families=1, train_per_class=24, test_per_class=16, size=64, control=control
    )
    behind, bird = [], []
    for label in range(4):
        for index in range(spec.per_class):
            image, (x1, y1, x2, y2), _, _ = render(spec, label, index)
            pixels, inside = np.asarray(image), np.zeros((64, 64), dtype=bool)
            inside[max(int(y1) - 3, 0) : int(y2) + 3, max(int(x1) - 3, 0) : int(x2) + 3] = True
            train = index < spec.train_per_class
            behind.append((label, train, histogram(pixels[~inside])))
            crop = pixels[int(y1) : int(y2), int(x1) : int(x2)].reshape(-1, 3)
            bird.append((label, train, histogram(crop)))
    hits, n = histogram_hits(behind)
    assert hits <= binom.ppf(0.999, n, 1 / 4)
    if control:
        hits, n = histogram_hits(bird)
        assert hits > binom.ppf(0.9999, n, 1 / 4)


def test_a_sound_set_is_not_drawn_again(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("drawn again")

    monkeypatch.setitem(layout.WRITERS, "birds", ("CUB_200_2011", refuse))
    assert make(SMALL, small.parents[1]) == small


def test_a_damaged_set_is_drawn_again(tmp_path: Path) -> None:
    folder = make(SMALL, tmp_path, workers=1)
    before = files_of(folder)
    picture = next((folder / "images").rglob("*.jpg"))
    picture.write_bytes(picture.read_bytes()[:100])
    assert files_of(make(SMALL, tmp_path, workers=1)) == before


def test_a_failure_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(spec: DrawnSpec, class_index: int, *_: object) -> list[birds_layout.Note]:
        if class_index == 2:
            raise OSError("no space")
        return []

    monkeypatch.setattr(birds_layout, "draw_class", fail)
    with pytest.raises(OSError, match="no space"):
        make(SMALL, tmp_path, workers=1)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def _make_large(root: str) -> None:
    make(replace(SMALL, train_per_class=400), Path(root), workers=1)


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path) -> None:
    spec = replace(SMALL, train_per_class=400)
    process = multiprocessing.get_context("spawn").Process(
        target=_make_large, args=(str(tmp_path),)
    )
    process.start()
    deadline = time.monotonic() + 60
    while not list(tmp_path.rglob("*.jpg")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    place = tmp_path / f"birds-{spec.key}"
    assert list(tmp_path.rglob("*.jpg"))
    assert not place.exists()
    with store.building(place) as work:
        assert list(work.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [place.name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "fish"}, "kind is 'fish'; it should be one of birds, cars, aircraft"),
        ({"families": 9, "species": 18}, "families is 9; it should be from 1 to 8"),
        ({"families": 4, "species": 3}, "species is 3; it should be from 4 to 140"),
        ({"size": 8}, "size is 8; it should be from 32 to 1024"),
        ({"seed": -1}, "seed is -1"),
        ({"train_per_class": 0}, "train_per_class is 0; it should be from 1"),
        ({"test_per_class": 2.5}, "test_per_class is 2.5; it should be a whole number"),
        ({"telling": -0.1}, "telling is -0.1; it should be from 0 to 3"),
        ({"telling": "big"}, "telling is 'big'; it should be a number"),
        ({"control": 1}, "control is 1; it should be True or False"),
    ],
)
def test_bad_specs_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DrawnSpec(**change)  # type: ignore[arg-type]


def test_bad_indices_and_workers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="class_index is 4; it should be from 0 to 3"):
        render(SMALL, 4, 0)
    with pytest.raises(ValueError, match="image_index is 3; it should be from 0 to 2"):
        render(SMALL, 0, 3)
    with pytest.raises(ValueError, match="workers is 0"):
        make(SMALL, tmp_path, workers=0)


def test_the_key_follows_every_field() -> None:
    changes: list[dict[str, object]] = [
        {"species": 25}, {"families": 5}, {"train_per_class": 1}, {"test_per_class": 1},
        {"size": 65}, {"seed": 1}, {"telling": 0.5}, {"control": True}, {"kind": "cars"},
        {"kind": "aircraft"},
    ]  # fmt: skip
    keys = {replace(DrawnSpec(), **change).key for change in changes}  # type: ignore[arg-type]
    assert len(keys | {DrawnSpec().key}) == len(changes) + 1
    assert DrawnSpec(telling=1).key == DrawnSpec(telling=1.0).key


def test_the_keys_of_the_sets_in_use_stay() -> None:
    """Recorded results name these keys; further kinds and fields must leave them be."""
    size = {"species": 24, "families": 6, "train_per_class": 20, "test_per_class": 10}
    assert DrawnSpec(**size).key == "488ef8e3d4ff"
    assert DrawnSpec(**size, control=True).key == "3ea2ff8eb063"


def test_presets_give_specs() -> None:
    demo = DrawnSpec(species=8, families=2, train_per_class=16, test_per_class=12)
    assert spec_for(presets.get("demo")) == demo
    smoke = spec_for(presets.get("smoke"), seed=2, control=True)
    assert (smoke.species, smoke.families, smoke.size, smoke.seed) == (6, 3, 64, 2)
    assert smoke.control
    assert len(set(class_names(smoke))) == 6
    assert spec_for(presets.get("demo"), kind="cars") == replace(demo, kind="cars")


@pytest.mark.parametrize("size", [32, 33, 301])
def test_any_size_can_be_drawn(size: int) -> None:
    image, box, _, visible = render(DrawnSpec(size=size, species=8, families=8), 7, 1)
    assert image.size == (size, size)
    assert max(box) <= size
    assert visible.any()


def test_a_script_without_a_main_guard_can_draw_with_several_workers(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from fgnb.data.drawn import DrawnSpec, make\n"
        "spec = DrawnSpec(species=2, families=1, train_per_class=1, test_per_class=1, size=32)\n"
        f"make(spec, Path({str(tmp_path)!r}), workers=2)\n"
    )
    done = subprocess.run([sys.executable, "-"], input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.rglob("*.jpg"))) == 4
