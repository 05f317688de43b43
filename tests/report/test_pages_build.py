"""The generated Markdown builds under Sphinx with every warning an error."""

import json
import subprocess
import sys
from dataclasses import replace

from fgnb import report
from fgnb.report import pages

NASTY = '<script>alert("x")</script> a|b `c` *d* $e$ {f} [g](h) \\alpha 90% #1 i_j_k'
HOME = "ccfr/3-3-re-ranking"


def test_scorecard_and_recorded_section_build_without_a_warning(
    results, arrays, provenance, tmp_path
):
    origin = provenance(dataset_title=NASTY)
    named = [replace(result, label=NASTY, provenance=origin) for result in results]
    report.save("3-3-re-ranking", named, arrays)
    report.keep(tmp_path / "nb.results", "ccfr")
    broken = report.keep(tmp_path / "nb.results", "pose")[0]
    broken.write_text(broken.read_text().replace('"commit": "unknown"', '"commit": null', 1))
    source = tmp_path / "source"
    made = pages.render([tmp_path / "nb.ipynb"], lambda h: f"notebooks/{h}" if h == HOME else None)
    cell = pages.recorded_cells(HOME)[0]["source"]
    chapter = f"# Re-ranking\n\n{cell}\n"
    index = "# Book\n\n```{toctree}\nbook/scorecard\nnotebooks/ccfr/3-3-re-ranking\n```\n"
    texts = {**made, f"notebooks/{HOME}.md": chapter, "index.md": index}
    for name, text in texts.items():
        file = source / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (source / "conf.py").write_text(
        'extensions = ["myst_parser"]\n'
        'myst_enable_extensions = ["dollarmath", "colon_fence", "substitution"]\n'
        'html_theme = "basic"\n'
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-n", "-b", "html"]
    built = subprocess.run(
        [*command, source, tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert (built.returncode, built.stderr) == (0, "")
    scorecard = (tmp_path / "out" / "book" / "scorecard.html").read_text()
    assert 'href="../notebooks/ccfr/3-3-re-ranking.html"' in scorecard
    assert "commit" in scorecard
    for page in (scorecard, (tmp_path / "out" / "notebooks" / f"{HOME}.html").read_text()):
        assert "<script>alert" not in page
        assert "\\alpha 90% #1 i_j_k" in page
        assert "{f} [g](h)" in page
    assert json.loads(broken.read_text())["results"]
