"""Four papers on fine-grained recognition, every table and figure regenerated."""

__version__ = "0.1.0"
