"""Folders and files: whole or absent, sealed, one builder at a time."""

import errno
import os
import subprocess
import sys
import time

import pytest

from fgnb import store


def build(path, text="content"):
    with store.building(path) as work:
        (work / "inner").mkdir()
        (work / "inner" / "a.txt").write_text(text)
        (work / "b.txt").write_text("b")


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_a_built_folder_is_sealed_and_sound(tmp_path):
    build(tmp_path / "run")
    assert store.check(tmp_path / "run") == []
    assert names(tmp_path) == ["run"]
    assert names(tmp_path / "run") == ["b.txt", "inner", "seal.json"]


def test_damage_is_found_by_name(tmp_path):
    path = tmp_path / "run"
    build(path)
    (path / "inner" / "a.txt").write_text("contenT")
    (path / "b.txt").unlink()
    assert store.check(path) == ["b.txt", "inner/a.txt"]
    (path / "seal.json").write_text("{")
    assert store.check(path) == ["seal.json"]
    assert store.check(tmp_path / "absent") == ["seal.json"]


def test_building_again_replaces(tmp_path):
    build(tmp_path / "run", "old")
    build(tmp_path / "run", "new")
    assert (tmp_path / "run" / "inner" / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["run"]


def test_a_block_that_raises_leaves_what_was(tmp_path):
    build(tmp_path / "run", "old")

    def stop():
        with store.building(tmp_path / "run") as work:
            (work / "a").write_text("half")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop()
    assert names(tmp_path) == ["run"]
    assert store.check(tmp_path / "run") == []


def test_what_a_killed_builder_left_is_cleared(tmp_path):
    (tmp_path / ".run.building" / "deep").mkdir(parents=True)
    (tmp_path / ".run.building" / "deep" / "half").write_text("half")
    build(tmp_path / "run")
    assert not list((tmp_path / "run").rglob("half"))
    assert names(tmp_path) == ["run"]


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_named_and_nothing_half_made_stays(tmp_path, monkeypatch):
    store.write_atomic(tmp_path / "a.txt", "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"disk is full: .*a\.txt.*FGNB_RUNS") as caught:
        store.write_atomic(tmp_path / "a.txt", "new")
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(OSError, match=r"disk is full: .*run"):
        build(tmp_path / "run")
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_an_atomic_write_makes_its_folder_and_takes_text_or_bytes(tmp_path):
    store.write_atomic(tmp_path / "new" / "a", "é")
    assert (tmp_path / "new" / "a").read_bytes() == "é".encode()
    store.write_atomic(tmp_path / "new" / "a", b"\x00")
    assert (tmp_path / "new" / "a").read_bytes() == b"\x00"
    assert names(tmp_path / "new") == ["a"]


HOLD = """
import sys, time
from fgnb import store
with store.lock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(30)
"""


def test_a_second_process_waits_and_a_killed_one_lets_go(tmp_path):
    path = tmp_path / "deep" / "run"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        waited = []

        def waiting():
            waited.append(time.monotonic())
            child.kill()

        with store.lock(path, waiting):
            assert len(waited) == 1
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    with store.lock(path, lambda: pytest.fail("nobody holds it")):
        pass
