"""Which sets are official, a subset or drawn, what their pixels are, and which are refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from fgnb import claims
from fgnb.data import DataError, cub, verify
from fgnb.data.protocol import AIRCRAFT, CARS, CUB, row_protocol, settle


def declaration(root) -> dict:
    """A right declaration of the fixture's set, hashed by the rule spelt out."""
    total = b""
    for path in sorted((root / "images").rglob("*.jpg"), key=lambda p: p.as_posix()):
        total += path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest()
    return {
        "of": "CUB-200-2011",
        "classes": [1, 2, 3],
        "split": "official",
        "train": 12,
        "test": 6,
        "images_sha256": hashlib.sha256(total).hexdigest(),
    }


@pytest.fixture
def write_subset(write_cub):
    """A function that writes the fixture's set as a declared subset and returns its folder."""

    def write():
        root = write_cub(drawn=False)
        (root / "subset.json").write_text(json.dumps(declaration(root)))
        return root

    return write


def test_a_declared_subset_is_one(write_cub):
    root = write_cub(drawn=False)
    (root / "subset.json").write_text(json.dumps(declaration(root)))
    before = sorted(p for p in root.rglob("*"))
    report = verify(root.parent)
    assert (report.protocol, report.classes, report.train, report.test) == ("subset", 3, 12, 6)
    assert report.title == "CUB-200-2011 (3 of 200 classes)"
    assert report.images_sha256 == declaration(root)["images_sha256"]
    assert "12 training, 6 test" in str(report)
    assert sorted(p for p in root.rglob("*")) == before


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train", 13, "declares 13 train images, 12 were found"),
        ("test", 5, "declares 5 test images, 6 were found"),
        ("classes", [1, 2, 4], r"without images: \[4\], not declared: \[3\]"),
        ("images_sha256", "0" * 64, "an image is damaged or replaced"),
        ("of", "Stanford Cars", "declares a subset of 'Stanford Cars'"),
    ],
)
def test_a_declaration_that_disagrees_is_refused(write_cub, key, value, message):
    root = write_cub(drawn=False)
    (root / "subset.json").write_text(json.dumps({**declaration(root), key: value}))
    with pytest.raises(DataError, match=message):
        verify(root)


def test_a_declaration_must_be_whole_and_json(write_cub):
    root = write_cub(drawn=False)
    partial = declaration(root)
    del partial["images_sha256"]
    (root / "subset.json").write_text(json.dumps(partial))
    with pytest.raises(DataError, match='lacks "images_sha256"; for the files found it would be'):
        verify(root)
    (root / "subset.json").write_text("{")
    with pytest.raises(DataError, match=r"subset.json is not JSON"):
        verify(root)
    (root / "subset.json").write_text("[]")
    with pytest.raises(DataError, match="expected a JSON object"):
        verify(root)


def test_a_damaged_image_breaks_the_declared_hash(write_cub):
    root = write_cub(drawn=False)
    (root / "subset.json").write_text(json.dumps(declaration(root)))
    path = root / "images" / "001.Kind_1" / "Kind_0001.jpg"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(DataError, match="images_sha256"):
        verify(root)


def test_an_undeclared_part_is_refused_with_the_declaration_to_write(write_cub):
    root = write_cub(drawn=False)
    with pytest.raises(DataError) as caught:
        verify(root)
    message = str(caught.value)
    assert "3 classes, 12 training and 6 test images" in message
    assert "200 classes, 5994 training and 5794 test images" in message
    assert "97eceeb196236b17998738112f37df78" in message
    assert declaration(root)["images_sha256"] in message
    assert not (root / "subset.json").exists()


def test_the_published_counts_are_enough_and_one_image_less_is_not(tmp_path):
    ids = list(range(1, 201))
    assert settle(tmp_path, CUB.counts, ids, "0", CUB).protocol == "official"
    assert settle(tmp_path, CUB.counts, ids, "0", CUB).title == "CUB-200-2011"
    with pytest.raises(DataError, match="5993 training"):
        settle(tmp_path, {**CUB.counts, "train": 5993}, ids, "0", CUB)
    with pytest.raises(DataError, match="published Stanford Cars has 196 classes, 8144 training"):
        settle(tmp_path, CUB.counts, ids, "0", CARS)


@pytest.mark.parametrize(("of", "slug"), [(CUB, "cub"), (CARS, "cars"), (AIRCRAFT, "aircraft")])
def test_the_published_counts_are_those_of_table_1(of, slug):
    ledger = claims.load()
    for name, count in of.counts.items():
        assert ledger[f"ccfr.table1.{slug}.{name}"].value == count


def test_a_subset_with_a_split_of_its_own_says_so(write_cub):
    root = write_cub(drawn=False)
    text = json.dumps({**declaration(root), "split": "halves of the training images"})
    (root / "subset.json").write_text(text)
    assert verify(root).title == "CUB-200-2011 (3 of 200 classes, a split of its own)"


PIXELS = "original size, re-encoded as JPEG at quality 80"


