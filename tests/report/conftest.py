"""Nothing that these tests write lands in the project."""

import pytest


@pytest.fixture(autouse=True)
def _roots(tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RESULTS_DIR", str(tmp_path / "nb.results"))
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path / "recorded"))
