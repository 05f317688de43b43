"""Where a number comes from: the fields without which no page shows it.

A number's provenance is complete or it is refused, field by field, with the reason. "unknown"
(no git) and "none" (no backbone was used) are answers; an absent or empty field is not.
"""

from __future__ import annotations

import importlib.metadata
import math
import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

PROTOCOLS = ("published", "official", "subset", "drawn")
PACKAGES = ("torch", "torchvision", "timm", "pytorch-lightning", "numpy", "scipy", "scikit-learn")

_TEXTS = (
    *("notebook", "preset", "dataset", "dataset_title", "manifest", "protocol", "backbone"),
    *("weights_tag", "weights_sha256", "device", "commit", "code"),
)
_AT_LEAST = {"classes": 1, "n_train": 1, "n_test": 1, "threads": 1, "test_reads": 0}
_LISTS = {"seeds": int, "run_keys": str, "code_of": str}
_MAPPINGS = ("parameters", "versions")
_HEX = re.compile(r"[0-9a-f]{64}")
_LOCAL_PATH = re.compile(r"^(/|~|[A-Za-z]:[\\/]|\\\\)")


class ProvenanceError(ValueError):
    """A provenance field that is missing, empty or of a wrong kind; the message names it."""


@dataclass(frozen=True)
class Provenance:
    """Everything that a reader needs to trust, compare or repeat a number.

    Attributes:
        notebook: path below notebooks/ without suffix, e.g. "ccfr/3-3-re-ranking".
        parameters: the notebook's parameters, without paths of the machine.
        preset: "smoke", "demo" or "paper".
        dataset: short name of the data set, e.g. "cub".
        dataset_title: its name on a page, e.g. "CUB-200-2011 (40 of 200 classes)".
        manifest: SHA-256 of images and annotations (`ImageSet.fingerprint`).
        protocol: one of PROTOCOLS: what the number may be compared with.
        classes: number of classes.
        n_train: number of training images, the held-out ones included.
        n_test: number of test images.
        backbone: e.g. "efficientnet_lite0"; "none" where no network took part.
        weights_tag: which weights; "none" without a backbone.
        weights_sha256: hash of the weight file; "none" for random weights or no backbone.
        seeds: seeds of the runs; empty only without a backbone.
        device: e.g. "cpu (AMD EPYC 7B13)".
        threads: CPU threads; other counts give other bits.
        seconds: wall-clock time behind the number.
        commit: git commit, "+" appended where files differ from it; "unknown" without git.
        versions: package name -> version.
        run_keys: keys of the trained stages in the run store.
        test_reads: how many times this run read the answers of the test set.
        code: digest of the code that made the number.
        code_of: the modules that the digest starts from.
    """

    notebook: str
    parameters: dict[str, Any]
    preset: str
    dataset: str
    dataset_title: str
    manifest: str
    protocol: str
    classes: int
    n_train: int
    n_test: int
    backbone: str
    weights_tag: str
    weights_sha256: str
    seeds: tuple[int, ...]
    device: str
    threads: int
    seconds: float
    commit: str
    versions: dict[str, str]
    run_keys: tuple[str, ...]
    test_reads: int
    code: str
    code_of: tuple[str, ...]

    def __post_init__(self) -> None:
        check(asdict(self))

    @classmethod
    def from_dict(cls, given: Any) -> Provenance:
        """The provenance of a JSON mapping; ProvenanceError names what it lacks."""
        check(given)
        known = {field.name: given[field.name] for field in fields(cls)}
        return cls(**{name: _tuple(value) for name, value in known.items()})

    @property
    def standing(self) -> str:
        """What the protocol means, for a reader, e.g. "subset: CUB ..."."""
        if self.protocol in ("official", "subset"):
            return f"{self.protocol}: {self.dataset_title}"
        return {"published": "published protocol", "drawn": "drawn pictures"}[self.protocol]


FIELDS = tuple(field.name for field in fields(Provenance))


