"""What was chosen on held-out images, as the page on training shows it."""

import json

import pytest

from fgnb import paths
from fgnb.book import chosen
from fgnb.report.render import Html


@pytest.fixture
def measured(tmp_path, monkeypatch):
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "fgnb"\n')
    monkeypatch.setenv("FGNB_ROOT", str(tmp_path))

    def write(name, content):
        (paths.project_root() / "benchmarks" / name).write_text(json.dumps(content))

    return write


def share(value):
    return {"accuracy": value, "interval": [value - 2, value + 2]}


def test_every_regime_is_shown_with_its_start_and_its_end(measured):
    row = {"lr": 0.01, "epochs": 8, "held_out_images": 1200, "p_of_end_against_start": 0.009}
    row |= {"start": share(69.42), "mean": share(72.58), "end": share(72.17)}
    confirmed = {**row, "regime": "stride 8", "held_out_images": 900}
    rows = {"stride 8": row, "a <loser>": {**row, "end": share(60.0)}}
    measured("regimes.json", {"dataset": "CUB", "rows": rows, "confirmed": confirmed})
    text = chosen.regimes()
    lines = repr(Html(text)).splitlines()
    assert "1,200 held-out training images" in lines[0]
    assert "69.4" in lines[1] and "72.2" in lines[1] and "0.009" in lines[1]  # noqa: PT018
    assert "a &lt;loser&gt;" in text
    assert "900 images that no other row had" in lines[3]
    assert "not confirmed" not in text


def test_what_is_listed_and_not_measured_is_named(measured):
    row = {"lr": 0.01, "epochs": 8, "held_out_images": 1200, "p_of_end_against_start": 0.009}
    row |= {end: share(70.0) for end in ("start", "mean", "end")}
    listed = ["stride 8", "nothing frozen"]
    measured("regimes.json", {"dataset": "CUB", "listed": listed, "rows": {"stride 8": row}})
    text = chosen.regimes()
    assert "Listed and not measured yet: nothing frozen." in text
    assert "not confirmed" in text


def test_the_weight_of_each_row_stands_beside_others(measured):
    row = {"share": 0.2, "held_out_images": 480}
    row |= {f"at {at}": share(70 + 10 * at) for at in (0.0, 0.1, 0.2, 0.5)}
    measured("region_share_cub.json", {"dataset": "CUB", "rows": {"ccfr/random-boxes": row}})
    line = repr(Html(chosen.shares())).splitlines()[1].split()
    assert line[:2] == ["ccfr/random-boxes", "0.2"]
    assert [word for word in line if word in ("70.0", "71.0", "72.0", "75.0")] == [
        *("72.0", "70.0", "71.0", "75.0")
    ]


def test_without_measurements_the_page_says_so(measured):
    assert "Not measured yet" in chosen.regimes()
    assert "Not measured yet" in chosen.shares()
