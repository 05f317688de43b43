"""What a notebook's first cell calls, whoever executes it."""

from __future__ import annotations

import logging
from types import ModuleType
from typing import TYPE_CHECKING, Any

from fgnb.book import parameters

if TYPE_CHECKING:
    from fgnb.report.page import Page

# Libraries that talk on a page.
_TALKATIVE = ("pytorch_lightning", "lightning", "lightning_fabric", "timm", "PIL", "matplotlib")
# Parameters that choose data, network and chance, and leave the recipe as it is.
FREE = frozenset({"preset", "dataset", "data_root", "classes", "backbone", "weights", "seed"})


def begin(module: ModuleType, namespace: dict[str, Any]) -> Page:
    """Check the parameters of a notebook, make libraries quiet, and open its page.

    Args:
        module: the page module, e.g. `fgnb.pages.ccfr.ablation`; it names its notebook.
        namespace: the notebook's ``globals()``; its parameters are set to the checked values.

    Returns:
        The page: parameters (``p``), scale, images, and what is shown.

    Raises:
        ParameterError: an unknown name, a wrong type, a value out of range; in one line.
        NotebookError: there is no such notebook, or its parameters cell can't be read.
    """
    from fgnb.report.page import Page

    values = parameters.check(module.NOTEBOOK, namespace)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    namespace.update(values)
    declared = parameters.declared(module.NOTEBOOK)
    as_declared = all(values[d.name] == d.default for d in declared if d.name not in FREE)
    return Page(module, values, as_declared)
