"""A set in pieces: each small enough, all of it there again, nothing written elsewhere."""

import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from fgnb.cli import app
from fgnb.data import DataError, cub
from fgnb.data.pieces import pack, unpack


def contents(folder):
    return {
        f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.rglob("*") if f.is_file()
    }


def test_a_set_in_pieces_is_the_set_again(write_cub, tmp_path):
    root = write_cub(classes=3, train=4, test=2)
    size = 40 * 1024
    pieces = pack(root, tmp_path / "out", mib=size / 2**20)
    assert len(pieces) > 2
    assert [p.name for p in pieces] == [
        f"{root.name}-{i + 1}-of-{len(pieces)}.tar" for i in range(len(pieces))
    ]
    assert all(p.stat().st_size <= size for p in pieces)
    for piece in reversed(pieces):
        assert unpack(piece, tmp_path / "there") > 0
    assert contents(tmp_path / "there" / root.name) == contents(root)
    again = pack(root, tmp_path / "again", mib=size / 2**20)
    assert [p.read_bytes() for p in again] == [p.read_bytes() for p in pieces]
    unpack(pieces[0], tmp_path / "there")
    assert cub.load(tmp_path / "there" / root.name, name="drawn").n_train == 12


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 20_000), min_size=1, max_size=12),
    name=st.text("abcdé ß-", min_size=1, max_size=60).filter(lambda t: t.strip() == t),
)
def test_pieces_are_never_too_large_whatever_the_files(tmp_path_factory, sizes, name):
    folder = tmp_path_factory.mktemp("set")
    for i, size in enumerate(sizes):
        file = folder / "set" / name / f"{name}{i}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes([i]) * size)
    pieces = pack(folder / "set", folder / "out", mib=40_000 / 2**20)
    assert all(piece.stat().st_size <= 40_000 for piece in pieces)
    for piece in pieces:
        unpack(piece, folder / "there")
    assert contents(folder / "there" / "set") == contents(folder / "set")


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, 3 if kind == tarfile.REGTYPE else 0
    return info


@pytest.mark.parametrize(
    "bad",
    [
        member("../outside.txt"),
        member("CUB/../../outside.txt"),
        member("/outside.txt"),
        member("outside.txt"),
        member("CUB\\..\\outside.txt"),
        member("CUB/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("CUB/link", tarfile.LNKTYPE, "../outside"),
        member("CUB/pipe", tarfile.FIFOTYPE),
    ],
)
def test_what_leads_elsewhere_is_refused_before_anything_is_written(tmp_path, bad):
    piece = tmp_path / "piece.tar"
    with tarfile.open(piece, "w") as archive:
        archive.addfile(member("CUB/fine.txt"), io.BytesIO(b"abc"))
        archive.addfile(bad, io.BytesIO(b"abc") if bad.isreg() else None)
    with pytest.raises(DataError, match="below the set's folder"):
        unpack(piece, tmp_path / "there")
    assert not (tmp_path / "there").exists()
    assert not (tmp_path / "outside.txt").exists()


def test_a_link_that_stands_there_is_replaced_and_not_followed(write_cub, tmp_path):
    root = write_cub(classes=2, train=2, test=1)
    (piece,) = pack(root, tmp_path / "out")
    there, secret = tmp_path / "there" / root.name, tmp_path / "secret.txt"
    there.mkdir(parents=True)
    secret.write_text("mine")
    (there / "classes.txt").symlink_to(secret)
    unpack(piece, tmp_path / "there")
    assert secret.read_text() == "mine"
    assert contents(there) == contents(root)


def test_a_piece_that_is_cut_off_or_no_piece(write_cub, tmp_path):
    (piece,) = pack(write_cub(classes=2, train=2, test=1), tmp_path)
    piece.write_bytes(piece.read_bytes()[:2000])
    with pytest.raises(DataError, match="no whole tar file"):
        unpack(piece, tmp_path / "there")
    piece.write_bytes(b"<html>")
    with pytest.raises(DataError, match="no whole tar file"):
        unpack(piece, tmp_path / "there")


def test_the_commands(write_cub, tmp_path, monkeypatch):
    monkeypatch.delenv("FGNB_DEBUG", raising=False)
    root = write_cub(classes=2, train=2, test=1)
    packed = CliRunner().invoke(app, ["data", "pack", str(root), str(tmp_path / "out")])
    assert packed.exit_code == 0, packed.output
    (piece,) = (tmp_path / "out").iterdir()
    assert str(piece) in packed.stdout
    words = ["data", "unpack", str(piece), "--data-root", str(tmp_path / "there")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert contents(tmp_path / "there" / root.name) == contents(root)
    for wrong in (
        ["pack", str(tmp_path / "none"), "out"],
        ["pack", str(root), "x", "--mib", "0.001"],
    ):
        refused = CliRunner().invoke(app, ["data", *wrong])
        assert refused.exit_code == 1
        assert refused.stderr.count("\n") == 1
