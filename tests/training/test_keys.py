"""What a run's key depends on, and what it does not."""

import sys
from dataclasses import dataclass

import pytest
from tiny_stages import TinyStage

from fgnb.training import describe_plan, environment, identity


def key(stage, root):
    return identity(stage, root).key


def test_spec_data_name_code_and_versions_count(tmp_path, monkeypatch):
    usual = key(TinyStage(), tmp_path)
    assert key(TinyStage(), tmp_path / "elsewhere") == usual
    keys = {usual, key(TinyStage(rate=0.2), tmp_path), key(TinyStage(threads=2), tmp_path)}
    for name, value in (("data_fingerprint", "other"), ("name", "tests/other")):
        stage = TinyStage()
        setattr(stage, name, value)
        keys.add(key(stage, tmp_path))
    stage = TinyStage()
    stage.modules = ("tiny_stages", "fgnb.metrics.accuracy")
    keys.add(key(stage, tmp_path))
    monkeypatch.setattr(environment, "versions", lambda: {"torch": "9"})
    keys.add(key(TinyStage(), tmp_path))
    assert len(keys) == 7


EXTRA = '''
"""A stage of its own."""
from dataclasses import dataclass
from extra_helper import helped

@dataclass(frozen=True)
class Spec:
    seed: int = 0
    threads: int = 1

class Stage:
    """Words."""
    name, data_fingerprint, spec = "tests/extra", "none", Spec()
    size = 3
'''


@pytest.fixture
def extra(tmp_path, monkeypatch):
    """A stage in a package of its own, which the test may edit."""
    package = tmp_path / "extra"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "stage.py").write_text(EXTRA.replace("extra_helper", "extra.helper"))
    (package / "helper.py").write_text("helped = 1\n")
    (package / "plots.py").write_text("colour = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    from extra.stage import Stage

    yield package, Stage()
    for name in [name for name in sys.modules if name.split(".")[0] == "extra"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("file", "old", "new", "changes"),
    [
        ("stage.py", "size = 3", "size = 4", True),
        ("helper.py", "helped = 1", "helped = 2", True),
        ("stage.py", "Words", "Other words", False),
        ("plots.py", "colour = 1", "colour = 2", False),
    ],
)
def test_four_edits(extra, file, old, new, changes, tmp_path):
    package, stage = extra
    before = key(stage, tmp_path)
    (package / file).write_text((package / file).read_text().replace(old, new))
    assert (key(stage, tmp_path) != before) == changes


def test_builds_of_one_release_count_as_one(monkeypatch):
    monkeypatch.setattr(environment, "version", lambda name: "2.11.0+cu130")
    assert set(environment.versions().values()) == {"2.11.0"}


def test_a_spec_needs_seed_and_threads(tmp_path):
    @dataclass(frozen=True)
    class Bare:
        seed: int = 0

    stage = TinyStage()
    stage.spec = Bare()
    with pytest.raises(TypeError, match="the spec of tests/tiny has no threads"):
        identity(stage, tmp_path)


def test_the_plan_is_told_without_training(tmp_path):
    plan = describe_plan(TinyStage(), tmp_path)
    assert plan["state"] == "absent"
    assert plan["path"] == tmp_path / "tests" / "tiny" / plan["key"]
    assert plan["spec"]["rate"] == 0.1
    assert not list(tmp_path.iterdir())


def test_the_store_is_the_default_root(tmp_path, monkeypatch):
    monkeypatch.setenv("FGNB_RUNS", str(tmp_path))
    assert identity(TinyStage()).path.parent == tmp_path / "tests" / "tiny"


def test_without_git_the_commit_is_unknown(tmp_path, monkeypatch):
    assert len(environment.commit().rstrip("+")) == 40
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.commit() == "unknown"
