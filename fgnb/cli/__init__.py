"""`fgnb`: data, run, reproduce, train, book, score. Thin: each command calls one room.

Nothing heavy is imported before a command runs, so `fgnb --help` answers at once.
"""

from fgnb.cli.app import app

__all__ = ["app"]
