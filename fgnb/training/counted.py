"""What was counted without any training, where a run is asked what it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Counted:
    """The attributes of a `fgnb.training.Run` that a record is made of.

    Attributes:
        spec: what the numbers depend on, but for the pictures and the code.
        environment: of `fgnb.training.environment.describe`.
        code_of: the modules whose code makes them.
        key: what it is called in the store; empty where it isn't kept there.
        predictions: none.
    """

    spec: dict[str, Any]
    environment: dict[str, Any]
    code_of: tuple[str, ...]
    key: str = ""
    predictions: dict[str, Any] = field(default_factory=dict)
