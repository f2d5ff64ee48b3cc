"""Suspicious recordings, audio that is there twice and models of other recordings are said."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import asd_cli as asd
from asd_cli.core.events import SilentEvents
from tests.support.recordings import SAMPLE_RATE, tone, write_machine, write_wav

TRAIN = "train/section_00_source_train_normal_0000_speed_1.wav"
OTHER = "train/section_00_source_train_normal_0001_speed_1.wav"
TEST = "source_test/section_00_source_test_anomaly_0000.wav"
NORMAL = "source_test/section_00_source_test_normal_0000.wav"


class Warnings(SilentEvents):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, message: str) -> None:
        self.texts.append(message)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_machine(tmp_path / "dev_data", seconds=1.0)


def request(*overrides: str) -> asd.RunRequest:
    every = ["detector=pooled-knn", *overrides]
    return asd.RunRequest(settings=asd.load_settings(overrides=every).settings, jobs=1)


def said(*verbs: Callable[..., object], overrides: tuple[str, ...] = ()) -> list[str]:
    """Warnings of the last of some commands."""
    events = Warnings()
    for verb in verbs:
        events.texts.clear()
        verb(request(*overrides), events)
    return events.texts


def square(value: float) -> np.ndarray:
    return np.clip(tone(300.0, seconds=1.0) * value, -1.0, 1.0)


@pytest.mark.parametrize(
    ("samples", "subtype", "words"),
    [
        (np.zeros(SAMPLE_RATE), "PCM_16", "is silent"),
        (np.full(SAMPLE_RATE, 0.1), "PCM_16", "is constant"),
        (square(20.0), "PCM_16", "is clipped"),
        (50.0 * tone(300.0, seconds=1.0), "FLOAT", "is beyond full scale"),
        (0.3 + tone(300.0, seconds=1.0), "PCM_16", "DC offset"),
        (tone(300.0, seconds=1.0), "PCM_U8", "is coded coarsely"),
        (tone(300.0, seconds=1.0), "ULAW", "is coded coarsely"),
    ],
)
@pytest.mark.parametrize("name", [TRAIN, TEST])
def test_a_suspicious_recording_is_named_again_and_again(
    machine: Path, samples: np.ndarray, subtype: str, words: str, name: str
) -> None:
    write_wav(machine / name, samples, subtype=subtype)
    (first,) = said(asd.extract)
    assert words in first
    assert Path(name).name in first
    assert f"fan {'train' if name == TRAIN else 'test'}: 1 of " in first
    assert said(asd.extract) == [first], "kept with the features"
    verbs = (asd.train,) if name == TRAIN else (asd.train, asd.score)
    assert said(*verbs) == [first]
    assert said(*verbs) == [first], "an up-to-date command says it again"


def test_a_recording_without_a_length_is_named(machine: Path) -> None:
    path = machine / TRAIN
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4
    path.write_bytes(content)
    (text,) = said(asd.extract)
    assert "1 of 16 recordings is without a length in the header" in text


def test_many_recordings_of_a_kind_are_one_warning(machine: Path) -> None:
    paths = sorted((machine / "train").iterdir())
    for path in paths[:5]:
        write_wav(path, np.zeros(SAMPLE_RATE))
    (text,) = said(asd.extract)
    assert "5 of 16 recordings are silent" in text
    assert all(path.name in text for path in paths[:3])
    assert "and 2 more" in text


def test_the_findings_of_other_recordings_are_kept_when_one_changes(machine: Path) -> None:
    write_wav(machine / TRAIN, np.zeros(SAMPLE_RATE))
    assert len(said(asd.extract)) == 1
    write_wav(machine / OTHER, tone(555.0, seconds=1.0))
    (text,) = said(asd.extract)
    assert Path(TRAIN).name in text


def rewritten(source: Path, target: Path) -> None:
    """The same samples in another file: a chunk of text comes after them."""
    content = source.read_bytes()
    target.write_bytes(content + b"LIST\x04\x00\x00\x00INFO")


@pytest.mark.parametrize("copy", [shutil.copy, rewritten])
def test_audio_that_is_twice_in_training(
    machine: Path, copy: Callable[[Path, Path], object]
) -> None:
    copy(machine / TRAIN, machine / OTHER)
    for verbs in ((asd.extract,), (asd.train,), (asd.train,)):
        (text,) = said(*verbs)
        assert "more than once in train" in text
        assert Path(TRAIN).name in text
        assert Path(OTHER).name in text


@pytest.mark.parametrize("copy", [shutil.copy, rewritten])
def test_audio_under_opposite_labels(machine: Path, copy: Callable[[Path, Path], object]) -> None:
    copy(machine / NORMAL, machine / TEST)
    for verbs in ((asd.extract,), (asd.train, asd.score), (asd.score,)):
        (text,) = said(*verbs)
        assert "opposite labels" in text
        assert Path(TEST).name in text
        assert Path(NORMAL).name in text


@pytest.mark.parametrize("cache", ["kept", "removed"])
def test_audio_in_training_and_in_test(machine: Path, cache: str) -> None:
    flac = machine / TEST.replace(".wav", ".flac")
    soundfile.write(flac, soundfile.read(machine / TRAIN, dtype="int16")[0], SAMPLE_RATE)
    (machine / TEST).unlink()
    (text,) = said(asd.extract)
    assert "in training and in test" in text
    assert f"{flac.name} = {Path(TRAIN).name}" in text
    asd.train(request())
    if cache == "removed":
        shutil.rmtree(request().settings.cache_directory)
    assert said(asd.score) == [text]
    assert said(asd.score) == [text]


def test_silent_recordings_are_not_the_same_audio(machine: Path) -> None:
    for name in (TRAIN, OTHER, TEST, NORMAL):
        write_wav(machine / name, np.zeros(SAMPLE_RATE))
    texts = said(asd.extract)
    assert len(texts) == 2
    assert all("are silent" in text for text in texts)


def test_a_model_of_other_recordings_of_the_same_names(machine: Path, tmp_path: Path) -> None:
    other = write_machine(tmp_path / "other", seconds=1.2)
    asd.train(request())
    assert said(asd.score) == []
    for _ in range(2):
        (text,) = said(asd.score, overrides=(f"dev_directory={other.parent}",))
        assert "model/dev/pooled-knn/model_fan.safetensors was trained on other" in text
        assert str(other / "train") in text
        assert "16 of 16 compared have other bytes" in text


def test_a_model_of_recordings_of_which_one_changed(machine: Path) -> None:
    asd.train(request())
    write_wav(machine / TRAIN, tone(999.0, seconds=1.0))
    (text,) = said(asd.score)
    assert "1 of 16 compared" in text
    assert Path(TRAIN).name in text
    (machine / OTHER).unlink()
    shutil.copy(machine / TEST, machine / TRAIN.replace("0000", "0099"))
    assert any("1 are not in the model" in text and "1 of the model" in text
               for text in said(asd.score))  # fmt: skip
    asd.train(request())
    assert not any("trained on other" in text for text in said(asd.score))


def test_a_threshold_of_too_few_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    machine = write_machine(tmp_path / "dev_data", seconds=1.0, train=1)
    for path in (machine / "train").glob("*target*"):
        path.unlink()
    for _ in range(2):
        texts = said(asd.train)
        assert any("of 2 training clips; a quantile of 0.9 needs 9" in text for text in texts)
        assert any("one training clip alone is of section 00, 01" in text for text in texts)
    enough = replace(request(), settings=request("decision_threshold=0.5").settings)
    events = Warnings()
    asd.train(enough, events)
    assert not any("needs" in text for text in events.texts)


def test_a_test_folder_of_the_edition_that_is_not_there(machine: Path) -> None:
    shutil.rmtree(machine / "target_test")
    (text,) = said(asd.train, asd.score)
    assert "there is no folder" in text
    assert "target_test" in text
    assert said(asd.score) == [text], "an up-to-date command says it again"
