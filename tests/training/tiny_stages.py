"""Stages that train in a blink: a linear map on made-up points, a convolution with dropout."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from fgnb.training import TrainingData


@dataclass(frozen=True)
class TinySpec:
    seed: int = 0
    threads: int = 1
    kind: str = "linear"
    rate: float = 0.1
    epochs: int = 3
    max_steps: int | None = None
    workers: int = 0


class Points:
    """Points around one centre a class; the noise is a function of position."""

    def __init__(self, seed: int, count: int = 22) -> None:
        self.seed, self.count = seed, count

    def __len__(self):
        return self.count

    def __getitem__(self, position):
        epoch, index = position
        noise = np.random.default_rng((self.seed, epoch, index)).normal(size=(1, 6, 6))
        label = index % 3
        return torch.tensor(noise + label, dtype=torch.float32), label


class TinyModule(nn.Module):
    def __init__(self, spec: TinySpec) -> None:
        super().__init__()
        self.spec = spec
        if spec.kind in ("linear", "clipped"):
            self.net = nn.Sequential(nn.Flatten(), nn.Linear(36, 3))
        else:
            self.net = nn.Sequential(
                nn.Conv2d(1, 4, 3),
                nn.BatchNorm2d(4),
                nn.ReLU(),
                nn.Dropout(0.3),
                nn.Flatten(),
                nn.Linear(64, 3),
            )

    def forward(self, x):
        return self.net(x)

    def loss(self, batch):
        x, y = batch
        fit = nn.functional.cross_entropy(self(x), y)
        size = 1e-3 * sum(p.square().sum() for p in self.parameters())
        if self.spec.kind == "diverging":
            fit = fit / 0
        return {"loss": fit + size, "fit": fit, "size": size}

    def configure_optimizers(self):
        if self.spec.kind == "clipped":
            weight, bias = self.parameters()
            groups = [{"params": [weight], "clip_norm": 0.05}, {"params": [bias]}]
            optimizer = torch.optim.SGD(groups, self.spec.rate, momentum=0.9)
        elif self.spec.kind == "linear":
            optimizer = torch.optim.SGD(self.parameters(), self.spec.rate, momentum=0.9)
        else:
            optimizer = torch.optim.Adam(self.parameters(), self.spec.rate / 10)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class TinyStage:
    name = "tests/tiny"
    data_fingerprint = "made up"

    def __init__(self, **spec) -> None:
        self.spec = replace(TinySpec(), **spec)

    def data(self):
        seed = self.spec.seed

        def batches(epoch):
            order = np.random.default_rng((seed, epoch)).permutation(22).tolist()
            return [order[i : i + 4] for i in range(0, 22, 4)]

        return TrainingData(
            Points(seed), batches, self.spec.epochs, self.spec.max_steps, workers=self.spec.workers
        )

    def module(self):
        kind = "linear" if self.spec.kind == "diverging" else self.spec.kind
        module = TinyModule(replace(self.spec, kind=kind))
        module.spec = self.spec
        return module

    def validate(self, module):
        return {"held_out_accuracy": self._accuracy(module)}

    def predict(self, module):
        points = Points(self.spec.seed + 1)
        x = torch.stack([points[0, i][0] for i in range(len(points))])
        return {"ids": np.arange(len(points)), "logits": module(x).numpy()}

    def _accuracy(self, module):
        points = Points(self.spec.seed + 2)
        x = torch.stack([points[0, i][0] for i in range(len(points))])
        return float((module(x).argmax(1) == torch.arange(len(points)) % 3).float().mean())
