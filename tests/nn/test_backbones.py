"""Backbones: installed weights, the cut, batch normalisation, weights that can't be had."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from fgnb.nn import weights as weights_module
from fgnb.nn.backbones import NO_CUT, create_backbone, global_pool
from fgnb.nn.weight_files import WeightsError, read_tensors
from fgnb.nn.weights import weights_info


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(2, 3, 96, 96, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(
    ("name", "cut"),
    [("efficientnet_lite0", 16), ("efficientnet_lite0", 1), ("resnet50", 16), ("vgg16", 16)],
)
def test_trunk_and_tail_together_are_timms_network(name, cut, pictures):
    torch.manual_seed(3)
    ours = create_backbone(name, "random", cut=cut)
    torch.manual_seed(3)
    theirs = timm.create_model(weights_module.architecture(name), pretrained=False).eval()
    with torch.inference_mode():
        # timm's own forward, up to its pooling; vgg16's features end before its fc layers
        whole = theirs.features(pictures) if name == "vgg16" else theirs.forward_features(pictures)
        # folded normalisation rounds elsewhere
        torch.testing.assert_close(ours(pictures), whole, rtol=1e-4, atol=1e-4)
        assert ours.trunk(pictures).shape[-1] == 96 // cut
    assert ours.num_features == whole.shape[1]


def test_the_installed_weights_are_imagenets():
    """The same network through timm, tensor by tensor, and real weights: not a random start."""
    info = weights_info("efficientnet_lite0")
    assert info.sha256.startswith("57934424")  # the package names its file by this hash
    ours = create_backbone(cut=NO_CUT)
    path = weights_module.weight_file("efficientnet_lite0", "imagenet")
    tensors = list(read_tensors(path).values())
    assert len(tensors) == 296
    assert torch.equal(ours.tail[0][0].weight, tensors[0])
    assert torch.equal(ours.tail[-1][0].weight, next(t for t in tensors if t.shape[:1] == (1280,)))


def test_maps_are_found_by_stride_not_by_index(pictures):
    found = create_backbone("efficientnet_lite0", "random").maps(pictures, (4, 16, 8))
    assert [(stride, m.shape[1], m.shape[2]) for stride, m in found.items()] == [
        (4, 24, 24),
        (16, 112, 6),
        (8, 40, 12),
    ]
    with pytest.raises(ValueError, match=r"strides holds \[5\]"):
        create_backbone("resnet18", "random").maps(pictures, (5,))


def test_batch_statistics_are_never_updated(pictures):
    backbone = create_backbone("resnet18", "random").train()
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    backbone(pictures)
    assert backbone.training
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_buffers())


def test_unknown_names_and_cuts_are_refused():
    with pytest.raises(ValueError, match="backbone is 'resnet51'; known are efficientnet_lite0"):
        create_backbone("resnet51")
    with pytest.raises(ValueError, match="cut is 7"):
        create_backbone("resnet18", "random", cut=7)
    with pytest.raises(ValueError, match="nothing of resnet18 lies above"):
        create_backbone("resnet18", "random", cut=32)


def test_weights_that_cannot_be_had_are_an_error(tmp_path, monkeypatch):
    with pytest.raises(WeightsError, match="nor an existing file"):
        create_backbone("resnet18", str(tmp_path / "none.safetensors"))

    def unreachable(*_args, **_kwargs):
        raise ConnectionError("no network")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", unreachable)
    with pytest.raises(WeightsError, match="weights=random"):
        create_backbone("resnet50")


def test_a_truncated_file_and_one_of_another_network_are_named(tmp_path):
    network = timm.create_model("resnet18", pretrained=False)
    good = tmp_path / "good.safetensors"
    save_file(network.state_dict(), good)
    create_backbone("resnet18", str(good))
    short = tmp_path / "short.safetensors"
    short.write_bytes(good.read_bytes()[:1000])
    with pytest.raises(WeightsError, match=r"short.safetensors is damaged"):
        create_backbone("resnet18", str(short))
    with pytest.raises(WeightsError, match="does not hold the weights of resnet50"):
        create_backbone("resnet50", str(good))


def test_global_pool_is_the_mean_over_cells():
    feature_map = torch.arange(12.0).reshape(1, 2, 2, 3)
    assert global_pool(feature_map).tolist() == [[2.5, 8.5]]


@pytest.mark.parametrize("cut", [1, 8, 16])
def test_maps_above_the_trunk_are_those_of_the_whole_network(cut):
    network = create_backbone("resnet18", "random", cut=cut)
    pictures = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = network.maps(pictures, (16, 32))
        above = network.maps_above(network.trunk(pictures), (16, 32))
    for stride in (16, 32):
        assert torch.equal(whole[stride], above[stride])


def test_no_map_below_the_trunks_own_can_be_asked_for():
    network = create_backbone("resnet18", "random", cut=16)
    with pytest.raises(ValueError, match=r"strides holds \[8\]; the trunk ends at stride 16"):
        network.maps_above(torch.zeros(1, 256, 4, 4), (8, 32))
