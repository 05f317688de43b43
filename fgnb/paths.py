"""Where things lie: the project, its data, its trained runs, what it builds.

Every root can be moved by an environment variable; nothing else in the project spells a folder
out. An empty variable counts as unset.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

PROJECT = "fgnb"


def project_root() -> Path:
    """The checkout: ``FGNB_ROOT``, else the one that holds this package, else cwd upward.

    Raises:
        FileNotFoundError: there is no checkout in any of these places.
    """
    named = _from_environment("FGNB_ROOT")
    if named is not None:
        if not _is_checkout(named):
            raise FileNotFoundError(
                f"FGNB_ROOT is {named}, which holds no pyproject.toml of {PROJECT}; "
                "set it to the folder of the checkout, or unset it"
            )
        return named
    here = Path(__file__).resolve().parents[1]
    cwd = Path.cwd()
    for folder in (here, cwd, *cwd.parents):
        if _is_checkout(folder):
            return folder
    raise FileNotFoundError(
        f"no checkout of {PROJECT} at {here} nor from {cwd} upward; "
        "set FGNB_ROOT to the folder that holds its pyproject.toml"
    )


def data_root(override: str | Path | None = None) -> Path:
    """The folder of the data sets: ``override``, else ``FGNB_DATA``, else ``data/``."""
    if override is not None and str(override):
        return Path(override).expanduser().absolute()
    return _from_environment("FGNB_DATA") or project_root() / "data"


def runs_root() -> Path:
    """Trained stages and cached maps: ``FGNB_RUNS``, else ``runs/``."""
    return _from_environment("FGNB_RUNS") or project_root() / "runs"


def build_root() -> Path:
    """Executed notebooks and the built book: ``FGNB_BUILD``, else ``_build/``."""
    return _from_environment("FGNB_BUILD") or project_root() / "_build"


def recorded_root() -> Path:
    """Results worth keeping: ``FGNB_RECORDED``, else ``results/recorded/``."""
    return _from_environment("FGNB_RECORDED") or project_root() / "results" / "recorded"


def notebooks_root() -> Path:
    """The notebooks' sources."""
    return project_root() / "notebooks"


def results_dir() -> Path:
    """Where the notebook at hand records: ``FGNB_RESULTS_DIR``, else a folder for runs by hand.

    Whoever executes a notebook sets the variable to the folder beside the executed copy.
    """
    return _from_environment("FGNB_RESULTS_DIR") or build_root() / "runs" / "by-hand"


def _from_environment(variable: str) -> Path | None:
    value = os.environ.get(variable, "")
    return Path(value).expanduser().absolute() if value else None


def _is_checkout(folder: Path) -> bool:
    declaration = folder / "pyproject.toml"
    if not declaration.is_file():
        return False
    try:
        declared = tomllib.loads(declaration.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError:
        return False
    return declared.get("project", {}).get("name") == PROJECT
