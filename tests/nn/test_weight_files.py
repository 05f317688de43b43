"""Weight files as the programs of this field save them: opened, matched by name, or refused."""

import argparse
import itertools
import re

import pytest
import pytorch_lightning as pl
import timm
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from timm.models.resnet import BasicBlock, ResNet

from fgnb.nn.backbones import create_backbone
from fgnb.nn.weight_files import WRAPPERS, WeightsError, read_tensors
from fgnb.nn.weight_names import lite_names
from fgnb.nn.weights import fill, weight_file


def tiny(classes=1000, seed=0, layers=(1, 1, 1, 1)):
    """A network with the names of a resnet and a few thousand weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ResNet(BasicBlock, layers, num_classes=classes, channels=(4, 4, 4, 8))


def body(network):
    return {n: part.clone() for n, part in network.state_dict().items() if not n.startswith("fc.")}


def filled(path):
    network = tiny(seed=1)
    fill(network, "resnet18", read_tensors(path), path)
    return network


PREFIXES = ("", "module.", "model.", "backbone.", "encoder.", "_orig_mod.", "net.", "visual.trunk.")
PARTS = st.lists(st.sampled_from(PREFIXES[1:]), max_size=3).map("".join)
CLASSES = st.sampled_from([None, 1, 7, 1000])
HEADS = st.sampled_from(["fc", "head", "head.fc", "classifier.1", "last_linear"])


@st.composite
def files(draw):
    """What a training program may have saved of ``tiny()``: suffix, content."""
    state, prefix = body(tiny()), draw(PARTS)
    classes = draw(CLASSES)
    if classes is not None:
        state[f"{draw(HEADS)}.weight"] = torch.zeros(classes, 64)
    if draw(st.booleans()):
        state = {n: part for n, part in state.items() if "num_batches" not in n}
    if draw(st.booleans()):
        state = {n: p.half() if p.is_floating_point() else p for n, p in state.items()}
    names = draw(st.permutations(list(state)))
    found = {f"{prefix}{name}": state[name] for name in names}
    if prefix and draw(st.booleans()):
        found |= {"loss.weight": torch.ones(3), "projector.0.weight": torch.ones(4, 4)}
    if draw(st.booleans()):
        return ".safetensors", found
    for wrapper in draw(st.lists(st.sampled_from(WRAPPERS), max_size=2)):
        found = {"epoch": 3, wrapper: found, "best": torch.tensor(0.5), "optimizer": {"state": {}}}
    return draw(st.sampled_from([".pth", ".ckpt", ".bin"])), found


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files())
def test_prefixes_wrappers_and_heads_do_not_matter(tmp_path, file):
    suffix, content = file
    path = tmp_path / f"saved{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(content, path)
    found, expected = filled(path).state_dict(), body(tiny())
    for name, part in expected.items():
        torch.testing.assert_close(found[name], part, rtol=1e-3, atol=1e-3)
    assert torch.equal(found["fc.weight"], tiny(seed=1).state_dict()["fc.weight"])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(PARTS, st.sampled_from(["missing", "shape", "place"]), st.data())
def test_the_first_wrong_name_is_said(tmp_path, prefix, fault, data):
    state = body(tiny())
    name = data.draw(st.sampled_from([n for n in state if n.endswith(("weight", "running_mean"))]))
    message = rf"saved\.pth does not hold the weights of resnet18: {re.escape(prefix)}"
    if fault == "missing":
        del state[name]
        message += re.escape(f"{name} is missing")
    elif fault == "shape":
        state[name] = torch.zeros(3, 2)
        message += re.escape(f"{name} is (3, 2), needs ")
    else:
        state["layer2.7.conv1.weight"] = torch.zeros(1)
        message += re.escape("layer2.7.conv1.weight has no place in it")
    path = tmp_path / "saved.pth"
    torch.save({f"{prefix}{n}": part for n, part in state.items()}, path)
    with pytest.raises(WeightsError, match=message) as caught:
        filled(path)
    assert "\n" not in str(caught.value)


def test_a_deeper_network_is_another_though_every_name_is_in_it(tmp_path):
    path = tmp_path / "deep.pth"
    torch.save(tiny(layers=(1, 1, 2, 1)).state_dict(), path)
    with pytest.raises(WeightsError, match=r"layer3\.1\.conv1\.weight has no place in it \(and 1"):
        filled(path)


def test_of_two_networks_the_usual_prefix_counts_else_neither(tmp_path):
    ours, other = body(tiny()), body(tiny(seed=5))

    def saved(*prefixes):
        path = tmp_path / "two.pth"
        parts = zip(prefixes, (ours, other), strict=True)
        torch.save({f"{p}{n}": t for p, state in parts for n, t in state.items()}, path)
        return path

    assert torch.equal(
        filled(saved("model.backbone.", "model.momentum.")).conv1.weight, ours["conv1.weight"]
    )
    for prefixes in (("encoder_q.", "encoder_k."), ("model.", "module.")):
        with pytest.raises(
            WeightsError, match=r"two\.pth holds several networks, under '.*save one"
        ):
            filled(saved(*prefixes))
    path = tmp_path / "dino.pth"
    torch.save({"student": ours, "teacher": other, "epoch": 1}, path)
    with pytest.raises(WeightsError, match="holds several networks: student, teacher"):
        filled(path)
    torch.save({"state_dict": other, "state_dict_ema": ours}, path)
    assert torch.equal(filled(path).conv1.weight, ours["conv1.weight"])
    torch.save({"state_dict": ours, "state_dict_ema": None}, path)
    assert torch.equal(filled(path).conv1.weight, ours["conv1.weight"])


class Lit(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.backbone = tiny()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def test_a_checkpoint_of_lightning(tmp_path):
    module = Lit()
    trainer = pl.Trainer(
        **{"max_steps": 0, "logger": False, "enable_checkpointing": False, "accelerator": "cpu"},
        **{
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "default_root_dir": tmp_path,
        },
    )
    trainer.strategy.connect(module)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    found = filled(tmp_path / "last.ckpt")
    assert torch.equal(found.conv1.weight, module.backbone.conv1.weight)


class Opens:
    """What must never run."""

    def __reduce__(self):
        return (open, ("never.txt", "w"))


def unreadable(folder):
    network = torch.nn.Linear(3, 2)
    for name, content in {
        "empty.pth": b"",
        "empty.safetensors": b"",
        "page.pth": b"<!DOCTYPE html>\n<html>Not found</html>",
        "pointer.bin": b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 1\n",
        "index.json": b'{"metadata": {}}',
        "noise.pth": bytes(range(256)) * 4,
    }.items():
        (folder / name).write_bytes(content)
    torch.save(network, folder / "module.pth")
    torch.save({"state_dict": {}, "args": argparse.Namespace(a=1)}, folder / "options.pth")
    torch.save({"w": Opens()}, folder / "code.pth")
    torch.save([torch.zeros(2)], folder / "list.pth")
    torch.save({"epoch": 1, "lr": 0.1}, folder / "none.pth")
    torch.save({"a.b": torch.zeros(2)}, folder / "other.pth")
    return folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty.pth", "is empty; fetch it again"),
        ("empty.safetensors", "is empty; fetch it again"),
        ("page.pth", r"is text \('<!DOCTYPE html>' and so on\), no weights"),
        ("pointer.bin", "is a pointer of Git LFS.* run git lfs pull"),
        ("index.json", "is text"),
        ("noise.pth", "is damaged or of another format"),
        (
            "module.pth",
            r"holds Python objects besides tensors \(torch\.nn\.modules\.linear\.Linear\)",
        ),
        ("options.pth", r"holds Python objects besides tensors \(argparse\.Namespace\)"),
        ("code.pth", r"holds Python objects besides tensors \(io\.open\).*never run"),
        ("list.pth", "holds a list, needs a dictionary of tensors by name"),
        ("none.pth", "holds no tensors by name, but epoch, lr; save a state_dict"),
        ("other.pth", r"no name agrees, the file begins with a\.b, the network with conv1\.weight"),
        ("missing.pth", "there is no weight file"),
    ],
)
def test_what_is_no_weight_file_is_said_in_one_line(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    path = unreadable(tmp_path) / name
    with pytest.raises(WeightsError, match=message) as caught:
        filled(path)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)
    assert not (tmp_path / "never.txt").exists()


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
def test_a_file_cut_anywhere_is_refused(tmp_path, form):
    whole, path = tmp_path / "whole", tmp_path / "cut.pth"
    state = torch.nn.Linear(3, 2).state_dict()
    if form == "safetensors":
        save_file(state, whole)
    else:
        torch.save(state, whole, _use_new_zipfile_serialization=form == "zip")
    data = whole.read_bytes()
    for end in range(0, len(data) - 1, 7):
        path.write_bytes(data[:end])
        with pytest.raises(WeightsError, match=r"cut\.pth"):
            read_tensors(path)


def test_the_suffix_does_not_matter(tmp_path):
    state = body(tiny())
    save_file(state, tmp_path / "model.pth")
    torch.save(state, tmp_path / "model.safetensors")
    for name in ("model.pth", "model.safetensors"):
        assert torch.equal(filled(tmp_path / name).conv1.weight, state["conv1.weight"])


def test_the_packages_names_are_timms_in_order():
    state = read_tensors(weight_file("efficientnet_lite0", "imagenet"))
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    own = [name for name in network.state_dict() if not name.startswith("classifier")]
    theirs = [name for name in state if not name.startswith("_fc")]
    assert list(lite_names(own).items()) == list(zip(theirs, own, strict=True))


@pytest.fixture(scope="module")
def lite():
    """Timm's network with the installed weights."""
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    path = weight_file("efficientnet_lite0", "imagenet")
    fill(network, "efficientnet_lite0", read_tensors(path), path)
    return network


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("head", [True, False])
def test_lite0_under_timms_names_and_the_packages_in_any_order(tmp_path, lite, prefix, head):
    timms = lite.state_dict()
    package = read_tensors(weight_file("efficientnet_lite0", "imagenet"))
    expected = create_backbone().state_dict()
    for state in (timms, package):
        kept = {
            f"{prefix}{n}": part.contiguous()
            for n, part in state.items()
            if head or not n.startswith(("classifier", "_fc"))
        }
        save_file(kept, tmp_path / "lite.safetensors")  # sorts by type and name
        found = create_backbone("efficientnet_lite0", str(tmp_path / "lite.safetensors"))
        assert all(torch.equal(part, expected[n]) for n, part in found.state_dict().items())


