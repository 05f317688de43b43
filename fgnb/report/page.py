"""The page object: what a notebook asks for its tables, its "in short" and everything under folds.

A page module (`fgnb/pages/<paper>/<module>.py`) declares what the page holds:

- ``NOTEBOOK``: path below notebooks/ without suffix;
- ``TABLES``: every `fgnb.report.layout.Table`, open or folded;
- ``derive(sheet, p)``, where rows follow from others (re-ranked answers, say); it adds them;
- ``CODE``: modules besides those of a run whose code makes the rows' arrays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from fgnb import paths, presets
from fgnb.report import archive, folds, records, render
from fgnb.report.layout import Table
from fgnb.report.render import Html
from fgnb.report.sheet import SETS, Number, Sheet
from fgnb.store import write_atomic

MOST_CLAIMS = 8
PAPER_BACKBONE = "resnet50"


class Page:
    """A notebook's page.

    Args:
        module: the page module.
        parameters: the checked parameters of the notebook.
        as_declared: whether all parameters of the recipe have their defaults.
    """

    def __init__(
        self, module: ModuleType, parameters: Mapping[str, Any], as_declared: bool
    ) -> None:
        self.module, self.p = module, SimpleNamespace(**parameters)
        self.notebook: str = module.NOTEBOOK
        self.paper = self.notebook.partition("/")[0]
        self.scale = presets.get(self.p.preset)
        self._as_declared = as_declared
        self._here: dict[str, Sheet] = {}
        self._frames: dict[tuple[int, int], pd.DataFrame] = {}
        self._shown: list[Table] = []
        wanted = sorted({row for table in module.TABLES for row in table.rows})
        rows = [*wanted, *getattr(module, "ROWS", ())]
        kept, self.refused = archive.recorded(self.paper)
        self.recorded, self.former = archive.sheets(kept, rows)
        for sheet in (*self.recorded, *self.former):
            self._derive(sheet)

    @cached_property
    def images(self) -> Any:
        """The `ImageSet` that the parameters name."""
        return self.open(self.p.dataset)

    def open(self, name: str, scale: Any = None) -> Any:
        """The set of a name, drawn at the page's scale or another."""
        from fgnb import data

        return data.open_images(name, data_root=self.p.data_root, preset=scale or self.scale)

    @cached_property
    def weights(self) -> Any:
        """What the network starts from: `fgnb.nn.weights.WeightsInfo`."""
        from fgnb.nn.weights import weights_info

        return weights_info(self.p.backbone, self.p.weights)

    @property
    def options(self) -> dict[str, Any]:
        """Network and seed, as every stage takes them."""
        return {name: getattr(self.p, name) for name in ("backbone", "weights", "seed")}

    @property
    def zoom(self) -> dict[str, Any]:
        """`options`, and length and size of regions where a parameter sets them."""
        of = {"epochs": "region_epochs", "crop_size": "crop_size", "scorer_signal": "scorer_signal"}
        given = {name: getattr(self.p, own, None) for name, own in of.items()}
        return self.options | {name: value for name, value in given.items() if value}

    def add(
        self,
        runs: Mapping[str, Any],
        arrays: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        dataset: str = "",
        images: Any = None,
    ) -> Sheet:
        """Put rows that were trained here beside the recorded ones; their sheet.

        Args:
            runs: row -> its run.
            arrays: row -> what is counted by image besides its answers.
            dataset: the set's name where it is not the page's own.
            images: that set.
        """
        context = self._context(dataset, images)
        sheet = self._sheet(context)
        for row, run in runs.items():
            own = dict((arrays or {}).get(row, {}))
            answers = records.answers_of(run) if "query_probs" in run.predictions else {}
            reads = int(run.spec.get("fold", "all") == "all")
            code = getattr(self.module, "CODE", ())
            sheet.add(records.of_run(context, row, run, answers | own, reads=reads, code_of=code))
        return self._changed(sheet)

    def count(
        self, row: str, arrays: Mapping[str, Any], *, dataset: str = "", images: Any = None
    ) -> Sheet:
        """Put a row beside the recorded ones that no network made; its sheet."""
        context = self._context(dataset, images)
        sheet = self._sheet(context)
        sheet.add(records.of_set(context, row, arrays, self.module.CODE))
        return self._changed(sheet)

    @property
    def sheets(self) -> list[Sheet]:
        """What stands: recorded on photographs, then this run's."""
        return [*self.recorded, *self._here.values()]

    def numbers(self, table: Table, sheet: Sheet) -> pd.DataFrame:
        """The numbers of a table on one sheet; see `fgnb.report.sheet.COLUMNS`."""
        key = (id(table), id(sheet))
        if key not in self._frames:
            self._frames[key] = sheet.numbers(table.numbers)
        return self._frames[key]

    def summary(self) -> Html:
        """The page "in short": its claims, from recorded photographs alone.

        Raises:
            ValueError: more than eight claims.
        """
        claims: dict[str, dict[Any, Any]] = {}
        for table in self.module.TABLES:
            for number in table.numbers:
                if number.short:
                    claims[number.short] = self._claim(table, number)
        if len(claims) > MOST_CLAIMS:
            raise ValueError(f"{len(claims)} claims are marked short, at most {MOST_CLAIMS} may be")
        counts = [sum(place in c for c in claims.values()) for place in range(len(self.recorded))]
        used = [place for place, count in enumerate(counts) if 2 * count > max(counts)]
        shown: dict[str, dict[Any, Any]] = {
            words: {"published": found["published"]}
            | {new: found[old] for new, old in enumerate(used) if old in found}
            for words, found in claims.items()
        }
        sheets = [self.recorded[place] for place in used]
        note = folds.code_note(self.recorded)
        return Html(f"<h2 class='fgnb-h'>In short</h2>{render.summary(shown, sheets)}{note}")

    def table(self, table: Table) -> Html:
        """A table: published, on photographs, this run."""
        self._shown.append(table)
        return Html(render.table(table, self._of(table)))

    def details(self) -> Html:
        """Everything else under folds; numbers and records of this run are kept beside the page."""
        self._save()
        hidden = [table for table in self.module.TABLES if table not in self._shown]
        others = "".join(render.table(table, self._of(table)) for table in hidden)
        aside = [folds.beside(table, self._of(table)) for table in self.module.TABLES]
        tests = [folds.tests(table, self._of(table)) for table in self.module.TABLES]
        parts = {
            "Every other number of this page": others + "".join(aside),
            "Paired tests in full": "".join(tests),
            "Settings": "".join(map(folds.settings, self.sheets)),
            "Provenance": "".join(map(folds.provenance, self.sheets)),
            "Former recordings": folds.former(self.former, self.module.TABLES),
            "Records that are not shown": folds.refused(self.refused),
        }
        return Html("".join(render.fold(title, body) for title, body in parts.items() if body))

    def _of(self, table: Table) -> list[tuple[Sheet, pd.DataFrame]]:
        """The sheets that have a column, with their numbers.

        A recorded set that answers less than half of what another does waits under a fold.
        """
        every = table.by_set or table.every_set
        own = getattr(self.p, "dataset", "")
        here = [s for s in self._here.values() if every or s.origin.dataset == own]
        found = [(sheet, self.numbers(table, sheet)) for sheet in (*self.recorded, *here)]
        most = max((len(frame) for sheet, frame in found if sheet.recorded), default=0)
        return [(s, f) for s, f in found if not s.recorded or every or 2 * len(f) > most]

    def _claim(self, table: Table, number: Number) -> dict[Any, Any]:
        """The published value of a claim, and its line on each recorded sheet."""
        found: dict[Any, Any] = {"published": ""}
        for place, sheet in enumerate(self.recorded):
            line = render.pick(self.numbers(table, sheet), number)
            if line is not None:
                found[place] = line
        found["published"] = self._printed(number)
        return found

    def _printed(self, number: Number) -> str:
        """What is published of a number; a line a set where sets differ."""
        sheets = {sheet.slug: sheet for sheet in self.recorded or self.sheets}
        known = {slug: render.published_of(number, sheet) for slug, sheet in sheets.items()}
        texts = {slug: text for slug, text in known.items() if text}
        if len(set(texts.values())) < 2:
            return next(iter(texts.values()), "") if sheets else render.published_of(number, None)
        return ", ".join(f"{text} <small>({SETS[slug]})</small>" for slug, text in texts.items())

    def _context(self, dataset: str, images: Any) -> records.Context:
        published = (
            self._as_declared
            and self.p.preset == "paper"
            and getattr(self.p, "backbone", "") == PAPER_BACKBONE
            and self.p.weights == "imagenet"
        )
        return records.Context(
            self.paper,
            self.p.preset,
            self.images if images is None else images,
            self.weights if hasattr(self.p, "backbone") else None,
            dataset or self.p.dataset,
            published,
        )

    def _sheet(self, context: records.Context) -> Sheet:
        key = f"{context.dataset} {context.images.fingerprint}"
        return self._here.setdefault(key, Sheet(self.paper))

    def _derive(self, sheet: Sheet) -> None:
        derive = getattr(self.module, "derive", None)
        if derive is not None:
            derive(sheet, self.p)

    def _changed(self, sheet: Sheet) -> Sheet:
        self._derive(sheet)
        self._frames = {key: frame for key, frame in self._frames.items() if key[1] != id(sheet)}
        return sheet

    def _save(self) -> None:
        """This run's records, and the numbers of all sheets for overview pages and scorecard."""
        folder = paths.results_dir()
        name = self.notebook.rpartition("/")[2]
        for sheet in self._here.values():
            for row in sheet.measured.values():
                archive.write(row, folder)
        lines: list[dict[str, Any]] = []
        for table in self.module.TABLES:
            for sheet, frame in self._of(table):
                about = {"notebook": self.notebook, "table": table.title, **folds.about(sheet)}
                lines += [{**line, **about} for line in frame.to_dict("records")]
        text = json.dumps(lines, indent=1, ensure_ascii=False, default=_plain)
        write_atomic(folder / f"{name}{archive.NUMBERS}", f"{text}\n")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} has no place in a file of numbers")