def test_what_was_done_to_the_pictures_is_said_where_the_set_is_named(write_subset):
    root = write_subset()
    undeclared = cub.load(root)
    assert undeclared.pixels == "unverified pixels"
    assert undeclared.named == "CUB-200-2011 (3 of 200 classes), unverified pixels"
    assert f"{root / 'images.json'} is missing" in str(verify(root))
    for pixels, said in ((PIXELS, PIXELS), ("original", "original pixels")):
        (root / "images.json").write_text(json.dumps({"pixels": pixels, "source": "a mirror"}))
        images = cub.load(root)
        assert images.pixels == pixels
        assert images.named == f"CUB-200-2011 (3 of 200 classes), {said}"
        assert images.named in repr(images)
        assert images.fingerprint == undeclared.fingerprint
        assert images.title == undeclared.title
    text = str(verify(root))
    assert "protocol     subset\n" in text
    assert "pixels       original\n" in text


def test_drawn_pictures_have_no_pixels_to_declare(write_cub):
    root = write_cub()
    (root / "images.json").write_text('{"pixels": "original"}')
    images = cub.load(root)
    assert (images.pixels, images.named) == ("", images.title)
    assert "protocol     drawn\n  pixels       drawn here\n" in str(verify(root))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"images\.json is not JSON"),
        ('"original"', r"images\.json holds a str: expected a JSON object"),
        ("{}", r'images\.json gives "pixels" as None: expected one line of text'),
        ('{"pixels": true}', 'gives "pixels" as True'),
        ('{"pixels": " "}', "gives \"pixels\" as ' '"),
        (r'{"pixels": "cropped\nand reduced"}', "expected one line of text"),
    ],
)
def test_a_damaged_declaration_of_the_pictures_is_refused(write_subset, text, message):
    root = write_subset()
    (root / "images.json").write_text(text)
    with pytest.raises(DataError, match=message):
        verify(root)


@pytest.mark.parametrize(
    ("protocol", "pixels", "as_published", "expected"),
    [
        ("official", "original", True, "published"),
        ("official", "original", False, "official"),
        ("official", "original size", True, "official"),
        ("official", PIXELS, True, "official"),
        ("official", "unverified pixels", True, "official"),
        ("official", "", True, "official"),
        ("subset", "original", True, "subset"),
        ("subset", PIXELS, False, "subset"),
        ("drawn", "original", True, "drawn"),
        ("drawn", "", True, "drawn"),
    ],
)
def test_a_row_is_published_only_with_all_that_the_paper_had(
    write_cub, protocol, pixels, as_published, expected
):
    images = replace(cub.load(write_cub()), protocol=protocol, pixels=pixels)
    assert row_protocol(images, as_published=as_published) == expected


def test_a_whole_set_is_official_with_the_pixels_that_it_declares(tmp_path):
    ids = list(range(1, 201))
    assert settle(tmp_path, CUB.counts, ids, "0", CUB).pixels == "unverified pixels"
    (tmp_path / "images.json").write_text(json.dumps({"pixels": PIXELS}))
    standing = settle(tmp_path, CUB.counts, ids, "0", CUB)
    assert (standing.protocol, standing.pixels) == ("official", PIXELS)


def test_drawn_pictures_are_never_official(tmp_path):
    spec = {"kind": "birds", "species": 200, "train_per_class": 3, "test_per_class": 2}
    counts = {"classes": 200, "train": 600, "test": 400}
    (tmp_path / "drawn.json").write_text(json.dumps({"spec": {**spec, "control": True}}))
    standing = settle(tmp_path, counts, list(range(1, 201)), "0", CUB)
    assert standing.protocol == "drawn"
    assert standing.title == "drawn birds (200 classes, control set)"
    with pytest.raises(DataError, match=r"drawn.json was drawn with .*draw the set again"):
        settle(tmp_path, CUB.counts, list(range(1, 201)), "0", CUB)
    for text in ("{}", '{"spec": [1]}'):
        (tmp_path / "drawn.json").write_text(text)
        with pytest.raises(DataError, match=r'drawn\.json lacks "spec"'):
            settle(tmp_path, counts, list(range(1, 201)), "0", CUB)


def test_decoding_finds_the_damage_that_counts_do_not(write_cub):
    root = write_cub()
    path = root / "images" / "002.Kind_2" / "Kind_0008.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[:300])
    with pytest.raises(DataError, match=r"Kind_0008.jpg can't be read"):
        verify(root)  # the head is damaged already
    path.write_bytes(whole[:-300])
    assert verify(root).decoded == 0
    with pytest.raises(DataError, match=r"Kind_0008.jpg can't be read"):
        verify(root, decode=True)


def test_another_layout_is_refused(tmp_path):
    with pytest.raises(ValueError, match="layout is 'voc', needs one of cub, cars, aircraft"):
        verify(tmp_path, "voc")


def test_the_real_birds_match_their_declaration(real_data):
    report = verify(real_data, "cub")
    assert (report.protocol, report.classes, report.train, report.test) == (
        "subset",
        40,
        1200,
        1090,
    )
    declared = json.loads((real_data / "CUB_200_2011" / "subset.json").read_text())
    assert report.images_sha256 == declared["images_sha256"]
    assert report.pixels == "original size, re-encoded as JPEG at quality 80"
