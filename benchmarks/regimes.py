"""Look for a regime in which training the plain backbone beats a logistic regression.

Six regimes (what is frozen, random crops, rate, passes) are trained on four fifths of the training
images of the whole of CUB-200-2011 and answer the held-out fifth: their start (the logistic
regression with cross-validated C), the mean of start and end, and their end. The best is then
trained once more with another fifth held out, and answers those of its images that the first fifth
had not. The test images are never read. `fgnb.baselines.regime` takes what comes out.

    python benchmarks/regimes.py DATA_ROOT [REGIME ...]      # the folder that holds CUB_200_2011
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from shares import accuracy

from fgnb import data, presets, training
from fgnb.baselines.plain import PlainSpec, PlainStage
from fgnb.ccfr import global_stage
from fgnb.data import load_rgb, shuffled_batches
from fgnb.data.transforms import train_transform
from fgnb.metrics import mcnemar
from fgnb.nn.backbones import NO_CUT
from fgnb.nn.cache import stored_folder
from fgnb.nn.maps import seeded_backbone
from fgnb.nn.weights import weights_info
from fgnb.training.settings import deterministic

CHOSEN_ON, CONFIRMED_ON = 0, 1  # which fifth is held out
REGIMES: dict[str, dict[str, float]] = {
    "stride 8": {"cut": 8, "lr": 0.01, "epochs": 8},
    "stride 8, four crops": {"cut": 8, "lr": 0.01, "epochs": 8, "crops": 4},
    "stride 8, twice the rate": {"cut": 8, "lr": 0.02, "epochs": 8},
    "stride 16": {"cut": 16, "lr": 0.01, "epochs": 8},
    "stride 16, small rate": {"cut": 16, "lr": 0.002, "epochs": 4},
    "nothing frozen": {"cut": NO_CUT, "lr": 0.01, "epochs": 2},
}
TARGET = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class CroppedSpec(PlainSpec):
    """The plain recipe on ``crops`` cached random crops an image; 0: the centre and its mirror."""

    crops: int = 0


class CroppedInputs:
    """Training samples by ``(epoch, index)``: one of an image's cached crops."""

    def __init__(self, stage: CroppedStage) -> None:
        self.stage = stage

    def __len__(self) -> int:
        return len(self.stage.train_index)

    def __getitem__(self, position: tuple[int, int]) -> tuple[torch.Tensor, int]:
        epoch, index = position
        stage, row = self.stage, int(self.stage.train_index[index])
        crops = stage.spec.crops
        first = int(np.random.default_rng((stage.spec.seed, row)).integers(crops))
        crop = np.array(stage.crops[index, (first + epoch) % crops])
        return torch.from_numpy(crop), int(stage.images.labels[row])


class CroppedStage(PlainStage):
    """The plain stage on cached random crops."""

    spec: CroppedSpec

    @cached_property
    def crops(self) -> np.ndarray:
        """Trunk maps of random, maybe mirrored crops ``[N, crops, D, h, w]``."""
        spec = self.spec

        def build(work: Path) -> None:
            network = seeded_backbone(spec.backbone, self.weights, cut=spec.cut, seed=spec.seed)
            info = weights_info(spec.backbone, self.weights)
            cut_out = train_transform(spec.image_size, info, frame=spec.framing)
            shape = (len(self.train_index), spec.crops, *self.cache.maps.shape[2:])
            maps = np.lib.format.open_memmap(work / "crops.npy", "w+", np.float32, shape)
            with deterministic(spec.threads), torch.inference_mode():
                for start in range(0, len(self.train_index), 8):
                    rows = self.train_index[start : start + 8].tolist()
                    pictures = [load_rgb(self.images.path(row)) for row in rows]
                    some = torch.stack(
                        [
                            cut_out(picture, seed=(spec.seed, crop, row))
                            for row, picture in zip(rows, pictures, strict=True)
                            for crop in range(spec.crops)
                        ]
                    )
                    found = network.trunk(some.contiguous(memory_format=torch.channels_last))
                    maps[start : start + 8] = found.unflatten(0, (len(rows), spec.crops)).numpy()
            maps.flush()

        described = {"maps": self.cache.key, "crops": spec.crops, "fold": spec.fold_seed}
        folder = stored_folder("crops", described, build, None)
        return np.load(folder / "crops.npy", mmap_mode="r")

    def data(self) -> training.TrainingData:
        """As the plain stage's, of crops."""
        size, count, seed = self.spec.batch_size, len(self.train_index), self.spec.seed
        return replace(
            super().data(),
            dataset=CroppedInputs(self),
            batches=lambda epoch: shuffled_batches(count, size, seed, epoch),
        )


def stage_of(images: data.ImageSet, regime: dict[str, float], fold: int) -> PlainStage:
    """The plain backbone in a regime, four fifths to train on."""
    changes = {"average": 0.0, **regime}
    crops = changes.pop("crops", 0)
    scale = presets.get("demo", loader_workers=2 if regime["cut"] == NO_CUT else 0)
    made = global_stage(scale, images, fold="held-out", fold_seed=fold, **changes)
    if not crops:
        return made
    spec = CroppedSpec(**vars(made.spec), crops=crops)
    return CroppedStage(images, spec, made.weights, "benchmarks/crops")


def answers(stage: PlainStage) -> dict[str, np.ndarray]:
    """Probabilities of the held-out images: start, mean of start and end, end."""
    run = training.fit(stage)
    kept = run.predictions
    stage.spec = replace(stage.spec, average=0.5)
    module = stage.module()
    run.load_weights(module)
    stage.finish(module)
    with deterministic(stage.spec.threads):
        mean = stage._infer(module, stage.query_index)[0]
    return {"start": kept["query_logistic_probs"], "mean": mean, "end": kept["query_probs"]}


def measured(images: data.ImageSet, regime: dict[str, float], fold: int) -> dict[str, object]:
    """The figures of a regime on a held-out fifth."""
    began, stage = time.monotonic(), stage_of(images, regime, fold)
    given, truth = answers(stage), images.labels[stage.query_index]
    right = {name: probs.argmax(1) == truth for name, probs in given.items()}
    if fold == CONFIRMED_ON:
        fresh = ~np.isin(stage.query_index, images.fold("held-out", CHOSEN_ON)[1])
        right = {name: one[fresh] for name, one in right.items()}
    return {
        **regime,
        "held_out_images": len(right["end"]),
        "seconds": round(time.monotonic() - began),
        **{name: accuracy(one) for name, one in right.items()},
        "p_of_end_against_start": mcnemar(right["end"], right["start"]),
        "p_of_mean_against_start": mcnemar(right["mean"], right["start"]),
    }


def main(data_root: str, *names: str) -> None:
    """Train the regimes that are not yet in the table beside this script; then the confirmation."""
    scale = presets.get("demo")
    images = data.open_images("cub", data_root=data_root, preset=scale)
    known = {"dataset": images.title, "manifest": images.fingerprint, "test_reads": 0}
    table = json.loads(TARGET.read_text(encoding="utf-8")) if TARGET.is_file() else known
    table["listed"] = list(REGIMES)
    rows = table.setdefault("rows", {})
    for name in names or REGIMES:
        if name not in rows:
            rows[name] = measured(images, REGIMES[name], CHOSEN_ON)
            TARGET.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
            print(name, rows[name], flush=True)
    if not names:
        best = max(rows, key=lambda name: rows[name]["end"]["accuracy"])
        table["confirmed"] = {"regime": best, **measured(images, REGIMES[best], CONFIRMED_ON)}
        TARGET.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        print("confirmed", table["confirmed"], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
