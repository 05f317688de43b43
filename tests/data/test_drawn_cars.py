"""The drawn cars: their code, their bytes, their layout as torchvision reads it, and their cue."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import loadmat
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torchvision.datasets import StanfordCars

from fgnb import presets
from fgnb.data import cars
from fgnb.data.drawn import DrawnSpec, make, spec_for
from fgnb.data.drawn.cars_bodies import BODIES, Body
from fgnb.data.drawn.cars_models import MARKS, Look, car_names, car_words, look_of
from fgnb.data.drawn.cars_paint import draw_coat, paint_car
from fgnb.data.drawn.cars_panels import cut
from fgnb.data.drawn.cars_scene import CarPicture, paint, render_car
from fgnb.data.drawn.cars_shell import flank, section, shell
from fgnb.data.drawn.cars_view import Layer, View, draw_view
from fgnb.data.drawn.light import sun
from fgnb.data.drawn.spec import streams

SMALL = DrawnSpec(kind="cars", species=4, families=2, train_per_class=2, test_per_class=1, size=48)


VIEWS = (3, 15, 8)
"""Seeds of a view from before, from the side and from behind."""


def files_of(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(SMALL, tmp_path_factory.mktemp("drawn"), workers=1)


@pytest.fixture(scope="module")
def gallery() -> list[CarPicture]:
    spec = DrawnSpec(kind="cars", species=32, families=8, size=96)
    return [paint(look_of(spec, i % 32), streams(3, i % 32, i), 96) for i in range(48)]


def test_one_worker_and_three_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    again = make(SMALL, tmp_path, workers=3)
    assert again.relative_to(tmp_path).as_posix() == f"cars-{SMALL.key}/stanford_cars"
    assert files_of(again) == files_of(small)


def test_a_mat_file_names_no_date(small: Path) -> None:
    """The library writes the time of day into the first 116 bytes; equal specs give equal bytes."""
    for path in small.rglob("*.mat"):
        header = path.read_bytes()[:116]
        assert header.startswith(b"MATLAB 5.0 MAT-file, drawn by fgnb")
        assert b"Created on" not in header


def test_the_seed_changes_every_picture_and_no_class(small: Path, tmp_path: Path) -> None:
    other = make(replace(SMALL, seed=1), tmp_path, workers=1)
    ours, theirs = files_of(small), files_of(other)
    assert ours.keys() == theirs.keys()
    assert ours["devkit/cars_meta.mat"] == theirs["devkit/cars_meta.mat"]
    assert all(ours[name] != theirs[name] for name in ours if name.endswith(".jpg"))


def test_the_files_are_those_of_the_official_set(small: Path) -> None:
    pictures = [f"cars_train/{i:05d}.jpg" for i in range(1, 9)]
    pictures += [f"cars_test/{i:05d}.jpg" for i in range(1, 5)]
    tables = ["cars_meta", "cars_train_annos", "cars_test_annos"]
    expected = [*pictures, *(f"devkit/{name}.mat" for name in tables)]
    expected += ["cars_test_annos_withlabels.mat", "README", "drawn.json"]
    assert sorted(files_of(small)) == sorted(expected)
    assert DrawnSpec(**json.loads((small / "drawn.json").read_text())["spec"]) == SMALL


@pytest.mark.parametrize("split", ["train", "test"])
def test_torchvision_reads_it(small: Path, split: str) -> None:
    """Each picture is that of its class: found again by drawing every picture of the set anew."""
    images = StanfordCars(small.parent, split=split, download=False)
    assert images.classes == car_names(SMALL)
    first, count = (0, 2) if split == "train" else (2, 1)
    assert Counter(label for _, label in images._samples) == dict.fromkeys(range(4), count)
    drawn = {
        (label, index): np.asarray(render_car(SMALL, label, index)[0], dtype=float)
        for label in range(4)
        for index in range(first, first + count)
    }
    found = []
    for picture, label in images:
        stored = np.asarray(picture, dtype=float)
        nearest = min(drawn, key=lambda key: float(np.abs(drawn[key] - stored).mean()))
        assert nearest[0] == label
        found.append(nearest)
    assert sorted(found) == sorted(drawn)


def test_the_order_is_not_that_of_the_classes() -> None:
    """Sixteen classes in their order would be a slip that a loader's test can't see."""
    from fgnb.data.drawn.cars_layout import _numbers

    train, test = _numbers(replace(SMALL, species=16, train_per_class=4))
    assert sorted(train.ravel().tolist()) == list(range(1, 65))
    assert sorted(test.ravel().tolist()) == list(range(1, 17))
    assert train.ravel().tolist() != list(range(1, 65))
    assert test.ravel().tolist() != list(range(1, 17))


def test_the_boxes_agree_with_render(small: Path) -> None:
    """Counted from 1 with both corners inside, as in the official files; from 0 in our loader."""
    table = loadmat(small / "cars_test_annos_withlabels.mat", squeeze_me=True)["annotations"]
    for row in table:
        _, box = render_car(SMALL, int(row["class"]) - 1, 2)
        corners = [int(row[f"bbox_{side}"]) for side in ("x1", "y1", "x2", "y2")]
        assert corners == [box[0] + 1, box[1] + 1, box[2], box[3]]
    images = cars.load(small)
    assert (images.protocol, len(images), images.n_train) == ("drawn", 12, 8)
    row = int(np.flatnonzero(images.train & (images.labels == 3))[0])
    boxes = [render_car(SMALL, 3, index)[1] for index in (0, 1)]
    assert any(np.array_equal(images.boxes[row], box) for box in boxes)


def test_the_unlabelled_test_table_keeps_all_but_the_class(small: Path) -> None:
    whole = loadmat(small / "cars_test_annos_withlabels.mat", squeeze_me=True)["annotations"]
    bare = loadmat(small / "devkit" / "cars_test_annos.mat", squeeze_me=True)["annotations"]
    assert whole.dtype.names == ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname")
    assert bare.dtype.names == ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "fname")
    assert all(np.array_equal(whole[name], bare[name]) for name in bare.dtype.names)


def test_the_code_against_a_plain_count() -> None:
    cars_of_a_family = car_words()
    assert len({word for _, _, word in cars_of_a_family}) == 35
    first = {model: set(word) for model, year, word in cars_of_a_family if year == 0}
    assert sorted(first) == list(range(7))
    for a, b in combinations(first.values(), 2):
        assert len(a ^ b) == 4
    for model, year, word in cars_of_a_family:
        assert len(set(word) ^ first[model]) == (2 if year else 0)


def test_a_family_of_four_is_two_models_in_two_years_and_no_mark_names_one() -> None:
    for start in (0, 4, 8):
        four = car_words()[start : start + 4]
        assert len({model for model, _, _ in four}) == 2
        worn = Counter(mark for _, _, word in four for mark in word)
        assert set(worn.values()) == {2}


def test_a_mark_is_worn_in_several_families() -> None:
    spec = DrawnSpec(kind="cars", species=24, families=6)
    worn = [set().union(*(look_of(spec, 4 * f + i).marks for i in range(4))) for f in range(6)]
    assert all(sum(mark in family for family in worn) >= 2 for mark in MARKS)


def test_names_are_of_the_official_form_and_each_is_its_own() -> None:
    names = car_names(DrawnSpec(kind="cars", species=280, families=8))
    assert len(set(names)) == 280
    for index, name in enumerate(names):
        _, _, body, year = name.split(" ")
        assert body == BODIES[index // 35].name
        assert 2006 <= int(year) <= 2016
    # The third car of a family is its first one in a later year.
    assert names[0].rsplit(" ", 1)[0] == names[2].rsplit(" ", 1)[0]
    assert spec_for(presets.get("demo"), kind="cars").species == presets.get("demo").species


def test_the_box_is_tight_and_inside(gallery: list[CarPicture]) -> None:
    for picture in gallery:
        rows, columns = np.nonzero(picture.mask)
        tight = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert picture.box == tight
        assert 0 <= picture.box[0] < picture.box[2] <= 96
        assert 0 <= picture.box[1] < picture.box[3] <= 96
    sides = np.array([(p.box[2] - p.box[0]) / 96 for p in gallery])
    assert 0.40 < sides.min() < 0.65 < 0.80 < sides.max() < 1.0


def test_both_ways_round_and_all_three_views_come_up() -> None:
    ends, ways = Counter[str](), Counter[bool]()
    for number in range(80):
        view = draw_view(BODIES[0], 96, np.random.default_rng(number))
        nose = float(view.turned[2, 0])
        ends["nose" if nose > 0.2 else "tail" if nose < -0.2 else "side"] += 1
        ways[bool(view.turned[0, 0] > 0)] += 1
        # A car that points to the right of the picture shows its right side.
        assert view.near == (1 if view.turned[0, 0] > 0 else -1)
        np.testing.assert_allclose(view.turned @ view.turned.T, np.eye(3), atol=1e-12)
    assert min(ends.values()) >= 12
    assert min(ways.values()) >= 25


def project_slowly(view: View, point: tuple[float, float, float]) -> tuple[float, float]:
    """A pinhole camera by plain sums."""
    seen = [
        sum(view.turned[row, k] * (point[k] - view.middle[k]) for k in range(3)) for row in range(3)
    ]
    scale = view.unit * 13.0 / (13.0 - seen[2])
    return view.origin[0] + seen[0] * scale, view.origin[1] - seen[1] * scale


@given(point=st.tuples(*[st.floats(-2.5, 2.5) for _ in range(3)]), seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_the_camera_against_plain_sums(point: tuple[float, float, float], seed: int) -> None:
    view = draw_view(BODIES[1], 120, np.random.default_rng(seed))
    np.testing.assert_allclose(view.place(np.array(point)), project_slowly(view, point), atol=1e-8)


def test_points_far_away_on_the_ground_meet_the_horizon() -> None:
    view = draw_view(BODIES[2], 100, np.random.default_rng(5))
    back = view.turned.T @ np.array([0.0, 0.0, -1.0])
    far = np.array([back[0], 0.0, back[2]]) * 1e7
    assert abs(float(view.place(far)[1]) - view.horizon) < 0.01


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_a_body_is_closed_and_faces_outward(body: Body) -> None:
    surface = shell(body)
    middles = surface.quads.mean(1)
    flat = np.abs(surface.normals[:, 2]) > 0.7
    assert (np.sign(middles[flat, 2]) == np.sign(surface.normals[flat, 2])).all()
    roof = surface.normals[:, 1] > 0.7
    assert roof.sum() > 40
    np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1.0)
    # The left half mirrors the right one.
    assert abs(float((middles[:, 2]).sum())) < 1e-6


def test_a_place_on_the_flank_against_the_section_there() -> None:
    body = BODIES[0]
    for x, y in ((1.8, 0.5), (0.0, 0.7), (-0.4, 1.2), (-2.2, 0.6)):
        ys, zs = (values[0, :8] for values in section(body, np.array([x])))
        expected = np.interp(y, ys, zs)
        assert abs(float(flank(body, np.array([[x, y]]))[0]) - expected) < 0.01


def test_a_polygon_is_cut_along_a_line() -> None:
    square = np.array([(0, 0), (2, 0), (2, 2), (0, 2)], dtype=float)
    half = cut(square, np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert sorted(map(tuple, half.tolist())) == [(0, 1), (0, 2), (2, 1), (2, 2)]
    assert len(cut(square, np.array([0.0, 3.0]), np.array([0.0, 1.0]))) == 0


def test_a_layer_gives_colour_times_cover() -> None:
    view = draw_view(BODIES[0], 40, np.random.default_rng(0))
    layer = Layer(view, 40)
    layer.flat(np.array([(10.0, 10.0), (20.5, 10.0), (20.5, 30.0), (10.0, 30.0)]), (1.0, 0.5, 0.0))
    colour, cover = layer.shrink()
    assert cover[5, 5] == 0
    assert cover[20, 15] == 1
    assert 0.2 < cover[20, 20] < 0.9
    np.testing.assert_allclose(colour[20, 20, 0], cover[20, 20], atol=0.01)
    np.testing.assert_allclose(colour[20, 15], (1.0, 0.5, 0.0), atol=0.01)


def test_without_marks_two_cars_of_a_family_are_one() -> None:
    spec = DrawnSpec(kind="cars", telling=0.0)
    assert look_of(spec, 0) == look_of(spec, 3)
    assert look_of(spec, 0) != look_of(spec, 4)


def test_marks_change_a_small_part_of_the_car_alone() -> None:
    spec = DrawnSpec(kind="cars")
    for image in range(6):
        a, b = (paint(look_of(spec, c), streams(0, 0, image), 96) for c in (0, 1))
        apart = (np.abs(np.asarray(a.image, dtype=int) - np.asarray(b.image)) > 2).any(-1)
        x1, y1, x2, y2 = (int(v) for v in a.box)
        outside = apart.copy()
        outside[max(y1 - 3, 0) : y2 + 3, max(x1 - 3, 0) : x2 + 3] = False
        assert apart.any()
        assert not outside.any()
        assert apart[a.mask].mean() < 0.35


@lru_cache(maxsize=32)
def layer_of(body: Body, mark: str, size: float, seed: int) -> np.ndarray:
    """The car alone, `[128, 128, 4]`, with one mark or, at size 0, none."""
    rngs = streams(seed, 0, 0)
    look = Look(body, {mark: size} if size else {})
    view = draw_view(body, 128, rngs.pose)
    layer = Layer(view, 128)
    paint_car(layer, body, draw_coat(look, rngs.coat), sun(rngs.light))
    return np.dstack(layer.shrink())


@pytest.mark.parametrize("mark", MARKS)
def test_every_mark_shows_on_every_body_and_grows_with_the_dial(mark: str) -> None:
    """In one of three views at least; the plain car and the marked one share all nuisances."""
    changed = {0.6: 0.0, 1.4: 0.0}
    for body in BODIES:
        for size in changed:
            seen = 0.0
            for seed in VIEWS:
                apart = np.abs(layer_of(body, "", 0.0, seed) - layer_of(body, mark, size, seed))
                seen += float(apart.sum())
            assert seen > 2.0, (body.name, size)
            changed[size] += seen
    assert changed[0.6] < changed[1.4] / 1.1


def test_the_views_of_the_marks_are_from_before_beside_and_behind() -> None:
    noses = [draw_view(BODIES[0], 128, streams(s, 0, 0).pose).turned[2, 0] for s in VIEWS]
    assert noses[0] > 0.35
    assert abs(noses[1]) < 0.2
    assert noses[2] < -0.35


def test_the_control_set_has_no_marks_and_one_hue_a_class() -> None:
    spec = DrawnSpec(kind="cars", control=True)
    looks = [look_of(spec, i) for i in range(4)]
    assert all(look.marks == {} for look in looks)
    assert len({look.hue for look in looks}) == 4
    assert all(look_of(DrawnSpec(kind="cars"), i).hue is None for i in range(4))


def histogram(pixels: np.ndarray) -> np.ndarray:
    """Hue, weighted by colourfulness, and brightness, of RGB pixels `[n, 3]`."""
    hue, colourful, value = np.asarray(Image.fromarray(pixels[None]).convert("HSV"), dtype=float).T
    hues = np.histogram(hue, bins=16, range=(0, 256), weights=colourful)[0] / 255
    return np.concatenate([hues, np.histogram(value, bins=8, range=(0, 256))[0]]) / len(pixels)


@pytest.mark.parametrize("control", [False, True])
def test_colours_tell_the_control_cars_apart_and_no_others(control: bool) -> None:
    """Backdrop and body colour know nothing of the class; in the control set the body does."""
    spec = DrawnSpec(
        kind="cars", species=4, families=1, train_per_class=20, test_per_class=12, size=48,
        control=control,
    )  # fmt: skip
    rows = {"behind": [], "car": []}  # type: dict[str, list[np.ndarray]]
    train, labels = [], []
    for label in range(4):
        for index in range(spec.per_class):
            picture = paint(look_of(spec, label), streams(0, label, index), 48)
            pixels, (x1, y1, x2, y2) = np.asarray(picture.image), (int(v) for v in picture.box)
            behind = np.ones((48, 48), dtype=bool)
            behind[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2] = False
            rows["behind"].append(histogram(pixels[behind]))
            rows["car"].append(histogram(pixels[picture.mask]))
            train.append(index < spec.train_per_class)
            labels.append(label)
    learnt, answers = np.array(train), np.array(labels)
    hits = {}
    for name, features in rows.items():
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
        model.fit(np.array(features)[learnt], answers[learnt])
        hits[name] = int((model.predict(np.array(features)[~learnt]) == answers[~learnt]).sum())
    n = int((~learnt).sum())
    assert hits["behind"] <= binom.ppf(0.999, n, 1 / 4)
    if control:
        assert hits["car"] > binom.ppf(0.9999, n, 1 / 2)
    else:
        assert hits["car"] < binom.ppf(0.9999, n, 1 / 2)


@pytest.mark.parametrize("size", [32, 33, 301])
def test_any_size_can_be_drawn(size: int) -> None:
    image, box = render_car(DrawnSpec(kind="cars", size=size, species=8, families=8), 7, 1)
    assert image.size == (size, size)
    assert max(box) <= size


def test_bad_indices_are_refused() -> None:
    with pytest.raises(ValueError, match="class_index is 4; it should be from 0 to 3"):
        render_car(SMALL, 4, 0)
    with pytest.raises(ValueError, match="image_index is 3; it should be from 0 to 2"):
        render_car(SMALL, 0, 3)
