"""What a file really is that can't be read as a photograph, from its first bytes.

Downloads go wrong in few ways: an error page or a pointer in place of the file, a photograph in a
kind that telephones and cameras write, a document. Each is told by how it begins.
"""

from __future__ import annotations

import re

HEAD = 1 << 18
"""So many bytes of a file are enough; in a JPEG a preview may come before the sides."""

_PICTURE = "Convert it to JPEG or PNG."
_EIGHT_BITS = "Convert it to a JPEG or PNG of 8 bits a sample."
_PAGE = "A server sent it in place of the picture: get the file again."
_DOCUMENT = "Export the picture that is in it as JPEG or PNG."
_VIDEO = "Save one picture of it as JPEG or PNG."
_RAW = "Develop it to JPEG or PNG."
_ARCHIVE = "Unpack it and put the picture in its place."

_STARTS: tuple[tuple[bytes, str, str], ...] = (
    (b"%PDF-", "a PDF document", _DOCUMENT),
    (b"%!PS", "a PostScript drawing", _DOCUMENT),
    (b"\xc5\xd0\xd3\xc6", "a PostScript drawing", _DOCUMENT),
    (b"\xff\x0a", "a JPEG XL picture", _PICTURE),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", _PICTURE),
    (b"FUJIFILMCCD-RAW", "a camera's raw file (Fujifilm RAF)", _RAW),
    (b"IIU\0", "a camera's raw file (Panasonic RW2)", _RAW),
    (b"IIRO", "a camera's raw file (Olympus ORF)", _RAW),
    (b"IIRS", "a camera's raw file (Olympus ORF)", _RAW),
    (b"MMOR", "a camera's raw file (Olympus ORF)", _RAW),
    (b"FOVb", "a camera's raw file (Sigma X3F)", _RAW),
    (b"\0MRM", "a camera's raw file (Minolta MRW)", _RAW),
    (b"8BPS", "a Photoshop document", _DOCUMENT),
    (b"gimp xcf", "a GIMP document", _DOCUMENT),
    (b"\x1aE\xdf\xa3", "a Matroska or WebM video", _VIDEO),
    (b"FLV\x01", "a Flash video", _VIDEO),
    (b"\0\0\x01\xba", "an MPEG video", _VIDEO),
    (b"PK\x03\x04", "a ZIP archive", _ARCHIVE),
    (b"\x1f\x8b", "a gzip archive", _ARCHIVE),
    (b"BZh", "a bzip2 archive", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _ARCHIVE),
    (b"Rar!\x1a\x07", "a RAR archive", _ARCHIVE),
    (b"\xfd7zXZ\0", "an xz archive", _ARCHIVE),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file of arrays", _DOCUMENT),
    (b"\x93NUMPY", "an array of numpy", _DOCUMENT),
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer, not the picture that it stands for",
        "Get the picture with: git lfs pull.",
    ),
)
_BRANDS: tuple[tuple[tuple[bytes, ...], str, str], ...] = (
    ((b"avif", b"avis"), "an AVIF picture", _PICTURE),
    ((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "a HEIC picture", _PICTURE),
    ((b"crx ",), "a camera's raw file (Canon CR3)", _RAW),
    ((b"mif1", b"msf1"), "a HEIF picture", _PICTURE),
    ((b"qt  ",), "a QuickTime video", _VIDEO),
    ((b"",), "an MP4 video", _VIDEO),
)
"""By the brands of an ISO media file, the first that fits; any brand is at least a video."""


def what_it_is(head: bytes) -> tuple[str, str] | None:
    """What a file is and what to do with it; None for what begins as a readable photograph does.

    Args:
        head: the first `HEAD` bytes of the file, or all of a shorter one.

    >>> what_it_is(b"%PDF-1.7")
    ('a PDF document', 'Export the picture that is in it as JPEG or PNG.')
    """
    for start, what, advice in _STARTS:
        if head.startswith(start):
            return what, advice
    if head[:4] in (b"II*\0", b"MM\0*") and head[8:10] == b"CR":
        return "a camera's raw file (Canon CR2)", _RAW
    if head[4:8] == b"ftyp":
        return _media(head)
    if head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"WAVE"):
        return ("an AVI video" if head[8:12] == b"AVI " else "a WAVE sound"), _VIDEO
    if head[:3] == b"\xff\xd8\xff":
        return _jpeg(head)
    if head[257:262] == b"ustar":
        return "a tar archive", _ARCHIVE
    if head and not head.strip(b"\0"):
        return "a file that begins with nothing but zeros", "Copy or get it again, to its end."
    return _text(head)


def _jpeg(head: bytes) -> tuple[str, str] | None:
    """A JPEG of a kind that photographs are not saved in, by its frame's head."""
    place = 2
    while head[place : place + 1] == b"\xff" and place + 5 <= len(head):
        marker, bits = head[place + 1], head[place + 4]
        if marker in (0xC3, 0xC7, 0xCB, 0xCF):
            return "a lossless JPEG", _PICTURE
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            deep = bits in (12, 16)
            return (f"a JPEG of {bits} bits a sample", _EIGHT_BITS) if deep else None
        place += 2 + int.from_bytes(head[place + 2 : place + 4], "big")
    return None


def _media(head: bytes) -> tuple[str, str]:
    """An ISO media file by its own brand, then by those that it is compatible with."""
    size = min(int.from_bytes(head[:4], "big"), 256)
    brands = [head[8:12], *(head[i : i + 4] for i in range(16, size, 4))]
    for known, what, advice in _BRANDS:
        if brands[0] in known or (brands[0] in (b"mif1", b"msf1") and set(brands) & set(known)):
            return what, advice
    return _BRANDS[-1][1:]


def _text(head: bytes) -> tuple[str, str] | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    else:
        # A character may be cut at the end of the head.
        text = head.decode("utf-8-sig", errors="ignore")
        if len(text.encode()) < len(head) - 6:
            return None
    start = text.lstrip().lower()
    if re.search(r"<svg[\s>]", start) and start.startswith("<"):
        return "an SVG drawing", _DOCUMENT
    if re.match(r"(<!--.*?-->\s*)*(<!doctype html|<html|<head|<body|<title)", start, re.DOTALL):
        return "an HTML page", _PAGE
    if start.startswith("<?xml"):
        return "an XML text", _PAGE
    if len(start) > 1 and all(c.isprintable() or c in "\t\r\n\f" for c in text):
        return "a text", _PAGE
    return None