def check(given: Any) -> None:
    """Refuse an incomplete provenance.

    Raises:
        ProvenanceError: the first field that is missing, empty, of a wrong kind, or that holds a
            path of this machine.
    """
    if not isinstance(given, Mapping):
        raise ProvenanceError("provenance is missing")
    for name in FIELDS:
        if name not in given or given[name] is None or given[name] == "":
            raise ProvenanceError(f"provenance lacks {name}")
    for name in _TEXTS:
        if not isinstance(given[name], str) or not given[name].strip():
            raise _wrong(name, given[name], "a text")
    for name, least in _AT_LEAST.items():
        if type(given[name]) is not int or given[name] < least:
            raise _wrong(name, given[name], f"a whole number of at least {least}")
    seconds = given["seconds"]
    if type(seconds) not in (int, float) or not math.isfinite(seconds) or seconds < 0:
        raise _wrong("seconds", seconds, "a finite time of at least 0")
    for name, kind in _LISTS.items():
        if not isinstance(given[name], list | tuple) or any(
            type(i) is not kind for i in given[name]
        ):
            raise _wrong(name, given[name], f"a list of {kind.__name__}")
    for name in _MAPPINGS:
        if not isinstance(given[name], Mapping):
            raise _wrong(name, given[name], "a mapping")
    if given["protocol"] not in PROTOCOLS:
        raise _wrong("protocol", given["protocol"], f"one of {', '.join(PROTOCOLS)}")
    for name in ("manifest", "code"):
        if not _HEX.fullmatch(given[name]):
            raise _wrong(name, given[name], "a SHA-256 in hexadecimal")
    if given["weights_sha256"] != "none" and not _HEX.fullmatch(given["weights_sha256"]):
        raise _wrong("weights_sha256", given["weights_sha256"], "a SHA-256 in hexadecimal, or none")
    if not given["versions"]:
        raise ProvenanceError("provenance lacks versions: no package is named")
    if not given["code_of"]:
        raise ProvenanceError("provenance lacks code_of: no module is named")
    if given["backbone"] != "none" and not given["seeds"]:
        raise ProvenanceError("provenance lacks seeds: a backbone is named but no seed")
    local = next((where for where in _local_paths(given, "provenance")), None)
    if local:
        raise ProvenanceError(f"{local} is a path of one machine; leave it out")


def collect(
    notebook: str,
    *,
    preset: str,
    images: Any,
    seconds: float,
    test_reads: int,
    modules: Iterable[str],
    weights: Any = None,
    seeds: Sequence[int] = (),
    threads: int = 2,
    runs: Sequence[Any] = (),
    parameters: Mapping[str, Any] | None = None,
    device: str | None = None,
) -> Provenance:
    """The provenance of the numbers that a notebook is about to record.

    Args:
        notebook: path below notebooks/ without suffix.
        preset: name of the preset.
        images: the `ImageSet`.
        seconds: wall-clock time of the notebook so far; what runs found in the store took when
            they were trained is added.
        test_reads: how many times the answers of the test set were read.
        modules: modules whose code (with what they import) made the numbers.
        weights: the backbone's `WeightsInfo`; None where no network took part.
        seeds: seeds of the runs.
        threads: CPU threads.
        runs: the trained `Run`s.
        parameters: the notebook's parameters; values that are paths are left out.
        device: None means that of the runs, or of this machine without any.

    Raises:
        ProvenanceError: a field is empty.
    """
    from fgnb.store import code_digest
    from fgnb.training import environment

    modules = tuple(modules)
    behind = sum(run.environment["seconds"] for run in runs if run.reused)
    if device is None:
        device = runs[0].environment["device"] if runs else this_device()
    return Provenance(
        notebook=notebook,
        parameters=without_paths(parameters or {}),
        preset=preset,
        **image_fields(images),
        backbone="none" if weights is None else weights.backbone,
        weights_tag="none" if weights is None else weights.tag,
        weights_sha256="none" if weights is None else weights.sha256,
        seeds=tuple(int(seed) for seed in seeds),
        device=device,
        threads=int(threads),
        seconds=round(float(seconds) + behind, 1),
        commit=environment.commit(),
        versions=these_versions(),
        run_keys=tuple(run.key for run in runs),
        test_reads=int(test_reads),
        code=code_digest(modules),
        code_of=modules,
    )


def image_fields(images: Any) -> dict[str, Any]:
    """What a provenance says of an `ImageSet`."""
    return {
        "dataset": images.name,
        "dataset_title": images.title,
        "manifest": images.fingerprint,
        "protocol": images.protocol,
        "classes": len(images.classes),
        "n_train": images.n_train,
        "n_test": images.n_test,
    }


def code_changed(provenance: Provenance) -> bool:
    """Whether the code that made a number differs from the code at hand (or is gone)."""
    from fgnb.store import code_digest

    try:
        return code_digest(provenance.code_of) != provenance.code
    except ValueError:
        return True


def without_paths(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as plain values, without data_root and whatever else names a folder."""
    kept = {}
    for name, value in parameters.items():
        value = value.item() if isinstance(value, np.generic) else value
        plain = value if isinstance(value, bool | int | float | str | type(None)) else str(value)
        if not (isinstance(plain, str) and _LOCAL_PATH.match(plain)) and not name.endswith("_root"):
            kept[name] = plain
    return kept


def this_device() -> str:
    """What computes here: the GPU where torch is loaded and sees one, else the CPU's model."""
    from fgnb.training import environment

    if "torch" in sys.modules:
        return environment.device_name()
    return f"cpu ({environment.cpu_model()})"


def these_versions() -> dict[str, str]:
    """Versions of Python and of the packages that numbers depend on."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "absent"
    return versions


def _local_paths(value: Any, where: str) -> Iterable[str]:
    if isinstance(value, str) and _LOCAL_PATH.match(value):
        yield f"{where} ({value!r})"
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _local_paths(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _local_paths(item, where)


def _wrong(name: str, value: Any, needed: str) -> ProvenanceError:
    return ProvenanceError(f"provenance field {name} is {value!r}, needs {needed}")


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
