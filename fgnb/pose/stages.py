"""pose's stages by the names of the command line: ``fgnb train pose/localiser``."""

from __future__ import annotations

from collections.abc import Callable

from fgnb import training
from fgnb.pose.classifier_stages import classifier_stage, global_stage
from fgnb.pose.equal_compute import equal_compute_stage
from fgnb.pose.localiser_stages import (
    localiser_at_once_stage,
    localiser_head_stage,
    localiser_stage,
)
from fgnb.pose.part_stages import part_net_stage, part_nets_stage
from fgnb.pose.shared_stages import shared_stage

STAGES: dict[str, Callable[..., training.Stage]] = {
    "localiser-head": localiser_head_stage,
    "localiser": localiser_stage,
    "localiser-at-once": localiser_at_once_stage,
    "global": global_stage,
    "classifier": classifier_stage,
    "shared": shared_stage,
    "equal-compute": equal_compute_stage,
    "part-net": part_net_stage,
    "part-nets": part_nets_stage,
}
