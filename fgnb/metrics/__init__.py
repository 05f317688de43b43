"""Measures of answers and of their certainty; numpy and scipy alone, torch tensors welcome."""

from fgnb.metrics.accuracy import Changes, accuracy, changes, topn_curve, true_class_ranks
from fgnb.metrics.calibration import (
    Reliability,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    temper,
)
from fgnb.metrics.keypoints import (
    Confusions,
    confusions,
    grid_ceiling,
    keypoint_hits,
    nearest_centres,
    part_overlaps,
    pck,
    pcp,
)
from fgnb.metrics.power import found_step, interval_found_step, mcnemar_power, none_of
from fgnb.metrics.statistics import (
    Interval,
    bootstrap,
    detectable_step,
    holm,
    mcnemar,
    mcnemar_cutoff,
    wilson,
)

__all__ = [
    "Changes",
    "Confusions",
    "Interval",
    "Reliability",
    "accuracy",
    "bootstrap",
    "changes",
    "confusions",
    "detectable_step",
    "expected_calibration_error",
    "fit_temperature",
    "found_step",
    "grid_ceiling",
    "holm",
    "interval_found_step",
    "keypoint_hits",
    "mcnemar",
    "mcnemar_cutoff",
    "mcnemar_power",
    "nearest_centres",
    "negative_log_likelihood",
    "none_of",
    "part_overlaps",
    "pck",
    "pcp",
    "reliability",
    "temper",
    "topn_curve",
    "true_class_ranks",
    "wilson",
]
