"""The ledger: every number, figure and testable claim of the four papers, with its place and home.

One YAML file a paper lies beside this module. `load()` reads and validates them.
"""

from fgnb.claims.ledger import PAPERS, Entry, Ledger, LedgerError, Paper, load

__all__ = ["PAPERS", "Entry", "Ledger", "LedgerError", "Paper", "load"]
