"""Overrides against a notebook's declaration, before a kernel and inside one."""

from types import SimpleNamespace

import pytest
from conftest import PARAMETERS

from fgnb import paths
from fgnb.book import parameters
from fgnb.book.parameters import ParameterError
from fgnb.book.sources import NotebookError
from fgnb.notebook import begin as begin_page

DEFAULTS = {
    "preset": "demo",
    "dataset": "drawn",
    "data_root": "",
    "topn": 5,
    "alpha": 0.5,
    "gate": "sample",
    "plain": False,
}


@pytest.fixture
def page(project):
    project.add("a/page", "pass")
    return "a/page"


def begin(source, namespace):
    """The parameters of a page whose module is made up."""
    return begin_page(SimpleNamespace(NOTEBOOK=source, TABLES=()), namespace).p


def test_overrides_come_in_their_declared_types(page):
    got = parameters.given(parameters.declared(page), {"topn": "7", "alpha": 1}, page)
    assert got == {"topn": 7, "alpha": 1.0}
    assert type(got["alpha"]) is float


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tpn": "7"}, "a/page: unknown parameter 'tpn'; did you mean topn? it takes preset, data"),
        ({"topn": "seven"}, "a/page: topn is 'seven'; it should be a whole number in [1, 10]"),
        ({"topn": "11"}, "a/page: topn is 11 (int); it should be a whole number in [1, 10]"),
        ({"gate": "batch"}, "a/page: gate is 'batch'; it should be one of sample, all"),
    ],
)
def test_faulty_overrides_are_refused_in_one_line(page, values, message):
    with pytest.raises(ParameterError) as caught:
        parameters.given(parameters.declared(page), values, page)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_every_notebook_can_be_restricted_to_classes():
    for file in sorted(paths.notebooks_root().rglob("*.ipynb")):
        names = [parameter.name for parameter in parameters.declared(file)]
        assert names.index("classes") == names.index("data_root") + 1, file


def test_classes_change_the_data_and_leave_the_recipe(project):
    project.add("a/page", parameters=f'{PARAMETERS}\nclasses: str = ""  # of the set')
    module = SimpleNamespace(NOTEBOOK="a/page", TABLES=())
    for changed, as_declared in (({"classes": "1-3"}, True), ({"topn": 4}, False)):
        page = begin_page(module, {**DEFAULTS, "classes": "", **changed})
        assert page._as_declared is as_declared


def test_begin_returns_the_parameters_and_sets_them(page):
    namespace = {**DEFAULTS, "alpha": 1, "_private": 3, "np": pytest}
    got = begin(page, namespace)
    assert isinstance(got, SimpleNamespace)
    assert (got.topn, got.alpha) == (5, 1.0)
    assert type(namespace["alpha"]) is float


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sede": 3}, "unknown parameter 'sede'"),
        ({"sede": None}, "unknown parameter 'sede'"),
        ({"topn": 5.0}, r"topn is 5.0 \(float\)"),
        ({"topn": 0}, "topn is 0"),
        ({"dataset": 4}, r"dataset is 4 \(int\); it should be text"),
    ],
)
def test_begin_refuses_what_papermill_lets_through(page, change, message):
    with pytest.raises(ParameterError, match=message):
        begin(page, {**DEFAULTS, **change})


def test_in_a_kernel_the_injected_cell_tells_what_came_from_outside(page):
    own = {**DEFAULTS, "count": 3, "Out": {}}
    begin(page, {**own, "In": ["", "preset: str = 'demo'", "begin(...)", "count = 3"]})
    with pytest.raises(ParameterError, match="unknown parameter 'count'"):
        begin(page, {**own, "In": ["", "# Parameters\ntopn = 5\ncount = 3\n"]})


def test_a_parameter_that_is_not_set_yet_is_named(page):
    lacking = {key: value for key, value in DEFAULTS.items() if key != "gate"}
    with pytest.raises(ParameterError, match="gate is not set; run the parameters cell first"):
        begin(page, lacking)


def test_pairs_from_a_command_line():
    assert parameters.split(["topn=7", "note=a=b"]) == {"topn": "7", "note": "a=b"}
    for faulty in (["topn"], ["=7"], ["topn=7", "topn=8"]):
        with pytest.raises(ParameterError, match="parameter"):
            parameters.split(faulty)


def test_an_unknown_notebook_names_the_nearest(page):
    with pytest.raises(NotebookError, match="no notebook a/pgae; did you mean a/page"):
        parameters.declared("a/pgae")


def test_a_faulty_parameters_cell_names_notebook_and_line(project):
    project.add("a/faulty", parameters="topn = 5")
    with pytest.raises(NotebookError, match="a/faulty: parameters cell, line 1 should have the"):
        parameters.declared("a/faulty")


def test_a_notebook_that_is_no_json(project):
    file = project.add("a/torn", "pass")
    file.write_text(file.read_text()[:40])
    with pytest.raises(NotebookError, match=r"torn\.ipynb can't be read"):
        parameters.declared("a/torn")
