"""What a notebook's first cell calls, whoever executes it."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

from fgnb.book import parameters

# Libraries that talk on a page.
_TALKATIVE = ("pytorch_lightning", "lightning", "lightning_fabric", "timm", "PIL", "matplotlib")


def begin(source: str, namespace: dict[str, Any]) -> SimpleNamespace:
    """Check the parameters of a notebook and make libraries quiet.

    Args:
        source: the notebook's path below notebooks/ without suffix, e.g. "ccfr/3-3-re-ranking".
        namespace: the notebook's ``globals()``; its parameters are set to the checked values.

    Returns:
        The parameters, by name.

    Raises:
        ParameterError: an unknown name, a wrong type, a value out of range; in one line.
        NotebookError: there is no such notebook, or its parameters cell can't be read.
    """
    values = parameters.check(source, namespace)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    namespace.update(values)
    return SimpleNamespace(**values)
