"""Records held against today's code, where a row of theirs is gone."""

import json
from dataclasses import replace

import numpy as np

from fgnb.pages import recording
from fgnb.report import archive
from fgnb.report.records import Record


def test_a_record_of_a_row_that_is_gone_has_no_witness_and_stops_no_other(
    origin, tmp_path, monkeypatch
):
    monkeypatch.setenv("FGNB_RECORDED", str(tmp_path))
    labels = np.arange(12)
    arrays = {"ids": labels, "labels": labels, "classes": labels}
    for row in ("a-former-row", "plain"):
        record = Record("ccfr", row, arrays, origin(), np.zeros((2, 3), np.float32))
        archive.write(replace(record, name=row), tmp_path / "ccfr")
    for file in (tmp_path / "ccfr").glob("*.json"):
        content = json.loads(file.read_text())
        content["provenance"]["code"] = "0" * 64
        file.write_text(json.dumps(content))
    monkeypatch.setattr(recording, "witness", lambda paper, row: np.ones((2, 3), np.float32))
    found = {checked.name: checked.state for checked in recording.verify("ccfr")}
    assert found == {"a-former-row": "no witness", "plain": "changed"}
