"""The frame against the transform itself: a dot is where the arithmetic says, and comes back."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fgnb.data import DataError, cub
from fgnb.data.frame import KINDS, PAPER_RATIO, Frame, Frames, frames_of
from fgnb.data.transforms import eval_transform, train_transform

PLAIN = SimpleNamespace(mean=(0.0,) * 3, std=(1.0,) * 3, interpolation="bilinear")


def dot_after(width, height, x, y, size, frame):
    """Centre of mass of a square dot around (x, y), after the transform; pixels are 1 wide."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[y - 2 : y + 2, x - 2 : x + 2] = 255
    seen = eval_transform(size, PLAIN, frame=frame)(Image.fromarray(pixels))[0].numpy()
    middle = np.arange(size) + 0.5
    return seen.sum(0) @ middle / seen.sum(), seen.sum(1) @ middle / seen.sum()


@pytest.mark.parametrize(
    "frame",
    [
        *(Frame("crop", ratio) for ratio in (1.0, 0.875, PAPER_RATIO, 0.5)),
        *(Frame(kind) for kind in KINDS[1:]),
    ],
)
@pytest.mark.parametrize(("width", "height"), [(120, 120), (200, 121), (97, 150)])
def test_a_dot_lands_where_the_arithmetic_says(width, height, frame):
    size = 64
    frames = Frames.of_sizes([[width, height]], image_size=size, frame=frame)
    for x, y in [(width // 2, height // 2), (width // 2 - 14, height // 2 + 13)]:
        found = dot_after(width, height, x, y, size, frame)
        np.testing.assert_allclose(frames.points([[[x, y]]])[0, 0], found, atol=0.05)  # of a pixel


def test_the_border_of_the_crop_is_the_border_of_the_frame():
    ramp = np.zeros((40, 80, 3), dtype=np.uint8)
    ramp[..., 0] = np.arange(80)
    seen = eval_transform(20, PLAIN, frame=Frame("crop", 0.5))(Image.fromarray(ramp))[0] * 255
    frames = Frames.of_sizes([[80, 40]], image_size=20, frame=Frame("crop", 0.5))
    box = frames.boxes_back([[[0, 0, 20, 20]]])[0, 0]
    assert box.tolist() == [30, 10, 50, 30]
    assert seen[0].round().tolist() == list(range(30, 50))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 700),
    st.integers(1, 700),
    st.integers(1, 448),
    st.floats(0.3, 1.0, allow_nan=False),
)
def test_there_and_back_and_the_resized_sides_are_those_of_the_transform(w, h, size, ratio):
    from torchvision.transforms.v2 import functional as F

    frames = Frames.of_sizes([[w, h]], image_size=size, frame=Frame("crop", ratio))
    points = np.array([[[0.0, 0.0], [w, h], [w / 3, h / 7]]])
    np.testing.assert_allclose(frames.points_back(frames.points(points)), points, atol=1e-9)
    boxes = np.array([[[0.0, 0.0, w, h]]])
    np.testing.assert_allclose(frames.boxes_back(frames.boxes(boxes)), boxes, atol=1e-9)
    if max(w, h) < 20 * min(w, h) and size < 100:
        side = max(size, int(size / ratio + 0.5))
        resized = F.resize(Image.new("RGB", (w, h)), [side])
        np.testing.assert_allclose(frames.scale[0], [resized.width / w, resized.height / h])


def test_inside_is_half_open():
    frames = Frames.of_sizes([[10, 10]], image_size=10, frame=Frame("crop", 1.0))
    points = [[[0, 0], [9.99, 9.99], [10, 5], [5, -0.01]]]
    assert frames.inside(points).tolist() == [[True, True, False, False]]


def test_sizes_come_from_the_files_in_the_order_of_rows(write_cub):
    images = cub.load(write_cub(size=24), name="drawn")
    frames = frames_of(images, [3, 0], image_size=12, frame=Frame("crop", 1.0))
    np.testing.assert_allclose(frames.scale, [[15 / 30, 0.5]] * 2)
    np.testing.assert_allclose(frames.offset, [[2, 0]] * 2)
    assert len(frames_of(images, [], image_size=12, frame=Frame("crop", 1.0))) == 0
    images.path(0).write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"Kind_0001\.jpg can't be read"):
        frames_of(images, [0], image_size=12, frame=Frame("crop", 1.0))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sizes": [[4, 4, 3]]}, r"sizes has shape \(1, 3\), needs \(Q, 2\)"),
        ({"sizes": [[4, 0]]}, "sizes holds 0, needs at least 1 pixel"),
        ({"image_size": 0}, "image_size is 0"),
    ],
)
def test_what_is_out_of_range_is_named(changed, message):
    given_ = {"sizes": [[4, 4]], "image_size": 4, "frame": Frame("crop", 1.0)} | changed
    with pytest.raises(ValueError, match=message):
        Frames.of_sizes(given_.pop("sizes"), **given_)
    frames = Frames.of_sizes([[4, 4]], image_size=4, frame=Frame("crop", 1.0))
    with pytest.raises(ValueError, match=r"points has shape \(2, 1, 2\), needs \(1, any, 2\)"):
        frames.points(np.zeros((2, 1, 2)))
    with pytest.raises(ValueError, match=r"boxes has shape \(1, 4\), needs \(1, any, 4\)"):
        frames.boxes(np.zeros((1, 4)))


