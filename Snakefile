"""One rule a notebook of the book.

`fgnb reproduce` runs this file; so does `snakemake --cores 2`, with any executor:
`snakemake --config preset=paper --executor slurm --jobs 8 --default-resources slurm_account=...`.

What makes a notebook run again stands in its rule's params: digests of its code cells, of what
they reach of the library, and of its parameters. Text cells and file times play no part.

They run in the order of the book, so a later chapter finds the runs of an earlier one; under
`fgnb reproduce` one at a time, since even drawing beside a training slows both.
"""

import shlex
import sys

from fgnb import paths
from fgnb.book import manifest
from fgnb.store import digest

PYTHON = shlex.quote(sys.executable)
PRESET = config.get("preset", "demo")
ENTRIES = manifest.read(PRESET, str(config.get("only", "")).split())


workdir: str(paths.build_root())


localrules:
    all,


rule all:
    input:
        [entry.place for entry in ENTRIES],


for place, entry in enumerate(ENTRIES):

    rule:
        name:
            entry.rule
        input:
            ancient(str(entry.source)),
        output:
            entry.place,
        params:
            notebook=entry.name,
            preset=entry.preset,
            source=entry.source_digest,
            library=entry.library_digest,
            parameters=digest(entry.parameters),
        threads: 1
        priority: len(ENTRIES) - place
        resources:
            training=1,
            gpu=int(entry.preset == "paper"),
        shell:
            "exec {PYTHON} -m fgnb.book.job {params.notebook} {params.preset}"
