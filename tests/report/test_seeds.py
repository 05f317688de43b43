"""Tables over several seeds: the mean, an interval over seeds and images, and no column more."""

import re

import numpy as np
import pytest

from fgnb.report import regimes, seeds
from fgnb.report.layout import Step, rows_table
from fgnb.report.records import Record

SPEC = {"cut": 8, "average": 0.0}
TABLE = rows_table(
    "Table 3",
    "ccfr.table3.{row}",
    {"plain": "Backbone alone", "fusion": "+ fusion"},
    {"fusion": Step("plain", ("ccfr.claim.fusion-helps",), "Fusion helps")},
)
N = 400


@pytest.fixture
def record(origin):
    def make(row, seed, share, first=1):
        labels = np.arange(N) % 10
        right = np.random.default_rng([len(row), seed]).random(N) < share
        arrays = {
            "ids": np.arange(first, first + N),
            "labels": labels,
            "classes": np.where(right, labels, (labels + 1) % 10),
        }
        about = origin(spec=SPEC | {"seed": seed}, seeds=(seed,), recorded="2026-01-01 10:00")
        return Record("ccfr", row, arrays, about)

    return make


def right_of(record):
    return record.arrays["classes"] == record.arrays["labels"]


def by_hand(first, second, draws=4000):
    """The crossed bootstrap as a loop: the same seeds and images for both rows."""
    rng = np.random.default_rng(1)
    gains = []
    for _ in range(draws):
        of = rng.integers(len(first), size=len(first))
        images = rng.integers(N, size=N)
        gains.append((first[of][:, images].mean() - second[of][:, images].mean()) * 100)
    return np.quantile(gains, [0.025, 0.975])


def test_a_step_over_seeds_is_the_mean_with_seeds_and_images_drawn_anew(record):
    shares = [0.6, 0.75, 0.68]
    full = [record("fusion", seed, share) for seed, share in enumerate(shares)]
    plain = [record("plain", seed, 0.6) for seed in range(3)]
    found = regimes.sheets([*full, *plain], ["plain", "fusion"])
    text = seeds.over_seeds(TABLE, found)
    a, b = (np.stack([right_of(r) for r in rows]) for rows in (full, plain))
    gain = 100 * (a.mean() - b.mean())
    assert f"{gain:+.2f}" in text
    assert f"<b>{100 * a.mean():.2f} %</b>" in text
    assert ", ".join(f"{100 * one.mean():.2f}" for one in a) in text
    low, high = by_hand(a, b)
    step = re.findall(r"fgnb-step\">(.*?)</span>", text)[-1]
    ends = [float(x.replace("−", "-")) for x in re.findall(r"\((\S+) to (\S+)\)", step)[0]]
    np.testing.assert_allclose(ends, [low, high], atol=0.6)
    alone = 1.96 * 100 * (a.mean(axis=0) - b.mean(axis=0)).std() / N**0.5
    assert ends[1] - ends[0] > 2.4 * alone, "seeds that differ widen it beyond images alone"


def test_a_step_counts_only_seeds_that_both_rows_have(record):
    found = regimes.sheets(
        [record("plain", s, 0.6) for s in range(3)] + [record("fusion", s, 0.7) for s in (0, 2)],
        ["plain", "fusion"],
    )
    text = seeds.over_seeds(TABLE, found)
    first, second = re.findall(r'<th scope="row">.*?</tr>', text)
    assert first.split("</td>")[0].count(",") == 2
    assert second.split("</td>")[0].count(",") == 2, "two values, and two steps"


def test_one_seed_and_other_images_give_nothing(record):
    alone = regimes.sheets([record("plain", 0, 0.6), record("fusion", 0, 0.7)], ["plain", "fusion"])
    assert seeds.over_seeds(TABLE, alone) == ""
    moved = regimes.sheets([record("plain", 0, 0.6), record("plain", 1, 0.6, first=9)], ["plain"])
    assert seeds.over_seeds(TABLE, moved) == ""
