"""The one store: keys, atomic writes, sealed folders, locks, the digest of code."""

from fgnb.store.code import Reached, code_digest, imported_modules, reached_from
from fgnb.store.folder import building, check, lock
from fgnb.store.keys import canonical_json, digest, file_sha256
from fgnb.store.write import write_atomic

__all__ = [
    "Reached",
    "building",
    "canonical_json",
    "check",
    "code_digest",
    "digest",
    "file_sha256",
    "imported_modules",
    "lock",
    "reached_from",
    "write_atomic",
]
