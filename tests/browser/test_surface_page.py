"""The surface on a page read from a file: it turns, asks for nothing, and prints as a picture."""

import shutil
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest
from chromium import without

from fgnb.report.surface import Surface

pytestmark = pytest.mark.browser
SHOWN = "getComputedStyle(document.querySelector('#surface {}')).display !== 'none'"


@pytest.fixture
def pages(tmp_path):
    script = next(f for f in files("plotly") if f.match("plotly/package_data/plotly.min.js"))
    shutil.copy(Path(str(script.locate())), tmp_path / "plotly.min.js")
    accuracy = 0.5 + 0.1 * np.arange(6).reshape(3, 2) / 6
    face = Surface([0.4, 0.6, 0.8], [0.5, 0.7], accuracy).html()
    head = '<!DOCTYPE html><meta charset="utf-8"><title>Surface</title>'
    (tmp_path / "with.html").write_text(
        f'{head}<script defer src="plotly.min.js"></script>{face}', encoding="utf-8"
    )
    (tmp_path / "without.html").write_text(head + face, encoding="utf-8")
    return tmp_path


def test_it_is_drawn_from_the_local_script_and_prints_as_a_picture(visit, pages):
    found = visit((pages / "with.html").as_uri())
    page = found.page
    if not page.evaluate("!!document.createElement('canvas').getContext('webgl')"):
        without("this browser has no WebGL")
    page.wait_for_selector("#surface .turn canvas", timeout=20_000)
    drawn = page.evaluate("document.querySelector('#surface .turn').data[0].z[1][2]")
    assert drawn == pytest.approx(100 * (0.5 + 0.1 * 5 / 6))
    assert not page.evaluate(SHOWN.format("img"))
    page.emulate_media(media="print")
    assert page.evaluate(SHOWN.format("img"))
    assert not page.evaluate(SHOWN.format(".turn"))
    assert not found.outside
    assert not found.errors


@pytest.mark.parametrize("script", [True, False])
def test_without_plotly_or_script_the_picture_stands(visit, pages, script):
    found = visit((pages / "without.html").as_uri(), java_script_enabled=script)
    image = found.page.locator("#surface img")
    assert image.is_visible()
    assert "surface over T_sf" in image.get_attribute("alt")
    assert not found.outside
    assert not found.errors
