"""The drawn aircraft: their faces, their bytes in the official layout, and where their cue lies."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fgnb.data import aircraft, verify
from fgnb.data.drawn import DrawnSpec, make
from fgnb.data.drawn.aircraft_airframe import airframe_faces
from fgnb.data.drawn.aircraft_backdrop import MOST_HIDDEN, draw_before
from fgnb.data.drawn.aircraft_families import AIRFRAMES, Airframe, Panel
from fgnb.data.drawn.aircraft_layout import splits
from fgnb.data.drawn.aircraft_livery import Livery, colours, draw_livery
from fgnb.data.drawn.aircraft_marks import MAKERS, add_marks
from fgnb.data.drawn.aircraft_mesh import (
    BASE,
    GLASS,
    METAL,
    SKIN,
    TYRE,
    Faces,
    Hull,
    Mesh,
    disc,
    loft,
    panel,
    pod,
)
from fgnb.data.drawn.aircraft_scene import Picture, paint, render_aircraft
from fgnb.data.drawn.aircraft_variants import MARKS, Look, aircraft_names, look_of
from fgnb.data.drawn.aircraft_view import View, paint_faces
from fgnb.data.drawn.codes import code_word, marks_of
from fgnb.data.drawn.light import expose
from fgnb.data.drawn.pose import turn
from fgnb.data.drawn.spec import streams

SMALL = DrawnSpec(
    kind="aircraft", species=5, families=3, train_per_class=3, test_per_class=2, size=48
)
LIGHT = np.array([0.3, 0.8, 0.52])


def files_of(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def lines(folder: Path, name: str) -> list[str]:
    return (folder / "data" / name).read_text().splitlines()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(SMALL, tmp_path_factory.mktemp("drawn"), workers=1)


@pytest.fixture(scope="module")
def gallery() -> list[Picture]:
    """Six pictures of every family."""
    spec = DrawnSpec(kind="aircraft", species=16, families=8, size=96)
    return [paint(look_of(spec, i % 16), streams(5, i % 16, i), 96) for i in range(48)]


def test_one_worker_and_two_give_the_same_bytes(small: Path, tmp_path: Path) -> None:
    again = make(SMALL, tmp_path, workers=2)
    assert again.parts[-2:] == (f"aircraft-{SMALL.key}", "fgvc-aircraft-2013b")
    assert files_of(again) == files_of(small)


def test_the_seed_changes_every_picture_and_no_name(small: Path) -> None:
    other = replace(SMALL, seed=1)
    assert aircraft_names(other) == aircraft_names(SMALL)
    for label in range(SMALL.species):
        a, b = (np.asarray(render_aircraft(s, label, 0)[0]) for s in (SMALL, other))
        assert (a != b).any()


def test_the_layout_is_the_official_one(small: Path) -> None:
    levels = ("variant", "family", "manufacturer")
    expected = {f"data/{name}.txt" for name in ("variants", "families", "manufacturers")}
    expected |= {"README", "drawn.json", "data/images_box.txt"}
    expected |= {f"data/images/{number:07d}.jpg" for number in range(1, 26)}
    for split in ("train", "val", "trainval", "test"):
        expected |= {f"data/images_{split}.txt"}
        expected |= {f"data/images_{level}_{split}.txt" for level in levels}
    assert set(files_of(small)) == expected
    assert lines(small, "variants.txt") == ["A40-100", "A40-200", "R7-100", "R7-200", "S2-100"]
    assert lines(small, "families.txt") == ["Aldane A40", "Corvel R7", "Aldane S2"]
    assert lines(small, "manufacturers.txt") == ["Aldane", "Corvel"]
    assert lines(small, "images_variant_test.txt")[:3] == [
        "0000004 A40-100", "0000005 A40-100", "0000009 A40-200",
    ]  # fmt: skip
    assert lines(small, "images_family_val.txt")[-1] == "0000023 Aldane S2"
    assert lines(small, "images_manufacturer_train.txt")[4] == "0000011 Corvel"
    note = json.loads((small / "drawn.json").read_text())
    assert DrawnSpec(**note["spec"]) == SMALL


def test_the_splits_divide_the_images(small: Path) -> None:
    train, val, both, test = (
        lines(small, f"images_{split}.txt") for split in ("train", "val", "trainval", "test")
    )
    assert (len(train), len(val), len(test)) == (10, 5, 10)
    assert sorted(train + val) == both
    assert sorted(both + test) == [f"{number:07d}" for number in range(1, 26)]


@given(train=st.integers(1, 50), test=st.integers(1, 50))
def test_halves_differ_by_one_at_most(train: int, test: int) -> None:
    parts = splits(replace(SMALL, train_per_class=train, test_per_class=test))
    count = {split: last - first for split, (first, last) in parts.items()}
    assert count["train"] + count["val"] == count["trainval"] == train
    assert 0 <= count["train"] - count["val"] <= 1
    assert (parts["train"][1], parts["val"][1]) == (parts["val"][0], parts["test"][0])
    assert count["test"] == test


@pytest.mark.parametrize("level", ["variant", "family", "manufacturer"])
def test_torchvision_reads_it(small: Path, level: str) -> None:
    from torchvision.datasets import FGVCAircraft

    names = aircraft_names(SMALL)
    for split, count in (("train", 10), ("val", 5), ("trainval", 15), ("test", 10)):
        data = FGVCAircraft(small.parent, split=split, annotation_level=level, download=False)
        assert len(data) == count
        for (image, label), path in zip(data, data._image_files, strict=True):
            assert image.size == (48, 48)
            own = names[(int(Path(path).stem) - 1) // SMALL.per_class]
            assert data.classes[label] == getattr(own, level)


def test_our_loader_reads_it_and_agrees_with_render(small: Path) -> None:
    images = aircraft.load(small)
    assert (images.protocol, images.n_train, len(images)) == ("drawn", 15, 25)
    assert verify(small, layout="aircraft").protocol == "drawn"
    for row in (0, 7, 24):
        place = int(images.ids[row]) - 1
        image, box = render_aircraft(SMALL, *divmod(place, SMALL.per_class))
        assert images.labels[row] == place // SMALL.per_class
        stored = np.asarray(Image.open(images.path(row)), dtype=float)
        assert np.abs(stored - np.asarray(image, dtype=float)).mean() < 6
        np.testing.assert_array_equal(images.boxes[row], box)


def test_the_names_are_three_levels_of_one_tree() -> None:
    for families, species in ((1, 35), (3, 6), (8, 280)):
        names = aircraft_names(DrawnSpec(kind="aircraft", families=families, species=species))
        assert len({name.variant for name in names}) == species
        assert len({name.family for name in names}) == families
        assert len({(name.family, name.manufacturer) for name in names}) == families
        assert all(name.family.startswith(name.manufacturer) for name in names)
    assert len({name.manufacturer for name in names}) == 4


def test_no_mark_gives_the_answer() -> None:
    """Two variants of a family differ in four marks; a mark is worn in several families."""
    words = [set(code_word(i)) for i in range(4)]
    assert all(len(a ^ b) >= 4 for a, b in combinations(words, 2))
    worn = [{marks_of(MARKS, f)[i] for word in words for i in word} for f in range(6)]
    assert all(sum(mark in family for family in worn) >= 2 for mark in MARKS)
    assert set(MAKERS) == set(MARKS)
    spec = DrawnSpec(kind="aircraft", telling=1.5)
    for index in range(4):
        look = look_of(spec, index)
        assert set(look.marks) == {marks_of(MARKS, 0)[i] for i in words[index]}
        assert len({round(size, 9) for size in look.marks.values()}) == 1


def test_every_mark_shows_on_the_families_that_wear_it() -> None:
    """From the side or from below, each mark changes pixels, and few of them."""
    livery = draw_livery(None, np.random.default_rng(1))
    views = [_view(0.0, -8.0, 120), _view(30.0, -20.0, 120), _view(25.0, 15.0, 120)]
    for number, frame in enumerate(AIRFRAMES):
        base = airframe_faces(frame, True)
        for mark in marks_of(MARKS, number):
            extra = Mesh()
            add_marks(extra, frame, {mark: 0.8})
            changed = []
            for view in views:
                plain, marked = (
                    _painted([*base, *more], livery, frame, view) for more in ([], extra.faces())
                )
                changed.append(int((np.abs(plain - marked).max(-1) > 0.06).sum()))
            assert max(changed) >= 12, (frame.name, mark, changed)
            assert max(changed) < 0.3 * np.count_nonzero(plain.any(-1)), (frame.name, mark)


def _view(yaw: float, height: float, size: int) -> View:
    camera = turn(0, np.radians(height))
    body = camera @ turn(1, np.radians(-yaw))
    return View(body, camera, False, np.array([size / 2, size / 2]), 0.62 * size)


def _painted(
    faces: list[Faces], livery: Livery, frame: Airframe, view: View, size: int = 120
) -> np.ndarray:
    tones = [colours(livery, frame, group) for group in faces]
    layer = paint_faces(faces, tones, view, size, LIGHT)
    whole = np.zeros((size, size, 3))
    whole[layer.place] = layer.colour
    return whole


def test_without_marks_two_variants_of_a_family_are_one() -> None:
    spec = DrawnSpec(kind="aircraft", telling=0.0)
    assert look_of(spec, 0) == look_of(spec, 3)
    assert look_of(spec, 0) != look_of(spec, 4)


def test_marks_change_the_aircraft_alone() -> None:
    """With the same nuisances two variants differ near the aircraft, its shadow included."""
    spec = DrawnSpec(kind="aircraft")
    for image in range(6):
        a, b = (paint(look_of(spec, c), streams(0, 0, image), 96) for c in (0, 3))
        apart = (np.asarray(a.image) != np.asarray(b.image)).any(-1)
        assert apart.any()
        x1, y1, x2, y2 = (int(v) for v in np.concatenate([
            np.minimum(a.box, b.box)[:2] - 8, np.maximum(a.box, b.box)[2:] + 8,
        ]))  # fmt: skip
        far = np.ones_like(apart)
        far[max(y1, 0) : y2, max(x1, 0) : x2] = False
        assert not apart[far].any()
        assert apart[a.mask].mean() < 0.6
        assert np.abs(np.subtract(a.box, b.box)).max() <= 10


def test_the_dial_grows_the_marks() -> None:
    changed = []
    for telling in (0.5, 1.0, 2.0):
        total = 0
        for c in range(7):
            pair = [
                paint(
                    look_of(DrawnSpec(kind="aircraft", telling=t, families=1, species=7), c),
                    streams(0, 0, c),
                    96,
                )
                for t in (0.0, telling)
            ]
            apart = np.asarray(pair[0].image, dtype=int) - np.asarray(pair[1].image)
            total += int((np.abs(apart).max(-1) > 12).sum())
        changed.append(total)
    assert 0 < 1.25 * changed[0] < changed[1] < changed[2] / 1.25


def test_the_control_set_differs_in_hue_alone() -> None:
    spec = DrawnSpec(kind="aircraft", control=True)
    looks = [look_of(spec, i) for i in range(4)]
    assert all(look.marks == {} for look in looks)
    assert len({look.hue for look in looks}) == 4
    a, b = (paint(look, streams(0, 0, 1), 96) for look in looks[:2])
    assert a.box == b.box
    assert (np.asarray(a.image) != np.asarray(b.image)).any(-1)[a.mask].mean() > 0.6


def histogram(pixels: np.ndarray) -> np.ndarray:
    """Hue, weighted by colourfulness, and brightness, of RGB pixels `[n, 3]`."""
    hue, colourful, value = np.asarray(Image.fromarray(pixels[None]).convert("HSV"), dtype=float).T
    hues = np.histogram(hue, bins=16, range=(0, 256), weights=colourful)[0] / 255
    bins = [hues, np.histogram(value, bins=8, range=(0, 256))[0]]
    return np.concatenate(bins) / max(len(pixels), 1)


def hits(rows: list[tuple[int, bool, np.ndarray]]) -> tuple[int, int]:
    """Right answers and test images of a logistic regression on colour histograms."""
    labels, train = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    features = np.array([r[2] for r in rows])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300))
    model.fit(features[train], labels[train])
    right = model.predict(features[~train]) == labels[~train]
    return int(right.sum()), len(right)


@pytest.mark.parametrize("control", [False, True])
def test_backdrop_and_paint_tell_nothing_save_in_the_control_set(control: bool) -> None:
    spec = DrawnSpec(
        kind="aircraft", species=4, families=1, train_per_class=24, test_per_class=16, size=64,
        control=control,
    )  # fmt: skip
    behind, own = [], []
    for label in range(4):
        for index in range(spec.per_class):
            picture = paint(look_of(spec, label), streams(spec.seed, label, index), 64)
            pixels, train = np.asarray(picture.image), index < spec.train_per_class
            x1, y1, x2, y2 = (int(v) for v in picture.box)
            outside = np.ones((64, 64), dtype=bool)
            outside[max(y1 - 3, 0) : y2 + 3, max(x1 - 3, 0) : x2 + 3] = False
            behind.append((label, train, histogram(pixels[outside])))
            own.append((label, train, histogram(pixels[picture.mask])))
    right, n = hits(behind)
    assert right <= binom.ppf(0.999, n, 1 / 4)
    right, n = hits(own)
    if control:
        assert right > binom.ppf(0.9999, n, 1 / 4)
    else:
        assert right <= binom.ppf(0.999, n, 1 / 4)


def test_boxes_are_tight_and_inside(gallery: list[Picture]) -> None:
    sides = []
    for picture in gallery:
        rows, columns = np.nonzero(picture.mask)
        tight = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert picture.box == tight
        x1, y1, x2, y2 = picture.box
        assert 0 <= x1 < x2 <= 96
        assert 0 <= y1 < y2 <= 96
        sides.append(max(x2 - x1, y2 - y1) / 96)
    assert 0.35 < min(sides) < 0.65 < 0.8 < max(sides) <= 1.0


def test_no_more_is_hidden_than_promised() -> None:
    aircraft_cover = np.zeros((64, 64), np.float32)
    aircraft_cover[25:45, 8:56] = 1.0
    shown = 0
    for seed in range(60):
        found = draw_before(64, aircraft_cover, seed % 2 == 0, np.random.default_rng(seed))
        if found is not None:
            colour, cover = found
            shown += 1
            assert (colour.shape, cover.shape) == ((64, 64, 3), (64, 64))
            assert 0 <= cover.min() <= cover.max() <= 1
            assert (cover * aircraft_cover).sum() <= MOST_HIDDEN * aircraft_cover.sum()
    assert 8 < shown < 40


def test_nothing_is_put_before_an_aircraft_that_is_not_there() -> None:
    nothing = np.zeros((32, 32), np.float32)
    assert all(
        draw_before(32, nothing, grounded, np.random.default_rng(seed)) is None
        for seed in range(8)
        for grounded in (False, True)
    )


def winding(outline: np.ndarray, x: float, y: float) -> bool:
    """Whether a point lies inside a convex polygon, edge by edge."""
    signs = []
    for (x0, y0), (x1, y1) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        signs.append((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0))
    return all(s >= 0 for s in signs) or all(s <= 0 for s in signs)


def test_the_painter_shows_the_nearest_face_that_looks_at_us() -> None:
    """Against a slow look through every face along the ray of each pixel."""
    mesh = Mesh()
    pod(mesh, np.array([0.4, 0.0, 0.0]), 0.8, (0.1, 0.2, 0.2, 0.05), SKIN, around=8)
    panel(mesh, Panel((0.1, -0.2, 0.15), (-0.1, -0.1, 0.5), 0.3, 0.1), 1.0, GLASS, 6)
    pod(mesh, np.array([0.25, 0.1, 0.5]), 0.6, (0.1, 0.15, 0.15, 0.1), GLASS, around=8)
    disc(mesh, np.array([0.45, 0.0, 0.0]), 0.15, 1.0, BASE)
    size, view = 28, replace(_view(35.0, 12.0, 28), unit=21.0)
    faces = mesh.faces()
    ids = np.split(
        np.arange(sum(len(f.corners) for f in faces)), np.cumsum([len(f.corners) for f in faces])
    )[:-1]
    # Colours that tell faces apart; the light is the same for all when it is divided out.
    roles = np.concatenate([f.roles for f in faces])
    tones = [np.eye(3)[np.searchsorted([SKIN, BASE, GLASS], f.roles)] for f in faces]
    layer = paint_faces(faces, tones, view, size, LIGHT)
    seen = np.zeros((size, size, 3))
    seen[layer.place] = layer.colour
    agreed, compared = 0, 0
    for row in range(size):
        for column in range(size):
            best, nearest = -1, -np.inf
            for group, numbers in zip(faces, ids, strict=True):
                for corners, normal, number in zip(
                    group.corners, group.normals, numbers, strict=True
                ):
                    turned, away = corners @ view.body.T, view.body @ normal
                    if away[2] <= 0:
                        continue
                    if not winding(view.place(turned), column + 0.5, row + 0.5):
                        continue
                    # The plane's height at the pixel, by its normal.
                    x = (column + 0.5 - view.origin[0]) / view.unit
                    y = (view.origin[1] - row - 0.5) / view.unit
                    at = turned[0]
                    z = at[2] - (away[0] * (x - at[0]) + away[1] * (y - at[1])) / away[2]
                    if z > nearest:
                        best, nearest = number, z
            if best >= 0 and seen[row, column].max() > 0.2:
                compared += 1
                own = [SKIN, BASE, GLASS].index(roles[best])
                agreed += int(seen[row, column].argmax() == own)
    assert compared > 80
    assert agreed / compared > 0.95


def test_normals_point_outwards() -> None:
    for side in (-1.0, 1.0):
        mesh = Mesh()
        panel(mesh, Panel((0.1, 0.0, 0.0), (0.0, 0.0, 0.5), 0.2, 0.1), side, BASE, 3)
        for group in mesh.faces():
            np.testing.assert_allclose(np.linalg.norm(group.normals, axis=1), 1.0)
            centre = group.corners.mean(1)
            upper = centre[:, 1] > 0.006
            assert (group.normals[upper, 1] > 0).all()
    mesh = Mesh()
    ring = np.array([(0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)])
    loft(mesh, np.stack([ring, ring + np.array([1.0, 0.0, 0.0])]), BASE)
    (sides,) = mesh.faces()
    expected = np.array([(0, 1, 1), (0, -1, 1), (0, -1, -1), (0, 1, -1)]) / np.sqrt(2)
    np.testing.assert_allclose(sides.normals, expected, atol=1e-12)


def test_a_face_without_inside_is_seen_from_both_sides() -> None:
    square = np.array([[(-1.0, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)]])
    for inside, sides in ((None, 2), (np.array([0.0, 0.0, -1.0]), 1)):
        shown = 0
        for facing in (0.0, 180.0):
            mesh = Mesh()
            mesh.add(square, BASE, inside)
            view = replace(_view(facing, 0.0, 20), unit=5.0)
            layer = paint_faces(mesh.faces(), [np.ones((1, 3))], view, 20, LIGHT)
            shown += int(layer.cover.max() > 0.9)
        assert shown == sides


@settings(max_examples=40)
@given(
    number=st.integers(0, 7),
    share=st.floats(0.0, 1.0),
    angle=st.floats(-180.0, 180.0),
    side=st.sampled_from([-1.0, 1.0]),
)
def test_a_point_of_the_skin_lies_on_its_section(
    number: int, share: float, angle: float, side: float
) -> None:
    hull = Hull(AIRFRAMES[number].hull)
    low, high = hull.ends
    x = low + share * (high - low)
    tall, centre, wide = (float(v) for v in hull.at(x))
    _, y, z = hull.point(x, angle, side)
    assert ((y - centre) / tall) ** 2 + (z / wide) ** 2 == pytest.approx(1.0)
    if abs(angle) < 89:
        assert np.sign(z) == side


def test_both_sides_of_an_airframe_are_alike() -> None:
    """All but the struts, whose five corners have no mirror image."""
    for frame in AIRFRAMES:
        points = np.concatenate(
            [
                group.corners[group.roles != METAL].reshape(-1, 3)
                for group in airframe_faces(frame, True)
            ]
        )
        assert points[:, 2].max() == pytest.approx(-points[:, 2].min())
        mirrored = {tuple(p) for p in np.round(points * (1, 1, -1), 6) + 0.0}
        own = {tuple(p) for p in np.round(points, 6) + 0.0}
        assert own == mirrored, frame.name


def test_wheels_touch_the_ground_and_stay_in_when_asked() -> None:
    for frame in AIRFRAMES:
        down = np.concatenate([g.corners.reshape(-1, 3) for g in airframe_faces(frame, True)])
        assert down[:, 1].min() == pytest.approx(frame.gear[3], abs=2e-3), frame.name
        tyres = sum(int((g.roles == TYRE).sum()) for g in airframe_faces(frame, False))
        assert (tyres > 0) == frame.fixed


def test_the_light_of_birds_is_what_it_was() -> None:
    """A share of broken shade may be asked for; the usual one is the birds'."""
    scene = np.full((32, 32, 3), 0.5, np.float32)
    for seed in range(6):
        usual = expose(scene, np.random.default_rng(seed))
        np.testing.assert_array_equal(usual, expose(scene, np.random.default_rng(seed), 0.35))
    draws = [
        [expose(scene, np.random.default_rng(seed), share) for seed in range(6)]
        for share in (0.0, 1.0)
    ]
    assert all((a != b).any() for a, b in zip(*draws, strict=True))


@pytest.mark.parametrize("size", [32, 33, 301])
def test_any_size_can_be_drawn(size: int) -> None:
    for label in range(8):
        spec = DrawnSpec(kind="aircraft", size=size, species=8, families=8)
        image, box = render_aircraft(spec, label, 1)
        assert image.size == (size, size)
        assert max(box) <= size


def test_bad_indices_are_refused() -> None:
    with pytest.raises(ValueError, match="class_index is 5; it should be from 0 to 4"):
        render_aircraft(SMALL, 5, 0)
    with pytest.raises(ValueError, match="image_index is 5; it should be from 0 to 4"):
        render_aircraft(SMALL, 0, 5)
    with pytest.raises(ValueError, match="kind is 'birds'; it should be 'aircraft'"):
        render_aircraft(DrawnSpec(), 0, 0)


def test_a_look_has_the_marks_that_it_wears() -> None:
    look = Look(AIRFRAMES[0], {"dome": 0.5})
    assert (look.size("dome"), look.size("winglets")) == (0.5, 0.0)
