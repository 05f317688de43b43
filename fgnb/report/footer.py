"""The provenance footer: under each chapter, what made its numbers."""

from __future__ import annotations

import html
from dataclasses import dataclass

from fgnb.report.markup import definition_list
from fgnb.report.provenance import Provenance, code_changed
from fgnb.report.tables import short_commit


@dataclass(frozen=True)
class Footer:
    """A provenance that Jupyter shows as a folded list; `print` gives the same as text."""

    provenance: Provenance
    title: str = "Provenance"

    def pairs(self) -> list[tuple[str, str]]:
        """Term and text of each line."""
        of = self.provenance
        versions = ", ".join(f"{name} {version}" for name, version in of.versions.items())
        parameters = ", ".join(f"{name} = {value}" for name, value in of.parameters.items())
        weights = of.weights_tag
        if of.weights_sha256 != "none":
            weights += f", SHA-256 {of.weights_sha256[:16]}"
        return [
            ("Notebook", f"notebooks/{of.notebook}.ipynb"),
            ("Parameters", parameters or "none"),
            ("Preset", of.preset),
            ("Data", f"{of.dataset_title}; {of.standing}"),
            ("Data manifest", f"SHA-256 {of.manifest[:16]}"),
            ("Images", f"{of.classes} classes, {of.n_train} training, {of.n_test} test"),
            ("Backbone", f"{of.backbone}, weights {weights}"),
            ("Seeds", ", ".join(map(str, of.seeds)) or "none"),
            ("Device", f"{of.device}, {of.threads} threads"),
            ("Duration", duration(of.seconds)),
            ("Test set read", times(of.test_reads)),
            ("Runs", ", ".join(key[:12] for key in of.run_keys) or "none trained"),
            ("Commit", short_commit(of.commit)),
            ("Code", f"digest {of.code[:12]} of {', '.join(of.code_of)}"),
            ("Versions", versions),
        ]

    def to_html(self) -> str:
        """One `<details>` element without blank lines, fit for a page and for an output."""
        changed = ""
        if code_changed(self.provenance):
            changed = '<p class="fgnb-warning">The code has changed since this was measured.</p>'
        return (
            f'<details class="fgnb-provenance"><summary>{html.escape(self.title)}</summary>'
            f"{changed}<dl>{definition_list(self.pairs())}</dl></details>"
        )

    def __str__(self) -> str:
        pairs = self.pairs()
        width = max(len(term) for term, _ in pairs)
        return "\n".join(f"{term.ljust(width)}  {text}" for term, text in pairs)

    def _repr_html_(self) -> str:
        return self.to_html()


def footer(provenance: Provenance) -> Footer:
    """The footer of a notebook, as the last expression of its last cell."""
    return Footer(provenance)


def duration(seconds: float) -> str:
    """A time for a reader.

    >>> duration(75), duration(4.21)
    ('1 min 15 s', '4.2 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def times(count: int) -> str:
    """How often, in words: "never", "once", "3 times"."""
    return {0: "never", 1: "once"}.get(count, f"{count} times")
