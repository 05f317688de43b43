"""One door decides where networks run; what is compared to the last digits goes to the CPU."""

from pathlib import Path

import torch

from fgnb.nn.device import device, on_cpu
from fgnb.training import environment

CODE = Path(__file__).parents[2] / "fgnb"
KNOWS_CUDA = {
    "nn/device.py",
    "training/loop.py",
    "training/positions.py",
    "training/environment.py",
}


def test_the_gpu_is_taken_unless_the_cpu_is_asked_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device() == environment.device() == torch.device("cuda", 0)
    with on_cpu():
        assert device() == environment.device() == torch.device("cpu")
    assert device().type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device() == torch.device("cpu")


def test_no_other_module_decides_it():
    files = [file for file in CODE.rglob("*.py") if "cuda" in file.read_text()]
    assert {file.relative_to(CODE).as_posix() for file in files} == KNOWS_CUDA
