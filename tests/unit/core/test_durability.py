"""What is written is on the disk before it takes the place of what was there."""

import os
from pathlib import Path

import pytest

from asd_cli.core.files import write_text


def test_bytes_and_entry_are_flushed_around_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    replace, fsync = Path.replace, os.fsync

    def flushed(descriptor: int) -> None:
        target = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append("flush folder" if target.is_dir() else "flush file")
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    write_text(tmp_path / "file.txt", "content")
    assert steps == ["flush file", "rename", "flush folder"]
