"""Manifests: what a run was made from, beside what it made."""

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from asd_cli.core.files import write_text

SCHEMA = "asd.manifest/1"
_LIBRARIES = ("asd-cli", "librosa", "numpy", "scikit-learn", "scipy", "soundfile", "torch")


def library_versions() -> dict[str, str]:
    """Versions of Python, of this package and of the libraries that decide results."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # pragma: no cover - a broken installation
            versions[name] = "missing"
    return versions


def write_manifest(path: Path, *, command: str, facts: Mapping[str, Any]) -> None:
    """Write a manifest.

    Parameters
    ----------
    path : Path
        Where.
    command : str
        What was run: ``score``.
    facts : mapping of str to JSON value
        Settings, seed, machines, fingerprints.
    """
    content = {
        "schema": SCHEMA,
        "command": command,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": library_versions(),
        **facts,
    }
    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def read_manifest(path: Path) -> dict[str, Any] | None:
    """Read a manifest; None where there is none that can be read and has the right shape."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        return None
    machines = content.get("machines", {})
    if not isinstance(machines, dict) or not all(
        isinstance(record, dict) and isinstance(record.get("files"), dict)
        for record in machines.values()
    ):
        return None
    return content
