"""The digest of code: what changes it, what does not, on a small package and on fgnb itself."""

import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import fgnb
from fgnb import store
from fgnb.store import code

FILES = {
    "__init__.py": '"""Top."""\n__version__ = "1"\n',
    "one/__init__.py": """
        from toy.one.model import Model
        from toy.one.other import other
    """,
    "one/model.py": '''
        """The model."""
        from __future__ import annotations

        from typing import TYPE_CHECKING

        from toy import both
        from toy.parts import halve as half

        from . import near

        if TYPE_CHECKING:
            from toy.typed import Typed


        class Model:
            """A class."""

            size = 3

            def step(self, x):
                """A method."""
                from toy.late import late

                return half(x) + both.two + near.n  # a comment
    ''',
    "one/near.py": "n = 1\n",
    "one/other.py": "def other(): return 1\n",
    "two.py": "paper = 2\n",
    "both.py": "two = 2\n",
    "late.py": "late = 1\n",
    "typed.py": "class Typed: ...\n",
    "parts/__init__.py": """
        from .cut import cut
        from .half import halve
        __all__ = ["cut", "halve"]
    """,
    "parts/half.py": "from .deep import d\ndef halve(x): return x / 2\n",
    "parts/deep.py": "from toy.parts import halve\nd = 1\n",
    "parts/cut.py": "def cut(x): return x\n",
    "lazy/__init__.py": """
        import importlib
        def __getattr__(name):
            return getattr(importlib.import_module("toy.lazy.hidden"), name)
    """,
    "lazy/hidden.py": "thing = 1\n",
    "uses_lazy.py": "from toy.lazy import thing\n",
    "uses_whole.py": "import toy.parts as p\n",
    "acts/__init__.py": "from toy.both import two\nthree = two + 1\n",
    "acts/inner.py": "x = 1\n",
}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    root = tmp_path / "toy"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    return root


def modules(name):
    return {m.removeprefix("toy.") for m in store.imported_modules(f"toy.{name}")}


def test_what_is_truly_imported_counts(toy):
    assert modules("one.model") == {
        *("toy", "one", "one.model", "one.near", "both", "late"),
        *("parts", "parts.half", "parts.deep"),
    }
    assert "toy" not in sys.modules


def test_lazy_whole_and_acting_packages(toy):
    assert modules("uses_lazy") >= {"lazy", "lazy.hidden"}
    assert modules("uses_whole") >= {"parts.half", "parts.cut"}
    assert modules("acts.inner") == {"toy", "acts", "acts.inner", "both"}


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


CHANGES = [
    ("one/model.py", "size = 3", "size = 4"),
    ("one/model.py", "half(x) +", "half(x) -"),
    ("one/near.py", "n = 1", "n = 2"),
    ("parts/half.py", "x / 2", "x * 0.5"),
    ("parts/deep.py", "d = 1", "d = 1.0"),
    ("late.py", "late = 1", "late = None"),
    ("parts/__init__.py", "from .half import halve", "from .cut import cut as halve"),
    ("one/__init__.py", "from toy.one.other", "print(3)\nfrom toy.one.other"),
]
STILL = [
    ("one/model.py", '"""A method."""', '"""Another\n        text."""'),
    ("one/model.py", '"""A class."""\n', ""),
    ("one/model.py", "# a comment", "# other words"),
    ("one/model.py", "size = 3", "size = (3)\n\n    'text that is no docstring'"),
    ("one/other.py", "return 1", "return 2"),
    ("two.py", "paper = 2", "paper = 3"),
    ("parts/cut.py", "return x", "return -x"),
    ("typed.py", "...", "pass"),
    ("__init__.py", '"1"', '"2"'),
    ("one/__init__.py", "from toy.one.other import other", ""),
]


@pytest.mark.parametrize(("name", "old", "new"), CHANGES)
def test_an_edit_of_what_is_computed_with_changes_the_digest(toy, name, old, new):
    before = store.code_digest(["toy.one.model"])
    edit(toy / name, old, new)
    assert store.code_digest(["toy.one.model"]) != before


@pytest.mark.parametrize(("name", "old", "new"), STILL)
def test_an_edit_of_anything_else_does_not(toy, name, old, new):
    before = store.code_digest(["toy.one.model"])
    edit(toy / name, old, new)
    assert store.code_digest(["toy.one.model"]) == before


def test_a_module_without_a_file_is_refused(toy):
    with pytest.raises(ValueError, match="define the stage in a module of its own"):
        store.code_digest(["toy.nothing"])


@pytest.fixture
def settled(toy):
    """The package as if its files had lain there for an hour; gives what sets them so again."""

    def settle(seconds=3600):
        then = time.time_ns() - seconds * 10**9
        for place in (*toy.rglob("*"), toy, toy.parent, *toy.parents[1:4]):
            os.utime(place, ns=(then, then))

    settle()
    return settle


@pytest.fixture
def walks(monkeypatch):
    """Counts walks over imports."""
    begun = []
    walk = code.Walk
    monkeypatch.setattr(code, "Walk", lambda *given: begun.append(given) or walk(*given))
    return begun


