"""The page object: what a notebook asks for its tables, its "in short" and everything under folds.

A page module (`fgnb/pages/<paper>/<module>.py`) declares what the page holds:

- ``NOTEBOOK``: path below notebooks/ without suffix;
- ``TABLES``: every `fgnb.report.layout.Table`, open or folded;
- ``derive(sheet, p)``, where rows follow from others (re-ranked answers, say); it adds them;
- ``CODE``: modules besides those of a run whose code makes the rows' arrays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from html import escape
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from fgnb import data, paths, presets
from fgnb.nn.weights import weights_info
from fgnb.report import archive, folds, records, regimes, render, seeds, short
from fgnb.report.figures import Picture
from fgnb.report.layout import Table
from fgnb.report.records import Context, Record
from fgnb.report.render import Html
from fgnb.report.sheet import Number, Sheet
from fgnb.store import write_atomic

ByName = Mapping[str, Any]
MOST_CLAIMS = 8


class Page:
    """A notebook's page."""

    def __init__(self, module: ModuleType, parameters: ByName, as_declared: bool) -> None:
        """``as_declared`` says that every parameter of the recipe has its default."""
        self.module, self.p = module, SimpleNamespace(**parameters)
        self.notebook: str = module.NOTEBOOK
        self.paper = self.notebook.partition("/")[0]
        self.scale = presets.get(self.p.preset)
        self._as_declared = as_declared
        self._here: dict[str, Sheet] = {}
        self._frames: dict[tuple[int, int], pd.DataFrame] = {}
        self._shown: list[Table] = []
        rows = [row for table in module.TABLES for row in table.rows]
        kept, self.refused = archive.recorded(self.paper)
        self.recorded = regimes.sheets(kept, [*rows, *getattr(module, "ROWS", ())])
        self._derive = getattr(module, "derive", lambda sheet, p: None)
        reads = archive.test_reads(archive.ROOMS)
        for sheet in self.recorded:
            sheet.others = tuple(other for other in self.recorded if other is not sheet)
            for own in (sheet, *sheet.before, *sheet.seeds):
                own.others, own.reads = sheet.others, folds.reads_of(own, reads)
                self._derive(own, self.p)

    @cached_property
    def images(self) -> Any:
        """The `ImageSet` that the parameters name."""
        return self.open(self.p.dataset)

    def open(self, name: str, scale: Any = None) -> Any:
        """The set of a name, at the page's scale or another; `classes` restrict the page's own."""
        return data.open_images(
            name,
            data_root=self.p.data_root,
            preset=scale or self.scale,
            classes=getattr(self.p, "classes", "") if name == self.p.dataset else "",
        )

    @cached_property
    def weights(self) -> Any:
        """What the network starts from: `fgnb.nn.weights.WeightsInfo`."""
        return weights_info(self.p.backbone, self.p.weights)

    @property
    def options(self) -> dict[str, Any]:
        """Network, seed and frame, as every stage takes them."""
        return {name: getattr(self.p, name) for name in ("backbone", "weights", "seed", "frame")}

    @property
    def zoom(self) -> dict[str, Any]:
        """`options`, and length and size of regions where a parameter sets them."""
        of = {"epochs": "region_epochs", "crop_size": "crop_size", "scorer_signal": "scorer_signal"}
        given = {name: getattr(self.p, own, None) for name, own in of.items()}
        return self.options | {name: value for name, value in given.items() if value}

    def add(
        self, runs: ByName, arrays: ByName | None = None, *, dataset: str = "", images: Any = None
    ) -> Sheet:
        """Put rows that were trained here (row -> run) beside the recorded ones; their sheet.

        ``arrays`` hold what is counted by image besides the answers (row -> name -> array);
        ``dataset`` and ``images`` are the set where it is not the page's own.
        """
        context = self._context(dataset, images)
        made = []
        for row, run in runs.items():
            answers = records.answers_of(run) if "query_probs" in run.predictions else {}
            answers |= (arrays or {}).get(row, {})
            reads = int(run.spec.get("fold", "all") == "all")
            code = getattr(self.module, "CODE", ())
            made.append(records.of_run(context, row, run, answers, reads=reads, code_of=code))
        return self._put(context, made)

    def count(self, row: str, arrays: ByName, *, dataset: str, images: Any) -> Sheet:
        """Put a row beside the recorded ones that no network made; its sheet."""
        context = self._context(dataset, images)
        return self._put(context, [records.of_set(context, row, arrays, self.module.CODE)])

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

        A column a set, whose first sheet that answers a claim answers it.

        Raises:
            ValueError: more than eight claims.
        """
        tables = self.module.TABLES
        asked = {n.short: (table, n) for table in tables for n in table.numbers if n.short}
        if len(asked) > MOST_CLAIMS:
            raise ValueError(f"{len(asked)} claims are marked short, at most {MOST_CLAIMS} may be")
        set_names = list(dict.fromkeys(s.set_name for s in self.recorded or self.sheets)) or ["cub"]
        answers = {
            name: {words: self._first(table, n, name) for words, (table, n) in asked.items()}
            for name in set_names
        }
        counts = {name: sum(map(bool, of.values())) for name, of in answers.items()}
        used = [name for name in set_names if 2 * counts[name] > max(counts.values())]
        heads = [next(found[0] for found in answers[name].values() if found) for name in used]
        shown: dict[str, dict[Any, Any]] = {
            words: {"published": render.published_of(number, set_names)}
            | {place: answers[name][words] for place, name in enumerate(used)}
            for words, (_, number) in asked.items()
        }
        text = short.summary(shown, heads)
        return Html(f"<h2 class='fgnb-h'>In short</h2>{text}{folds.code_note(self.recorded)}")

    def table(self, table: Table) -> Html:
        """A table: published, on photographs, this run."""
        self._shown.append(table)
        return Html(render.table(table, self._of(table)))

    def drawn(self, table: Table, draw: Callable[[render.Frames], str]) -> Html:
        """A table that its page module lays out, from the sheets that have it and their numbers."""
        self._shown.append(table)
        return Html(draw(self._of(table)))

    def said(self, table: Table) -> Html:
        """What the readings of a table say of recorded photographs, in words."""
        return Html(short.said([of for of in self._of(table) if of[0].recorded]))

    def folded(self, title: str, *parts: Html | Picture) -> Html:
        """Results that a reader opens where they stand: what a page shows and is not about."""
        texts = (part.html() if isinstance(part, Picture) else part.text for part in parts)
        return Html(render.fold(title, "".join(texts)))

    def details(self) -> Html:
        """Everything else under folds; numbers and records of this run are kept beside the page."""
        frames = [(table, self._of(table)) for table in self.module.TABLES]
        self._save(frames)
        folded = [self._folded(table) for table in self.module.TABLES]
        others = [render.table(table, of) for table, of in frames if table not in self._shown]
        others += [folds.beside(table, of) for table, of in frames]
        every = [own for sheet in self.sheets for own in (sheet, *sheet.seeds)]
        parts = {
            "Every other number of this page": "".join(others),
            "Several seeds": "".join(seeds.over_seeds(table, self.recorded) for table, _ in frames),
            "Paired tests in full": "".join(folds.tests(table, of) for table, of in frames),
            "Settings": "".join(map(folds.settings, self.sheets)),
            "Provenance": "".join(map(folds.provenance, every)),
            "Former recordings": folds.former(self.recorded, self.module.TABLES, folded),
            "Records that are not shown": "".join(f"<p>{escape(str(r))}</p>" for r in self.refused),
        }
        return Html("".join(render.fold(title, body) for title, body in parts.items() if body))

    def _of(self, table: Table) -> list[tuple[Sheet, pd.DataFrame]]:
        """The sheets that have a column, with their numbers.

        A recorded set that answers no more than half of what another does has none, and a former
        regime only where it answers a claim that no newer one does.
        """
        every = table.by_set or table.every_set
        own = getattr(self.p, "dataset", "")
        here = [s for s in self._here.values() if every or s.origin.dataset == own]
        answered: dict[str, set[tuple[str, ...]]] = {}
        for sheet in self.recorded:
            lines = self.numbers(table, sheet)[["label", "kind", "rule"]]
            answered.setdefault(sheet.set_name, set()).update(map(tuple, lines.to_numpy()))
        most = max(map(len, answered.values()), default=0)
        folded = self._folded(table)
        shown = [
            sheet
            for sheet in self.recorded
            if not any(sheet is other for other in folded)
            and (every or 2 * len(answered[sheet.set_name]) > most)
        ]
        return [(sheet, self.numbers(table, sheet)) for sheet in (*shown, *here)]

    def _folded(self, table: Table) -> list[Sheet]:
        claimed = any(number.read for number in table.numbers)
        return regimes.folded(self.recorded, lambda sheet: self.numbers(table, sheet), claimed)

    def _first(self, table: Table, number: Number, set_name: str) -> Any:
        """The first recorded sheet of a set that has a number, and its line; None without one."""
        for sheet in self.recorded:
            if sheet.set_name == set_name:
                line = render.pick(self.numbers(table, sheet), number)
                if line is not None:
                    return sheet, line
        return None

    def _context(self, dataset: str, images: Any) -> Context:
        network = hasattr(self.p, "backbone")
        own = (self.p.preset, self.p.backbone, self.p.weights) if network else None
        papers = own == records.published_network(self.paper)
        weights = self.weights if network else None
        images = self.images if images is None else images
        name, published = dataset or self.p.dataset, self._as_declared and papers
        return Context(self.paper, self.p.preset, images, weights, name, published)

    def _put(self, context: Context, made: Iterable[Record]) -> Sheet:
        key = f"{context.dataset} {context.images.fingerprint}"
        sheet = self._here.setdefault(key, Sheet(self.paper))
        for record in made:
            sheet.add(record)
        self._derive(sheet, self.p)
        self._frames = {key: frame for key, frame in self._frames.items() if key[1] != id(sheet)}
        return sheet

    def _save(self, frames: Iterable[tuple[Table, render.Frames]]) -> None:
        """This run's records, and the numbers of all sheets for overview pages and scorecard."""
        folder = paths.results_dir()
        for row in (row for sheet in self._here.values() for row in sheet.measured.values()):
            archive.write(row, folder)
        lines: list[dict[Any, Any]] = []
        for table, of in frames:
            for sheet, frame in of:
                about = {"notebook": self.notebook, "table": table.title, **folds.about(sheet)}
                lines += [{**line, **about} for line in frame.to_dict("records")]
        text = json.dumps(lines, indent=1, ensure_ascii=False, default=np.generic.item)
        name = self.notebook.rpartition("/")[2]
        write_atomic(folder / f"{name}{archive.NUMBERS}", f"{text}\n")
