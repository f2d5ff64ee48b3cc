"""A new user's walk: a folder of recordings as a recorder left it, to decisions."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.command import finish
from tests.support.fan import Fault, fan, write

RATE = 44100
DAYS = ("2026-03-02 Montag", "2026-03-03 Dienstag", "2026-03-04 Mittwoch")
CONTAINERS = ("wav", "flac", "ogg", "mp3")


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 recordings in four containers and three days, a long one, and four of today."""
    root = tmp_path_factory.mktemp("Werk Süd")
    lengths = np.random.default_rng(5)
    for number in range(24):
        name = f"Aufnahme {number % 8:02} – Lüfter (früh).{CONTAINERS[number % 4]}"
        sound = fan(lengths.uniform(4, 17), RATE, number)
        write(root / "Lüfter Halle 3" / DAYS[number // 8] / name, sound, RATE, stereo=True)
    write(root / "Lüfter Halle 3" / "ZOOM0007.flac", _twenty_minutes(), RATE, stereo=True)
    today = root / "heute"
    write(today / "gut 1.wav", fan(9, RATE, 1001), RATE, stereo=True)
    write(today / "gut 2.flac", fan(12, RATE, 1002), RATE, stereo=True)
    write(today / "komisch? 1.wav", fan(8, RATE, 1003, Fault()), RATE, stereo=True)
    shift = fan(60, RATE, 1004, Fault(start=45, end=52))
    write(today / "schicht.ogg", shift, RATE, stereo=True)
    return root


def _twenty_minutes() -> npt.NDArray[np.float32]:
    """A minute of a fan again and again, each time under noise of its own."""
    minute, noise = fan(60, RATE, 99), np.random.default_rng(99)
    return np.concatenate(
        [minute + 0.01 * noise.standard_normal(len(minute), np.float32) for _ in range(20)]
    )


@pytest.mark.slow
def test_inspect_train_and_score_name_exactly_the_two_broken_recordings(hall: Path) -> None:
    status, out, err = finish("inspect", f"Lüfter Halle 3/{DAYS[0]}", folder=hall)
    assert status == 0, err
    assert "8 recordings" in out
    assert "44100 Hz" in out
    status, _, err = finish(
        "train", "--data", "Lüfter Halle 3", "--machine", "lüfter halle 3", folder=hall
    )
    assert status == 0, err
    assert "trained on 25 recordings, 148 clips" in err
    assert "by robust" in err
    status, out, err = finish(
        "score", "heute", "--format", "json", "--fail-on-anomaly", folder=hall
    )
    assert status == 9, err
    files = {Path(file["file"]).name: file for file in json.loads(out)["files"]}
    assert {name: file["status"] for name, file in files.items()} == {
        "gut 1.wav": "normal",
        "gut 2.flac": "normal",
        "komisch? 1.wav": "anomalous",
        "schicht.ogg": "anomalous",
    }
    flagged = [part for part in files["schicht.ogg"]["parts"] if part["anomalous"]]
    assert [part["start"] for part in flagged] == [40.0, 50.0]
    assert "kHz" in files["schicht.ogg"]["reason"]
    status, out, _ = finish("score", "heute/gut 1.wav", "heute/komisch? 1.wav", folder=hall)
    assert status == 0
    assert out.count("ANOMALOUS") == 1


@pytest.mark.slow
def test_a_real_fan_as_a_plain_folder(shared: Path, tmp_path: Path) -> None:
    """12 normal recordings to train; false alarms within the bound, broken ones found."""
    source = shared / "recordings" / "own_fan"
    normal = sorted((source / "normal").iterdir())
    data = [text for path in normal[:12] for text in ("--data", str(path))]
    status, _, err = finish("train", *data, "--machine", "fan", "--clip", "2.5", folder=tmp_path)
    assert status == 0, err
    broken = sorted(str(path) for path in (source / "abnormal").iterdir())
    status, out, err = finish(
        "score", *map(str, normal[12:]), *broken, "--format", "json", folder=tmp_path
    )
    assert status == 0, err
    document = json.loads(out)
    rate = document["false_alarm_rate"]
    parts = {
        kind: [part["p_value"] <= rate for file in document["files"] for part in file["parts"]
               if f"/{kind}/" in file["file"]]
        for kind in ("normal", "abnormal")
    }  # fmt: skip
    assert np.mean(parts["abnormal"]) >= 0.9
    assert np.mean(parts["normal"]) <= document["false_alarm_bound"]
    assert np.mean(parts["normal"]) <= 0.1
    found = {Path(f["file"]): f["status"] for f in document["files"]}
    assert all(status == "anomalous" for path, status in found.items() if "abnormal" in path.parts)
    assert all(status == "normal" for path, status in found.items() if "normal" in path.parts)


@pytest.mark.slow
@pytest.mark.parametrize(("section", "microphone"), [("00", 0), ("01", 4)])
def test_the_mimii_fan_as_a_plain_folder_of_one_microphone(
    shared: Path, tmp_path: Path, section: str, microphone: int
) -> None:
    source = shared / "recordings" / "mimii_fan"
    train = sorted((source / "train").glob(f"section_{section}_source_*_mic_{microphone}.wav"))
    for path in train:
        target = tmp_path / "normal" / path.name.partition("normal_")[2]
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(path.read_bytes())
    status, _, err = finish("train", "--data", "normal", "--machine", "fan", folder=tmp_path)
    assert status == 0, err
    tested = sorted(map(str, (source / "source_test").glob(f"section_{section}_*")))
    status, out, err = finish("score", *tested, "--format", "json", folder=tmp_path)
    assert status == 0, err
    document = json.loads(out)
    found = {
        kind: [f["status"] == "anomalous" for f in document["files"] if f"_{kind}_" in f["file"]]
        for kind in ("normal", "anomaly")
    }
    assert all(found["anomaly"])
    assert np.mean(found["normal"]) <= document["false_alarm_bound"]
