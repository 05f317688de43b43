"""HTML with data, style and script of its own: templates beside the modules that fill them."""

from __future__ import annotations

import json
from importlib.resources import files
from string import Template
from typing import Any


def embedded(data: Any) -> str:
    r"""JSON that is safe inside a script element.

    >>> embedded(["</script>"])
    '["\\u003c/script\\u003e"]'
    """
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def resource(package: str, name: str) -> str:
    """The text of a file that lies in a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def filled(package: str, name: str, /, **words: str) -> str:
    """A template of a package, its ``$words`` replaced; ``$$`` stands for a dollar.

    Raises:
        KeyError: a word that the template needs and nobody gave.
    """
    return Template(resource(package, name)).substitute(words)