def test_another_number_of_classes_and_none_for_every_architecture(tmp_path):
    for name, heads in (("resnet18", "fc."), ("vgg16", ("pre_logits.", "head."))):
        torch.manual_seed(2)
        state = timm.create_model(name, pretrained=False, num_classes=3).state_dict()
        torch.save(
            {"model": {k: v for k, v in state.items() if not k.startswith(heads)}}, tmp_path / "a"
        )
        found = create_backbone(name, str(tmp_path / "a"), cut=1).state_dict()
        body_ = [v for k, v in state.items() if not k.startswith(heads)]
        assert all(torch.equal(a, b) for a, b in zip(found.values(), body_, strict=True))


@pytest.mark.parametrize("prefix", ["backbone.", "model.backbone.", "scorer.backbone."])
def test_the_weights_of_a_run_are_a_backbone(tmp_path, prefix):
    trained = create_backbone("resnet18", "random", cut=8)
    state = {f"{prefix}{n}": part for n, part in trained.state_dict().items()}
    state |= {"head.weight": torch.zeros(3, 512), "head.bias": torch.zeros(3)}
    path = tmp_path / "weights.safetensors"
    save_file(state, path)
    pictures = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        for cut in (8, 16):
            found = create_backbone("resnet18", str(path), cut=cut)
            torch.testing.assert_close(found(pictures), trained(pictures), rtol=1e-4, atol=1e-5)
    assert found.info.tag == "weights"
    same = create_backbone("resnet18", str(path), cut=8).state_dict()
    assert all(torch.equal(part, same[n]) for n, part in trained.state_dict().items())
    with pytest.raises(
        WeightsError, match=r"cut is 4; weights\.safetensors .* cut at stride 8.*cut=8"
    ):
        create_backbone("resnet18", str(path), cut=4)
    with pytest.raises(WeightsError, match="another network"):
        create_backbone("efficientnet_lite0", str(path))
    with pytest.raises(WeightsError, match=rf"resnet50: {prefix}trunk\.1.*needs"):
        create_backbone("resnet50", str(path))


def test_a_run_with_two_backbones_gives_the_whole_images(tmp_path):
    whole, region = (create_backbone("resnet18", "random", cut=16) for _ in range(2))
    parts = itertools.product(("model.backbone.", "model.region_backbone."), [None])
    state = {
        f"{prefix}{n}": part
        for (prefix, _), network in zip(parts, (whole, region), strict=True)
        for n, part in network.state_dict().items()
    }
    save_file(state, tmp_path / "two.safetensors")
    found = create_backbone("resnet18", str(tmp_path / "two.safetensors")).state_dict()
    assert all(torch.equal(part, found[n]) for n, part in whole.state_dict().items())


def test_weights_are_a_word_or_a_file(tmp_path):
    with pytest.raises(ValueError, match="weights is None, needs 'imagenet', 'random' or a file"):
        create_backbone("resnet18", None)
    with pytest.raises(WeightsError, match="nor an existing file"):
        create_backbone("resnet18", str(tmp_path))
