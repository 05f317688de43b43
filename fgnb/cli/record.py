"""`fgnb record ccfr --rows table-3`: rows of a table one after another, each kept as it comes.

A row that is there is skipped: its record names the run that would be trained, by spec, start,
data, code and versions. A row that was stopped goes on from its last checkpoint.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import typer

from fgnb.cli import train
from fgnb.cli.errors import known, message
from fgnb.cli.run import limited
from fgnb.cli.words import literal


@dataclass(frozen=True)
class Row:
    """One row for one seed."""

    paper: str
    name: str
    seed: int

    def __str__(self) -> str:
        return f"{self.paper}/{self.name}, seed {self.seed}"


def record(
    paper: str,
    rows: str,
    given: Mapping[str, str],
    scale: Mapping[str, str],
    *,
    minutes: float | None = None,
    dry_run: bool = False,
) -> None:
    """Train and keep what is not there yet.

    Args:
        paper: its short name.
        rows: names of rows and of lists of rows, by commas; empty: all lists.
        given: preset, dataset, data_root, classes, seeds, and options or spec fields of the stages.
        scale: values of the preset to replace.
        minutes: when to stop, the row under way included; None: when all are there.
        dry_run: say what is there and what is not, and train nothing.

    Raises:
        ValueError: an unknown row or option, a drawn set; or rows that failed, after the others.
    """
    names = chosen(paper, rows)
    seeds = _seeds(given)
    rest = {name: value for name, value in given.items() if name != "seeds"}
    wanted = [Row(paper, name, seed) for seed in seeds for name in names]
    there, failed = 0, list[str]()
    with limited(None if dry_run else minutes) as alarm:  # the set's own hash counts as well
        preset, images, _, options = train.asked(rest, scale)
        dataset = train.photographs(images, rest)
        try:
            for row in wanted:
                stage = _stage(row, preset, images, options)
                if _is_there(row, stage):
                    typer.echo(f"{row}: is there")
                    there += 1
                    continue
                if dry_run:
                    typer.echo(f"{row}: {_state(stage)}")
                    continue
                try:
                    _keep(row, preset, images, dataset, options)
                    there += 1
                except Exception as error:
                    if alarm.over or not known(error):  # what a stop breaks off is no failure
                        raise
                    failed.append(f"{row}: {message(error)}")
                    typer.echo(f"{row}: failed: {message(error)}", err=True)
        finally:
            typer.echo(f"{there} of {len(wanted)} rows are there")
    if failed:
        raise ValueError(f"{len(failed)} of {len(wanted)} rows failed: {'; '.join(failed)}")


def chosen(paper: str, rows: str) -> tuple[str, ...]:
    """The rows that a text of names stands for, each once, in its order.

    Raises:
        ValueError: no such paper, row or list.
    """
    lists, every = train.listed(paper, "rows", "LISTS"), train.rows(paper)
    if not lists:
        raise ValueError(f"paper is {paper!r}; rows can be recorded of ccfr, focus and pose")
    found: list[str] = []
    for name in rows.split(",") if rows else lists:
        name = name.strip()
        if name not in lists and name not in every:
            raise ValueError(
                f"rows names {name!r}, no row of {paper}; there are the lists "
                f"{', '.join(lists)} and the rows {', '.join(every)}"
            )
        found += lists.get(name, (name,))
    return tuple(dict.fromkeys(found))


def _seeds(given: Mapping[str, str]) -> list[int]:
    text = given.get("seeds", given.get("seed", "0"))
    seeds = [literal(part.strip()) for part in text.split(",")]
    for seed in seeds:
        if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
            raise ValueError(f"seeds is {text!r}, needs whole numbers by commas: 0,1,2")
    return list(dict.fromkeys(seeds))


def _stage(row: Row, preset: Any, images: Any, options: Mapping[str, Any]) -> Any:
    make = importlib.import_module(f"fgnb.{row.paper}.rows").row_stage
    try:
        return make(row.name, preset, images, seed=row.seed, **options)
    except TypeError as error:
        raise ValueError(f"{row} does not take {', '.join(options)}: {error}") from error


def _is_there(row: Row, stage: Any) -> bool:
    from fgnb import training
    from fgnb.report import archive

    key = training.identity(stage).key
    return any(
        row.name == one.row and key in one.origin.run_keys for one in archive.recorded(row.paper)[0]
    )


def _state(stage: Any) -> str:
    from fgnb.training.fit import describe_plan

    return str(describe_plan(stage)["state"])


def _keep(row: Row, preset: Any, images: Any, dataset: str, options: Mapping[str, Any]) -> None:
    """Train the row and keep its record."""
    started = time.monotonic()
    file = train.keep_row(row.paper, row.name, preset, images, dataset, row.seed, options)
    typer.echo(f"{row}: kept {file} ({time.monotonic() - started:.0f} s)")
