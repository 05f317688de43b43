"""What a reader moves in a real JupyterLab: the explorer, the dials and the surface, by hand.

In a file of their own these elements work (tests/browser); here a notebook stands around them,
whose shortcuts take keys and whose renderers choose among the faces of an output.
"""

import io
import json
import re
import time

import numpy as np
import pytest
from chromium import without
from PIL import Image

pytestmark = pytest.mark.browser
SUMMARY = re.compile(r"^Re-ranked [\d.]+ % \(")
ACCURACIES = re.compile(r"Re-ranked ([\d.]+) % .*, classification alone ([\d.]+) %: (.*)\.")
RANKED_BOXES = """dial => [...dial.querySelectorAll("g rect[fill=none]")].reverse().map(
  box => ["x", "y"].map(key => Number(box.getAttribute(key))))"""


def pixels(locator) -> np.ndarray:
    """What a user sees of an element, int[h, w, 3]."""
    with Image.open(io.BytesIO(locator.screenshot())) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.int64)


def shades(seen: np.ndarray) -> int:
    """How many colours that are no grey cover a ten-thousandth of a picture each."""
    vivid = seen[np.ptp(seen, axis=2) > 60] // 8
    _, counts = np.unique(vivid, axis=0, return_counts=True)
    return int((counts > seen[..., 0].size / 10_000).sum())


def drawn(lab, canvas, shown=lambda seen: True, seconds: float = 30.0) -> np.ndarray:
    """A figure of WebGL once it is whole: in software a busy machine takes seconds a frame."""
    until = time.monotonic() + seconds
    while True:
        lab.page.wait_for_timeout(500)
        seen = pixels(canvas)
        if (shades(seen) > 20 and shown(seen)) or time.monotonic() > until:
            break
    assert shades(seen) > 20
    assert shown(seen)
    return seen


def test_the_sliders_of_the_explorer_move_its_accuracy(run_all, expect, visit, tmp_path):
    """The kernel's answers, read off JupyterLab, against those of the page face's own script."""
    lab = run_all("ccfr/3-3-re-ranking")
    explorer = lab.page.locator(".fgnb-explorer").first
    summary = explorer.get_by_text(SUMMARY)
    field = explorer.locator("input[type=number]").first  # T_sf's is the first row
    slider = explorer.get_by_role("slider").first
    start = field.input_value()

    (tmp_path / "face.html").write_text(
        "<!doctype html><meta charset='utf-8'>" + lab.html('class="fgnb-explorer'),
        encoding="utf-8",
    )
    face = visit((tmp_path / "face.html").as_uri()).page

    def expected(t_sf: str) -> str:
        face.locator("input[type=number][data-key=t_sf]").fill(t_sf)
        return face.locator("[data-part=summary]").inner_text()

    expect(summary).to_have_text(expected(start))
    right = json.loads(face.locator("[data-part=results]").get_attribute("data-curve"))
    turns = [i for i in range(1, len(right)) if right[i] != right[i - 1]]
    assert turns, "T_sf has no effect on the accuracy of this run"
    before, after = (f"{i / 100:g}" for i in (turns[0] - 1, turns[0]))

    field.fill(before)
    field.press("Enter")
    expect(summary).to_have_text(expected(before))
    slider.press("ArrowRight")
    expect(field).to_have_value(after)
    assert expected(after) != expected(before)
    expect(summary).to_have_text(expected(after))
    slider.press("ArrowLeft")
    expect(summary).to_have_text(expected(before))

    slider.press("End")
    expect(field).to_have_value("1")
    expect(summary).to_have_text(expected("1"))
    slider.press("Home")  # at T_sf 0 every answer is the classifier's
    expect(field).to_have_value("0")
    expect(summary).to_have_text(expected("0"))
    accuracy, alone, changes = ACCURACIES.fullmatch(summary.inner_text()).groups()
    assert accuracy == alone
    assert changes == "0 rectified, 0 spoiled, 0 changed and still wrong"
    assert lab.outside == []


def test_the_arrow_keys_turn_the_dials_of_an_attention_map(run_all, expect):
    """Without data-lm-suppress-shortcuts JupyterLab takes them and goes to another cell."""
    lab = run_all("focus/3-2-attention-regions")
    dial = lab.page.locator(".fgnb-dial")
    data = json.loads(dial.locator("script[type='application/json']").text_content())
    places, values = {}, {"sigma": data["sigmas"], "iou": data["ious"]}
    for key in values:
        places[key] = int(dial.locator(f"input[data-key={key}]").input_value())
    for key, values_of_key in values.items():
        slider = dial.locator(f"input[data-key={key}]")
        slider.focus()
        for press, step in [("ArrowRight", 1), ("ArrowUp", 1), ("ArrowLeft", -1)]:
            lab.page.keyboard.press(press)
            places[key] += step
            expect(slider).to_have_value(str(places[key]))
            expect(slider).to_be_focused()
            expect(slider.locator("+ output")).to_have_text(f"{values_of_key[places[key]]:g}")
            boxes = data["boxes"][places["sigma"]][places["iou"]]
            assert dial.evaluate(RANKED_BOXES) == [box[:2] for box in boxes]
    assert lab.outside == []


def test_the_surface_over_two_thresholds_is_seen_and_turns(run_all):
    """Plotly's renderer shows the picture, and under the pointer the figure where WebGL is."""
    lab = run_all("ccfr/4-4-ablation")
    output = lab.page.locator(".jp-RenderedPlotly")
    output.scroll_into_view_if_needed()
    picture = output.locator("img.plot-img")
    picture.wait_for(state="visible")
    assert shades(pixels(picture)) > 20
    if not lab.page.evaluate("!!document.createElement('canvas').getContext('webgl')"):
        without("this browser has no WebGL: the picture was seen, the figure can't be")

    output.hover()
    canvas = output.locator("canvas")
    canvas.wait_for(state="visible")
    picture.wait_for(state="hidden")
    seen = drawn(lab, canvas)
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    lab.page.mouse.move(x, y)
    lab.page.mouse.down()
    lab.page.mouse.move(x + 150, y, steps=5)
    lab.page.mouse.up()
    lab.page.mouse.move(5, 5)
    drawn(lab, canvas, lambda turned: (np.abs(turned - seen).max(axis=2) > 30).mean() > 0.02)
    assert lab.outside == []
