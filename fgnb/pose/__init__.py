"""Pose prediction, normalisation and recognition: keypoints first, then features there (pose)."""

from fgnb.pose.bilinear import (
    FullBilinear,
    RandomMaclaurin,
    TensorSketch,
    bilinear_pool,
    signed_sqrt_l2,
)
from fgnb.pose.classifier_stages import classifier_stage, global_stage
from fgnb.pose.decode import decode, refine
from fgnb.pose.flips import mirror_maps, mirror_points, symmetric_scores
from fgnb.pose.found import found_points
from fgnb.pose.grids import Grid, grid_of
from fgnb.pose.keypoints import Keypoints, Pose
from fgnb.pose.localiser_stages import localiser_head_stage, localiser_stage
from fgnb.pose.loss import keypoint_loss
from fgnb.pose.part_crops import crop_boxes
from fgnb.pose.part_stages import part_net_stage, part_nets_stage
from fgnb.pose.representation import JointRepresentation
from fgnb.pose.rows import ROWS, row_stage
from fgnb.pose.shared_stages import shared_stage
from fgnb.pose.stages import STAGES
from fgnb.pose.targets import keypoint_targets
from fgnb.pose.transfer import CoordinateTransfer, coordinate_transfer

__all__ = [
    "ROWS",
    "STAGES",
    "CoordinateTransfer",
    "FullBilinear",
    "Grid",
    "JointRepresentation",
    "Keypoints",
    "Pose",
    "RandomMaclaurin",
    "TensorSketch",
    "bilinear_pool",
    "classifier_stage",
    "coordinate_transfer",
    "crop_boxes",
    "decode",
    "found_points",
    "global_stage",
    "grid_of",
    "keypoint_loss",
    "keypoint_targets",
    "localiser_head_stage",
    "localiser_stage",
    "mirror_maps",
    "mirror_points",
    "part_net_stage",
    "part_nets_stage",
    "refine",
    "row_stage",
    "shared_stage",
    "signed_sqrt_l2",
    "symmetric_scores",
]
