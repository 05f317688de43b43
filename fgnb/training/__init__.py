"""Training: a stage in, a run out; knows no model, and nothing else trains anything."""

from fgnb.training.fit import Identity, describe_plan, fit, identity
from fgnb.training.run import Run
from fgnb.training.stage import Samples, Stage, StageModule, TrainingData

__all__ = [
    "Identity",
    "Run",
    "Samples",
    "Stage",
    "StageModule",
    "TrainingData",
    "describe_plan",
    "fit",
    "identity",
]