def test_an_answer_is_kept_while_its_files_stay(toy, settled, walks):
    first = store.code_digest(["toy.one.model"])
    assert store.code_digest(["toy.one.model"]) == first
    assert len(walks) == 1
    (toy / "elsewhere.md").write_text("no module, in a folder that was looked into")
    assert store.code_digest(["toy.one.model"]) == first
    edit(toy / "two.py", "2", "3")
    assert store.code_digest(["toy.one.model"]) == first
    assert store.code_digest(["toy.two"]) != first


@pytest.mark.parametrize(("name", "old", "new"), CHANGES)
def test_a_kept_answer_ends_with_an_edit(toy, settled, walks, name, old, new):
    before = store.code_digest(["toy.one.model"])
    edit(toy / name, old, new)
    after = store.code_digest(["toy.one.model"])
    assert after != before
    assert len(walks) == 2
    # What has just been written may be written again within the same tick of the file's clock.
    assert store.code_digest(["toy.one.model"]) == after
    assert len(walks) == 3
    settled(1800)
    assert [store.code_digest(["toy.one.model"]) for _ in range(2)] == [after, after]
    assert len(walks) == 4


def test_a_kept_answer_ends_where_a_module_appears_or_goes(toy, settled):
    (toy / "uses_new.py").write_text("from toy import later, parts\nfrom toy.parts import *\n")
    settled()
    before = store.code_digest(["toy.uses_new"])
    (toy / "later").mkdir()
    (toy / "later/__init__.py").write_text("n = 1\n")
    appeared = store.code_digest(["toy.uses_new"])
    assert appeared != before
    settled(1800)
    store.code_digest(["toy.uses_new"])
    (toy / "parts/extra.py").write_text("n = 1\n")
    assert store.code_digest(["toy.uses_new"]) != appeared
    (toy / "parts/extra.py").unlink()
    shutil.rmtree(toy / "later")
    assert store.code_digest(["toy.uses_new"]) == before


def test_what_a_text_reaches(toy):
    reached = store.reached_from("x = 1\nimport math\n")
    assert reached.modules == frozenset()
    shown = store.reached_from("from fgnb.report import render\n", frozenset({"fgnb.store"}))
    assert {"fgnb", "fgnb.report", "fgnb.report.render"} <= shown.modules
    assert store.reached_from("from fgnb.report import render\n").modules == frozenset()
    narrow = store.reached_from("from fgnb.ccfr import hinge\n").modules
    whole = store.reached_from("from fgnb import ccfr\n").modules
    assert "fgnb.ccfr.multilevel" in narrow < whole
    assert "fgnb.ccfr.stages" in whole - narrow
    with pytest.raises(ValueError, match=r"there is no module fgnb\.nothing"):
        store.reached_from("def f():\n    from fgnb.nothing import x\n")


def test_several_modules_in_any_order(toy):
    both = store.code_digest(["toy.two", "toy.one.model"])
    assert both == store.code_digest(["toy.one.model", "toy.two"])
    assert both != store.code_digest(["toy.one.model"])


LIST = """
import sys
from fgnb import store
print(store.code_digest([sys.argv[1]]))
print(*sorted(store.imported_modules(sys.argv[1])))
assert "torch" not in sys.modules and "numpy" not in sys.modules
"""


def digest_of(root: Path, module: str) -> tuple[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", LIST, module],
        cwd=root,
        env={"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    digest, imported = done.stdout.splitlines()
    return digest, imported.split()


def test_four_edits_of_the_real_library(tmp_path):
    copy = tmp_path / "fgnb"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(fgnb.__file__).parent, copy, ignore=ignored)
    stage, helper = "fgnb.ccfr.stages", "fgnb.nn.maps"
    before, imported = digest_of(tmp_path, stage)
    assert helper in imported
    outside = {
        "paths",
        "claims",
        "report",
        "pages",
        "book",
        "cli",
        "joint",
        "pose",
        "focus",
        "store",
    }
    assert not outside & {name.split(".")[1] for name in imported if "." in name}

    # Docstrings, plots and another paper's code first: none of them changes the digest.
    for file in (copy / "ccfr" / "stages.py", copy / "nn" / "maps.py"):
        edit(file, '"""', '"""Other words. ')
    for folder in ("report", "focus"):
        (copy / folder).mkdir(exist_ok=True)
        for file in {*(copy / folder).rglob("*.py"), copy / folder / "new.py"}:
            with file.open("a") as end:
                end.write("\nadded = 1\n")
    assert digest_of(tmp_path, stage)[0] == before

    with (copy / "nn" / "maps.py").open("a") as end:
        end.write("\nadded = 1\n")
    helped, _ = digest_of(tmp_path, stage)
    assert helped != before
    with (copy / "ccfr" / "stages.py").open("a") as end:
        end.write("\nadded = 1\n")
    assert digest_of(tmp_path, stage)[0] not in (before, helped)
