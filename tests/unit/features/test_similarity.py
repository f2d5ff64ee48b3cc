"""Clips that hold the same sound."""

from pathlib import Path

import numpy as np

from asd_cli.core.types import Clip
from asd_cli.features.memory import Recording, features_in_memory
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.similarity import near_copies
from asd_cli.features.store import FeatureStore
from tests.support.fan import fan, write


def store_of(paths: list[Path]) -> FeatureStore:
    clips = [Clip(path=path, machine="fan") for path in paths]
    return features_in_memory([Recording(clip) for clip in clips], FeatureParameters(channel=0))


def test_a_recording_saved_in_two_containers_is_found(tmp_path: Path) -> None:
    sounds = [fan(4.0, 16000, seed) for seed in range(5)]
    paths = [write(tmp_path / f"{n}.wav", sound, 16000) for n, sound in enumerate(sounds)]
    paths.append(write(tmp_path / "again.mp3", sounds[2], 16000))
    paths.append(write(tmp_path / "quiet.flac", 0.5 * sounds[4], 16000))
    assert near_copies(store_of(paths)) == [(2, 5), (4, 6)]


def test_recordings_of_one_machine_are_no_copies(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.wav", fan(3.0 + 0.2 * n, 16000, n), 16000) for n in range(8)]
    assert near_copies(store_of(paths)) == []


def test_short_clips_are_not_compared(tmp_path: Path) -> None:
    sound = fan(0.5, 16000, 1)
    paths = [write(tmp_path / name, sound, 16000) for name in ("a.wav", "b.wav")]
    assert near_copies(store_of(paths)) == []
    assert np.array_equal(sound, fan(0.5, 16000, 1))
