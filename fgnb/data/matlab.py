"""Variables of MATLAB's .mat files, whatever a file of that name really is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fgnb.data.imageset import DataError
from fgnb.data.magic import HEAD, what_it_is

_V5, _V73, _HDF5 = b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file", b"\x89HDF\r\n\x1a\n"
_USER_BLOCK = 512
"""Bytes of MATLAB's own before the HDF5 file of a v7.3 one."""


def variable(path: Path, name: str, hint: str) -> NDArray[Any]:
    """One variable of a .mat file as an array of one axis, also where it holds a single value.

    Args:
        path: the file.
        name: the variable.
        hint: where the file is to be had.

    Raises:
        DataError: if it is no .mat file that can be read, or has no such variable.
    """
    from scipy.io import loadmat, whosmat

    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror}). {hint}") from error
    if head.startswith((_V73, _HDF5)) or head[_USER_BLOCK:].startswith(_HDF5):
        raise DataError(_newer(path))
    found = None if head.startswith(_V5) else what_it_is(head)
    if not head or found:
        really = f"is really {found[0]}" if found else "is empty (0 bytes)"
        raise DataError(f"{path} {really}: expected a .mat file with {name}. {hint}")
    try:
        content = loadmat(path, squeeze_me=True, variable_names=[name])
        held = ", ".join(entry[0] for entry in whosmat(path)) or "nothing"
    except NotImplementedError as error:
        raise DataError(_newer(path)) from error
    except Exception as error:  # scipy's reader fails in a dozen ways on a damaged file
        raise damaged(path, f"a .mat file with {name} ({error!r})", hint) from error
    if name not in content:
        raise DataError(f"{path} can't be read as a .mat file with {name}: it holds {held}. {hint}")
    return np.atleast_1d(content[name]).ravel()


def damaged(path: Path, expected: str, hint: str) -> DataError:
    """The error for a .mat file that does not read as `expected`."""
    return DataError(f"{path} can't be read as {expected}: it is damaged. {hint}")


def _newer(path: Path) -> str:
    return (
        f"{path} is a MATLAB v7.3 file (HDF5), which is not read here. Load it in MATLAB and save "
        "it again with the option -v7."
    )
