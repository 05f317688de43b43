"""Canonical text and hashes."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgnb import store


@dataclass(frozen=True)
class Inner:
    rate: float


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    sizes: tuple[int, ...]


def test_a_hand_worked_case():
    value = Outer("café", Inner(0.1), (3, 2))
    text = '{"inner":{"rate":0.1},"name":"café","sizes":[3,2]}'
    assert store.canonical_json(value) == text
    assert store.digest(value) == hashlib.sha256(text.encode()).hexdigest()


def test_whole_numbers_and_floats_differ():
    assert store.digest({"a": 1}) != store.digest({"a": 1.0})
    assert store.digest({"a": 1}) != store.digest({"a": True})


@given(st.dictionaries(st.text(max_size=4), st.integers(), max_size=5))
def test_order_of_keys_does_not_matter(mapping):
    turned = dict(reversed(list(mapping.items())))
    assert store.canonical_json(mapping) == store.canonical_json(turned)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ({"a": [Path("x")]}, TypeError, r"value\.a\[0\] is a PosixPath.*content's hash"),
        ({"a": {1, 2}}, TypeError, r"value\.a is a set"),
        ({"a": np.float32(1)}, TypeError, "float32"),
        ({1: "a"}, TypeError, "the key 1"),
        (Inner(float("nan")), ValueError, r"value\.rate is nan"),
    ],
)
def test_values_without_a_lasting_text_are_refused(value, error, message):
    with pytest.raises(error, match=message):
        store.canonical_json(value)


def test_a_files_hash(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert store.file_sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()
