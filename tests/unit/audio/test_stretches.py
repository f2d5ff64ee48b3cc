"""Parts of recordings whose codecs cannot go to a position exactly."""

from pathlib import Path

import numpy as np
import pytest

from asd_cli.audio import decoding
from asd_cli.audio.decoding import decode, decode_part, read_file
from asd_cli.audio.formats import AudioFormat
from tests.support.fan import fan, write

RATE = 16000
FORMAT = AudioFormat(channel=0)


@pytest.mark.parametrize("name", ["long.mp3", "long.ogg"])
def test_parts_are_those_of_the_complete_recording_in_any_order(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "_STRETCH_SECONDS", 6)
    path = write(tmp_path / name, fan(20.0, RATE, 1), RATE)
    complete = decode(read_file(path), path, FORMAT)
    for start in (0.0, 2.0, 4.5, 12.0, 3.0, 3.5, 17.9):
        part = decode_part(path, FORMAT, start=start, duration=2.0)
        first = round(start * RATE)
        assert np.array_equal(part, complete[first : first + 2 * RATE])


def test_a_long_recording_is_decoded_once_for_all_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "long.mp3", fan(20.0, RATE, 2), RATE)
    opened: list[Path] = []
    original = decoding._opened

    def counted(path: Path):  # type: ignore[no-untyped-def]
        opened.append(path)
        return original(path)

    monkeypatch.setattr(decoding, "_opened", counted)
    for start in range(0, 20, 2):
        decode_part(path, FORMAT, start=float(start), duration=2.0)
    assert len(opened) == 1


def test_a_recording_that_was_replaced_is_decoded_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", fan(4.0, RATE, 3), RATE)
    first = decode_part(path, FORMAT, start=1.0, duration=1.0)
    path.unlink()
    write(path, fan(5.0, RATE, 4), RATE)
    assert not np.array_equal(first, decode_part(path, FORMAT, start=1.0, duration=1.0))
