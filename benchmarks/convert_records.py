"""Once: recordings of whole pages (format 1) become records of rows (format 2).

    python benchmarks/convert_records.py FOLDER

FOLDER holds ccfr/ and focus/ with the former files. Rows of several pages that came out of the same
trained runs become one record; what each page counted by image stands beside its answers, and every
reading of the test set is kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from fgnb import paths
from fgnb.report import archive
from fgnb.report.records import Provenance, Record

PIXELS = {
    "cub": "original size, re-encoded as JPEG at quality 80",
    "cars": "cropped to their boxes, at most 384 px",
}
NOTE = "from a recording of a whole page: the time is that of all its rows together"
GROUPS = ("object", "head", "wing", "tail", "belly-and-breast", "legs")
CCFR = ("plain", "multi-level", "local-region", "scale-nms", "random-boxes", "centre-boxes")
FOCUS = (
    *("resnet-50", "nts-net-image-level", "ours-image-level", "ours-without-max-pooling", "ours"),
    *("nts-net", "equal-compute", "random-boxes", "centre-boxes", "image-head"),
)


def main(folder: Path) -> None:
    kept: dict[tuple[Any, ...], Record] = {}
    for file in sorted(folder.glob("*/*.json")):
        content = json.loads(file.read_bytes())
        with np.load(file.with_suffix(".npz")) as npz:
            arrays = {name: npz[name] for name in npz.files}
        for row, own in rows(content["name"], arrays).items():
            origin, paper = provenance(content["results"], row), file.parent.name
            key = (paper, row, origin.manifest, origin.commit)
            if key in kept:
                kept[key] = merge(kept[key], own, origin)
            else:
                kept[key] = Record(paper, row, own, origin)
    for record in kept.values():
        place = paths.recorded_root() / record.paper
        print(archive.write(record, place).name)


RERANKING = ("rule", "images", "t_sf", "t_sc", "topn", "topm", "alpha", "beta", "gate")


def provenance(results: list[dict[str, Any]], row: str) -> Provenance:
    """The provenance of a row out of those of a page's results."""
    old = dict(results[0]["provenance"])
    settings = next((r["settings"] for r in results if named(r, row) and r["settings"]), {})
    settings = {k: v for k, v in settings.items() if k not in RERANKING}
    asked = {k: v for k, v in old["parameters"].items() if k in ("region_epochs", "crop_size")}
    return Provenance(
        **{k: v for k, v in old.items() if k not in ("notebook", "parameters")},
        pixels=PIXELS[old["dataset"]],
        spec={"seed": old["seeds"][0], **{k: v for k, v in asked.items() if v}, **settings},
        recorded=day_of(old["commit"].rstrip("+")),
        note=NOTE,
    )


def named(result: dict[str, Any], row: str) -> bool:
    """Whether a result is the accuracy of a row."""
    return str(result["claim"]).rpartition(".")[2] == row


def rows(name: str, arrays: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    if name.startswith("3-2"):
        return region_rows(arrays)
    test = {"ids": arrays["test_ids"], "labels": arrays["test_labels"].astype(np.int16)}
    found: dict[str, dict[str, np.ndarray]] = {}
    for row in (*CCFR, *FOCUS):
        of = f"test_{row.replace('-', '_')}_predictions"
        if of in arrays:
            found[row] = {**test, "classes": arrays[of].astype(np.int16)}
    if "test_rival_predictions" in arrays:
        found["equal-compute"] = {
            **test,
            "classes": arrays["test_rival_predictions"].astype(np.int16),
        }
    if "test_probs" in arrays:
        row = "global" if "test_logistic_probs" in arrays else "fusion"
        found[row] = reranked(arrays)
    for row in ("ours", "ours-without-max-pooling", "nts-net"):
        if f"{row}_boxes" in arrays:
            found[row] |= {"boxes": arrays[f"{row}_boxes"], "count": arrays[f"{row}_count"]}
            found[row] |= covered(arrays, row)
    if "test_ours_probs" in arrays:
        found["ours"] |= best(arrays["test_ours_probs"])
    return found


def reranked(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    own: dict[str, np.ndarray] = (
        {"class_names": arrays["class_names"]} if "class_names" in arrays else {}
    )
    for old, new in (("test", ""), ("held_out", "held_out_")):
        own[f"{new}ids"] = arrays[f"{old}_ids"]
        for name in ("labels", "neighbor_labels"):
            own[f"{new}{name}"] = arrays[f"{old}_{name}"].astype(np.int16)
        for name in ("probs", "logistic_probs", "neighbor_sims"):
            if f"{old}_{name}" in arrays:
                own[f"{new}{name}"] = arrays[f"{old}_{name}"]
    own["classes"] = own["probs"].argmax(axis=1).astype(np.int16)
    return own


def region_rows(arrays: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, np.ndarray]] = {}
    names = {
        "ranking-loss": "warm-up",
        "none": "none",
        "gate": "gate",
        "margin-rank": "margin-rank",
    }
    for old, row in names.items():
        own = {"ids": arrays["held_out_ids"]}
        for name in ("boxes", "scores", "side", "small", "kept", "kept_closed", "moved"):
            own[name] = arrays[f"{old}_{name}"]
        for name in ("side_change", "any_moved"):
            own[name] = arrays[f"{old}_{name}"]
        found[row] = own | covered(arrays, old)
    of_default = found["margin-rank"]
    for name, values in arrays.items():
        if name.startswith(("setting_", "decay_")) or name == "weights":
            of_default[name] = values
    if "apart_predictions" in arrays:
        truth = {
            "ids": arrays["held_out_ids"],
            "labels": arrays["held_out_labels"].astype(np.int16),
        }
        of_default |= {**truth, "classes": arrays["shared_predictions"].astype(np.int16)}
        found["two-extractors"] = {**truth, "classes": arrays["apart_predictions"].astype(np.int16)}
    return found


def covered(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    found = {}
    for group in GROUPS:
        for end in ("", "_chance"):
            if f"{prefix}_{group}{end}" in arrays:
                found[f"{group}{end}"] = arrays[f"{prefix}_{group}{end}"]
    return found


def best(probs: np.ndarray) -> dict[str, np.ndarray]:
    order = np.argsort(-probs, axis=1, kind="stable")[:, :5]
    kept = np.take_along_axis(probs, order, axis=1)
    return {"top5": order.astype(np.int16), "top5_probs": kept.astype(np.float16)}


def merge(record: Record, arrays: dict[str, np.ndarray], origin: Provenance) -> Record:
    for name in set(arrays) & set(record.arrays):
        if not np.array_equal(arrays[name], record.arrays[name]):
            raise SystemExit(f"{record.row}: {name} differs between two pages of one series")
    old = record.origin
    keys = tuple(dict.fromkeys((*old.run_keys, *origin.run_keys)))
    both = {
        "test_reads": old.test_reads + origin.test_reads,
        "run_keys": keys,
        "spec": {**origin.spec, **old.spec},
    }
    made = old.model_copy(update=both)
    return Record(record.paper, record.row, {**arrays, **record.arrays}, made)


def day_of(commit: str) -> str:
    """Day and hour of a commit."""
    done = subprocess.run(
        ["git", "show", "-s", "--format=%cd", "--date=format:%Y-%m-%d %H:%M", commit],
        capture_output=True,
        text=True,
        check=True,
        cwd=paths.project_root(),
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
