"""Text files as other programs leave them: UTF-8, with or without a byte-order mark, any line ends.

A text in another encoding is refused with the name of what it is: guessed at, a wrong letter in a
name would be found late or never.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from fgnb.data.imageset import DataError
from fgnb.data.magic import HEAD, what_it_is

_ADVICE = "Save it as UTF-8, or put back the original file."
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Byte-order marks; that of UTF-32 begins as that of UTF-16 does, so it comes first."""
_UNPRINTED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
"""Bytes that Windows-1252 leaves empty."""
_WINDOWS = re.compile(rb"[\x80-\x9f]")


def read_text(path: Path) -> str:
    r"""The text of a file, with `\n` at the ends of its lines and no byte-order mark.

    Raises:
        DataError: if it can't be read, is not UTF-8, holds a NUL byte, or is a web page or another
            stand-in for the file; the message says what it is and what to do.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} can't be read ({error.strerror}). Make it a file that can be read."
        ) from error
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            raise DataError(f"{path} is not UTF-8 but {name} text. {_ADVICE}")
    found = what_it_is(content[:HEAD])
    if found and found[0].startswith(("an HTML page", "a Git LFS pointer", "a ZIP", "a gzip")):
        what, advice = (said.replace("picture", "file") for said in found)
        raise DataError(f"{path} is really {what}. {advice}")
    if b"\0" in content:
        raise DataError(_with_nul(path, content))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(_not_utf8(path, content, error.start)) from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _with_nul(path: Path, content: bytes) -> str:
    """Every second byte is nought in UTF-16 without its mark; else the file is damaged."""
    half = len(content) // 2
    if half and max(content[::2].count(0), content[1::2].count(0)) > half // 2:
        return f"{path} is not UTF-8 but UTF-16 text without a byte-order mark. {_ADVICE}"
    line = _line(content, content.index(b"\0"))
    return f"{path}, line {line}: a NUL byte, which no text holds. Put back the original file."


def _not_utf8(path: Path, content: bytes, place: int) -> str:
    kind = "text in another encoding"
    if not _UNPRINTED.search(content):
        latin = "Windows-1252" if _WINDOWS.search(content) else "Latin-1 or Windows-1252"
        kind = f"it seems {latin} text"
    where = f"byte 0x{content[place]:02X} in line {_line(content, place)}"
    return f"{path} is not UTF-8 ({where}) but {kind}. {_ADVICE}"


def _line(content: bytes, place: int) -> int:
    r"""The line of a byte from 1, whether lines end in `\n`, `\r\n` or `\r`."""
    before = content[:place].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return before.count(b"\n") + 1
