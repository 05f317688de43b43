"""One line a parameter: what is read, what is refused."""

import pytest

from fgnb.book.declaration import DeclarationError, ParameterError, Range, parse_cell

CELL = """preset: str = "demo"  # how large {smoke, demo, paper}
topn: int = 5  # candidate classes [1, 10]

# Weight of the vote.
alpha: float = 0.5
plain: bool = False"""


def one(text):
    (parameter,) = parse_cell(text)
    return parameter


def test_a_cell_gives_names_types_defaults_help_and_constraints():
    found = {p.name: p for p in parse_cell(CELL)}
    assert list(found) == ["preset", "topn", "alpha", "plain"]
    assert found["preset"].choices == ("smoke", "demo", "paper")
    assert found["preset"].help == "how large"
    assert found["topn"].range == Range(1, 10)
    assert (found["alpha"].type, found["alpha"].default) == (float, 0.5)
    assert found["plain"].default is False


def test_ends_of_a_range_are_in_or_out_as_written():
    half_open = one("lr: float = 0.1  # step (0, inf]")
    with pytest.raises(ParameterError, match=r"lr is 0.0 \(float\); it should be .* in \(0, inf\]"):
        half_open.parse("0")
    assert half_open.parse("1e9") == 1e9
    closed = one("t: float = 0.1  # step [0, 1]")
    assert (closed.parse("0"), closed.parse("1")) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [("3", "int", 3), ("3", "float", 3.0), ("yes", "bool", True), ("False", "bool", False)],
)
def test_text_is_parsed_by_the_declared_type(text, kind, value):
    default = {"int": "1", "float": "1.0", "bool": "True"}[kind]
    got = one(f"x: {kind} = {default}").parse(text)
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("3.5", "int"), ("nan", "float"), ("inf", "float"), ("2", "bool"), ("", "int")],
)
def test_text_of_another_type_is_refused(text, kind):
    default = {"int": "1", "float": "1.0", "bool": "True"}[kind]
    with pytest.raises(ParameterError, match="it should be"):
        one(f"x: {kind} = {default}").parse(text)


@pytest.mark.parametrize(("kind", "value"), [("int", True), ("int", 1.0), ("str", 3), ("bool", 1)])
def test_values_are_not_bent_into_another_type(kind, value):
    default = {"int": "1", "str": "'a'", "bool": "True"}[kind]
    with pytest.raises(ParameterError, match=rf"x is {value!r} \({type(value).__name__}\)"):
        one(f"x: {kind} = {default}").check(value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x = 3", "should have the form"),
        ("x: int", "should have the form"),
        ("import os", "should have the form"),
        ("x: list = []", "type list; it should be one of str, int, float, bool"),
        ("x: int | None = None", "it should be one of"),
        ("x: int = 2 * 3", "plain value, not an expression"),
        ("x: int = 'a'", "x is 'a'; it should be a whole number"),
        ("x: int = 0  # count [1, 3]", "in \\[1, 3\\]"),
        ("x: str = 'a'  # which {b, c}", "one of b, c"),
        ("x: str = 'a'  # which [1, 3]", "needs a number"),
        ("x: int = 2  # count [1, many]", "can't read the constraint"),
        ("x: int = 1\nx: int = 2", "declared twice"),
        ("x: int = (", "is no Python"),
    ],
)
def test_a_line_of_another_form_is_named(line, message):
    with pytest.raises(DeclarationError, match=message) as caught:
        parse_cell(line)
    assert "\n" not in str(caught.value)


def test_folders_become_absolute_and_weights_only_where_a_file_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.safetensors").touch()
    assert one("data_root: str = ''").parse("sets") == str(tmp_path / "sets")
    assert one("data_root: str = ''").parse("") == ""
    weights = one("weights: str = 'imagenet'")
    assert weights.parse("imagenet") == "imagenet"
    assert weights.parse("own.safetensors") == str(tmp_path / "own.safetensors")