@pytest.mark.parametrize(
    ("kind", "ratio", "message"),
    [
        ("crop", 0.0, "crop_ratio is 0.0"),
        ("crop", 1.1, "crop_ratio is 1.1"),
        ("squashed", 1.0, "frame is 'squashed'; it is one of crop, square, resize-600-crop"),
    ],
)
def test_an_unknown_frame_is_named(kind, ratio, message):
    with pytest.raises(ValueError, match=message):
        Frame(kind, ratio)


def test_the_three_frames_of_a_wide_picture_by_hand():
    """80 x 40 at 448 px: the side that is resized to, what of the width is kept."""
    for frame, resized in [
        (Frame("crop", PAPER_RATIO), [1200, 600]),
        (Frame("square"), [448, 448]),
        (Frame("resize-600-crop"), [600, 600]),
    ]:
        assert frame.resized([[80, 40]], 448).tolist() == [resized]
    whole = [[[0.0, 0.0, 80.0, 40.0]]]
    kept = {
        kind: Frames.of_sizes([[80, 40]], image_size=448, frame=Frame(kind, 1.0)).kept(whole)
        for kind in KINDS
    }
    assert kept["crop"] == 0.5
    assert kept["square"] == 1.0
    assert kept["resize-600-crop"] == pytest.approx(PAPER_RATIO**2)


def slow_frame(picture, size, kind, ratio):
    """The frame by hand: PIL alone, in floating point where the library uses whole numbers."""
    width, height = picture.size
    side = round(size / ratio)
    scale = side / min(width, height)
    wide, high = (int(width * scale + 1e-9), int(height * scale + 1e-9))
    if kind != "crop":
        wide = high = side
    resized = picture.resize((wide, high), Image.Resampling.BILINEAR)
    left, top = round((wide - size) / 2), round((high - size) / 2)
    return resized.crop((left, top, left + size, top + size))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([("crop", 0.8), ("square", 1.0), ("resize-600-crop", PAPER_RATIO)]),
    st.integers(8, 90),
    st.integers(8, 90),
    st.data(),
)
def test_boxes_and_points_lie_on_what_they_marked(frame, width, height, data):
    """A painted box is found where `Frames` puts it, in every frame of wide, tall, square pictures.

    The oracle reads pixels: the transform's picture is that of PIL by hand, and the painted area
    in it is the area of the moved box.
    """
    kind, ratio = frame
    x1, y1 = data.draw(st.integers(0, width - 4)), data.draw(st.integers(0, height - 4))
    x2, y2 = data.draw(st.integers(x1 + 4, width)), data.draw(st.integers(y1 + 4, height))
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[y1:y2, x1:x2] = 255
    picture, size = Image.fromarray(pixels), 40
    framing = Frame(kind, ratio)
    seen = eval_transform(size, PLAIN, frame=framing)(picture)[0].numpy()
    by_hand = np.asarray(slow_frame(picture, size, kind, ratio))[..., 0] / 255
    np.testing.assert_allclose(seen, by_hand, atol=1 / 255)
    frames = Frames.of_sizes([[width, height]], image_size=size, frame=framing)
    box = frames.boxes([[[x1, y1, x2, y2]]])[0, 0]
    inside = box.clip(0, size)
    area = (inside[2] - inside[0]) * (inside[3] - inside[1])
    rim = 2 * (size / min(width, height) / ratio + 1)  # of the filter, a pixel of the picture
    assert abs(seen.sum() - area) <= rim * 2 * (inside[2] - inside[0] + inside[3] - inside[1]) + rim


@pytest.mark.parametrize("kind", KINDS)
def test_training_crops_at_random_only_where_a_frame_leaves_room(kind):
    transform = train_transform(20, PLAIN, frame=Frame(kind, 0.8), flip=False)
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[..., 0] = np.arange(60) * 4
    pixels[..., 1] = np.arange(40)[:, None] * 4
    views = {transform(Image.fromarray(pixels), seed=(0, 0, i)).numpy().tobytes() for i in range(9)}
    assert (len(views) == 1) == (kind == "square")
