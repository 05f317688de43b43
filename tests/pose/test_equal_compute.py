"""The plain backbone on as many pixels as localiser and classifier see."""

import pytest

from fgnb import data, pose, presets


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    scale = presets.get("smoke", species=2, families=1, train_per_class=4, test_per_class=1)
    return data.open_images("drawn", data_root=tmp_path_factory.mktemp("data"), preset=scale)


def stage(images, preset="smoke", **options):
    scale = presets.get(preset)
    return pose.row_stage(
        "equal-compute", scale, images, backbone="resnet18", weights="random", **options
    )


@pytest.mark.parametrize("preset", ["smoke", "demo"])
def test_it_sees_at_least_both_networks_pixels_and_no_more_than_it_must(images, preset):
    plain = pose.row_stage(
        "plain", presets.get(preset), images, backbone="resnet18", weights="random"
    )
    control, side = stage(images, preset), plain.spec.image_size
    assert control.spec.image_size**2 >= 2 * side**2 > (control.spec.image_size - 32) ** 2
    alike = {"epochs", "lr", "cut", "batch_size", "frame", "fold", "seed"}
    assert {n: getattr(control.spec, n) for n in alike} == {
        n: getattr(plain.spec, n) for n in alike
    }


def test_an_image_size_is_that_of_one_look(images):
    assert stage(images, image_size=32).spec.image_size == 64
    assert stage(images, image_size=32, looks=1).spec.image_size == 32


def test_no_look_is_refused(images):
    with pytest.raises(ValueError, match="looks is 0; it should be 1 at least"):
        stage(images, looks=0)
