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
    "Interval",
    "Reliability",
    "accuracy",
    "bootstrap",
    "changes",
    "detectable_step",
    "expected_calibration_error",
    "fit_temperature",
    "found_step",
    "holm",
    "interval_found_step",
    "mcnemar",
    "mcnemar_cutoff",
    "mcnemar_power",
    "negative_log_likelihood",
    "none_of",
    "reliability",
    "temper",
    "topn_curve",
    "true_class_ranks",
    "wilson",
]
