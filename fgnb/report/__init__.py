"""Results that carry their provenance: recorded, checked, and shown beside the published ones.

`collect` gathers a provenance, `measure` (or `record`) makes results, `save` keeps them beside the
executed notebook; `published_table`, `paired_table` and `footer` show them. Figures are in
`fgnb.report.figures`, the explorer in `fgnb.report.explorer`.
"""

from fgnb.report.derive import compare, measure, rederive, rederive_comparisons
from fgnb.report.files import (
    Refused,
    keep,
    load_recorded,
    read_arrays,
    read_folder,
    results_beside,
    save,
)
from fgnb.report.footer import Footer, footer
from fgnb.report.markup import Table
from fgnb.report.provenance import Provenance, ProvenanceError, code_changed, collect
from fgnb.report.results import Result, ResultError, record
from fgnb.report.tables import paired_table, published_table, settings_table

__all__ = [
    "Footer",
    "Provenance",
    "ProvenanceError",
    "Refused",
    "Result",
    "ResultError",
    "Table",
    "code_changed",
    "collect",
    "compare",
    "footer",
    "keep",
    "load_recorded",
    "measure",
    "paired_table",
    "published_table",
    "read_arrays",
    "read_folder",
    "record",
    "rederive",
    "rederive_comparisons",
    "results_beside",
    "save",
    "settings_table",
]
