"""Names for content: one text for one value, one hash for one text."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any


def canonical_json(obj: Any) -> str:
    """The one JSON text of ``obj``: keys sorted, no spaces, floats by ``repr``.

    Dataclasses count as mappings of their fields, tuples as lists.

    >>> canonical_json({"b": (1, 2.0), "a": None})
    '{"a":null,"b":[1,2.0]}'

    Raises:
        TypeError: a value without one lasting text: a path (it names a machine), a set, an array,
            a mapping whose keys are not strings.
        ValueError: a float that is not finite.
    """
    return json.dumps(
        _plain(obj, "value"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


def digest(obj: Any) -> str:
    """SHA-256 of :func:`canonical_json`, in hexadecimal."""
    return hashlib.sha256(canonical_json(obj).encode()).hexdigest()


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(obj: Any, where: str) -> Any:
    if obj is None or type(obj) in (bool, int, str):
        return obj
    if type(obj) is float:
        if not math.isfinite(obj):
            raise ValueError(f"{where} is {obj}; a key needs finite numbers")
        return obj
    if is_dataclass(obj) and not isinstance(obj, type):
        return {f.name: _plain(getattr(obj, f.name), f"{where}.{f.name}") for f in fields(obj)}
    if isinstance(obj, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(obj)]
    if isinstance(obj, dict):
        for key in obj:
            if type(key) is not str:
                raise TypeError(f"{where} has the key {key!r}; a key needs strings there")
        return {key: _plain(item, f"{where}.{key}") for key, item in obj.items()}
    advice = "use its content's hash" if isinstance(obj, Path) else "use int, float, str or lists"
    raise TypeError(f"{where} is a {type(obj).__name__}, which has no place in a key; {advice}")
