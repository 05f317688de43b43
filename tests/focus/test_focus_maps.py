"""Maps of single classes beside their maximum: worked cases, and a trained stage's."""

import numpy as np
import pytest
import torch

from fgnb.data import load_rgb
from fgnb.data.transforms import eval_transform
from fgnb.focus import attention_map
from fgnb.focus.maps import ClassMaps, class_maps, every_class_map, trained_model
from fgnb.focus.noise import stability_under_noise
from fgnb.focus.proposals import cell_boxes


@pytest.fixture(scope="module")
def made():
    draw = torch.Generator().manual_seed(0)
    maps = [torch.randn(5, 3, 3, generator=draw) for _ in range(3)]
    maps[1][0] = maps[0][0]
    maps[1][1] = 2.0
    ids = np.arange(5)
    predicted = np.array([0, 1, 2, 0, 1])
    return ClassMaps(
        ids, np.array([0, 0, 2, 1, 1]), predicted, *maps, cell_boxes(96, 3, 40.0, "shift"), 0.25
    )


def test_where_the_prediction_is_wrong(made):
    assert made.wrong.tolist() == [False, True, False, True, False]


def test_shared_regions_are_those_in_both_lists(made):
    mine, theirs = (made.chosen(kind, 4).tolist() for kind in ("predicted", "maximum"))
    slow = [len(set(a) & set(b)) / 4 for a, b in zip(mine, theirs, strict=True)]
    shared = made.shared("predicted", "maximum", 4)
    assert shared.tolist() == slow
    assert shared[0] == 1


def test_correlation_is_numpys(made):
    found = made.correlation("true", "maximum")
    for row in range(5):
        pair = made.of_true[row].flatten().numpy(), made.maximum[row].flatten().numpy()
        assert found[row] == pytest.approx(np.corrcoef(*pair)[0, 1], abs=1e-6)
    flat = made.correlation("predicted", "maximum")
    assert flat[0] == pytest.approx(1)
    assert flat[1] == 0


def test_an_unknown_kind_is_named(made):
    with pytest.raises(ValueError, match="kind is 'mean'; it is one of maximum, predicted, true"):
        made.of("mean")


def test_a_trained_stages_maps(trained):
    stage, run = trained
    found, kept = class_maps(stage, run), run.predictions
    torch.testing.assert_close(found.maximum, torch.from_numpy(kept["query_maps"]))
    assert found.predicted.tolist() == kept["query_image_probs"].argmax(1).tolist()
    assert np.array_equal(found.labels, kept["query_labels"])
    boxes = stage.anchors.boxes[found.chosen("maximum", 6)].numpy()
    assert np.array_equal(boxes, kept["query_boxes"])
    module = stage.module()
    run.load_weights(module)
    head = module.model.image
    for query in range(4):
        each = every_class_map(stage, run, query, sigma=stage.spec.sigma)
        assert each.shape == (2, 4, 4)
        truth, guess = int(found.labels[query]), int(found.predicted[query])
        torch.testing.assert_close(each[truth], found.of_true[query], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(each[guess], found.of_predicted[query], rtol=1e-4, atol=1e-4)
        (batch,) = stage.zoomed.batches(stage.query_index[query : query + 1])
        with torch.no_grad():
            last = module.model.extractor.whole(batch.inputs)[-1]
            plain = attention_map(
                last, head.weight, sigma=0, reduce="class", classes=torch.tensor([1])
            )
        small = every_class_map(stage, run, query)[1]
        expected = torch.nn.functional.interpolate(plain[:, None], scale_factor=2, mode="bilinear")[
            0, 0
        ]
        torch.testing.assert_close(small, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="query is 4, needs 0 to 3"):
        every_class_map(stage, run, 4)


def test_regions_in_noise_by_a_loop(trained):
    stage, run = trained
    assert [
        kept.tolist() for kept in stability_under_noise(stage, run, noise=0.0, sigmas=[1.0])
    ] == [[1.0] * 4]
    found = stability_under_noise(stage, run, noise=3.0, sigmas=[1.0, 0.0], seed=5)
    model, spec = trained_model(stage, run), stage.spec
    info = model.backbone.info
    transform = eval_transform(spec.image_size, info, frame=spec.framing)
    pictures = [transform(load_rgb(stage.images.path(int(row)))) for row in stage.query_index]
    noise = torch.randn(4, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    for kept, sigma in zip(found, (1.0, 0.0), strict=True):
        for query, picture in enumerate(pictures):
            clean, noisy = (
                chosen_one_by_one(model, look, sigma)
                for look in (picture, picture + 3.0 * noise[query])
            )
            slow = np.mean([max(overlap(a, b) for b in noisy) for a in clean])
            assert kept[query] == pytest.approx(slow, abs=1e-5)
    assert min(float(kept.min()) for kept in found) < 1
    with pytest.raises(ValueError, match="noise is -1; it should be 0 or more"):
        stability_under_noise(stage, run, noise=-1, sigmas=[0.0])


def chosen_one_by_one(model, picture, sigma):
    with torch.no_grad():
        attention = model.attend(model.backbone(picture[None]), sigma=sigma)[0].flatten()
    boxes = model.anchors(torch.device("cpu")).boxes.tolist()
    taken = []
    for cell in attention.argsort(descending=True, stable=True).tolist():
        if all(overlap(boxes[cell], box) <= model.spec.iou for box in taken):
            taken.append(boxes[cell])
    rest = attention.argsort(descending=True, stable=True).tolist()
    taken += [boxes[cell] for cell in rest if boxes[cell] not in taken]
    return taken[: model.spec.concatenated]


def overlap(a, b):
    sides = [max(0.0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1)]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    inside = sides[0] * sides[1]
    return inside / (sum(areas) - inside)
