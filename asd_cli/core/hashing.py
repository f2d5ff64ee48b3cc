"""Fingerprints of settings, files and lists of files."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

_BLOCK = 1 << 20


def canonical_json(value: object) -> str:
    """Write a JSON value so that equal values give equal text (sorted keys, no spaces)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def fingerprint(value: object) -> str:
    """SHA-256 of a JSON value, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def hash_bytes(content: bytes | memoryview) -> str:
    """SHA-256 of bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def hash_file(
    path: Path, *, algorithm: str = "sha256", advance: Callable[..., None] | None = None
) -> str:
    """Hash a file without holding it in memory.

    Parameters
    ----------
    path : Path
        The file.
    algorithm : str
        Any name that `hashlib` knows; MD5 is what Zenodo publishes.
    advance : callable, optional
        Called with the number of bytes of each block.

    Returns
    -------
    str
        Hexadecimal digest.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            if advance is not None:
                advance(len(block))
    return digest.hexdigest()


def combine(hashes: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    """Fingerprint of a set of named hashes, whatever their order."""
    return fingerprint(sorted(dict(hashes).items()))
