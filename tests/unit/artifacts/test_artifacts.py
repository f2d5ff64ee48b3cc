import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asd_cli.artifacts.manifest import (
    MachineRecord,
    Manifest,
    TrainingRecord,
    library_versions,
    read_manifest,
    update_manifest,
)
from asd_cli.artifacts.model_file import (
    ModelFacts,
    ModelFile,
    read_model_file,
    write_model_file,
)
from asd_cli.artifacts.score_files import (
    ScoreFileKey,
    find_score_files,
    read_score_table,
    write_decisions,
    write_scores,
)
from asd_cli.artifacts.threshold import Threshold
from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.core.structures import to_plain

KEY = ScoreFileKey("fan", "00", "source")
TRAINING = TrainingRecord(
    detector="pooled-knn", seed=3, threads=None, settings={"backend.neighbors": 1},
    features="f", data="d", versions={"asd-cli": "0.9"},
)  # fmt: skip
MODEL = ModelFile(
    {"weights": np.arange(12, dtype=np.float32).reshape(3, 4)},
    ModelFacts(
        machine="fan", training=TRAINING, options={}, state={"x": [1, None]}, identity={},
        sections=("00",),
    ),
)  # fmt: skip
RECORD = MachineRecord(
    inputs={}, files={"a.csv": "0" * 64}, clips=4, flagged=1,
    threshold=Threshold(value=1.5, kind="quantile", quantile=0.9, false_alarm_rate=0.1),
    training=TRAINING, threads=None, seconds=0.5, written="", data_directory="dev_data",
)  # fmt: skip
MANIFEST = Manifest(
    edition="dcase2021", mode="dev", detector="pooled-knn", machines={"fan": RECORD}
)


def test_a_model_file_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_model_file(path, MODEL)
    again = read_model_file(path)
    np.testing.assert_array_equal(again.tensors["weights"], MODEL.tensors["weights"])
    assert again.facts == MODEL.facts
    first = path.read_bytes()
    write_model_file(path, MODEL)
    assert path.read_bytes() == first


class _Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("exploded"),))


@pytest.mark.parametrize(
    "damage", ["pickle", "html", "empty", "cut", "bit", "fact", "format", "foreign"]
)
def test_damaged_and_foreign_models_are_refused_and_never_run(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.safetensors"
    write_model_file(path, MODEL)
    good = path.read_bytes()
    content = {
        "pickle": pickle.dumps(_Bomb()),
        "html": b"<html>",
        "empty": b"",
        "cut": good[:-4],
        "bit": good[:-1] + bytes([good[-1] ^ 1]),
        "fact": good.replace(b'\\"fan\\"', b'\\"van\\"'),
        "format": good.replace(b'\\"format\\": 3', b'\\"format\\": 9'),
        "foreign": good.replace(b'"asd":', b'"abc":'),
    }[damage]
    assert content != good
    path.write_bytes(content)
    with pytest.raises(IntegrityError) as caught:
        read_model_file(path)
    assert "asd train --force" in str(caught.value.hint)
    assert not (tmp_path / "exploded").exists()


def test_a_missing_model_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no model") as caught:
        read_model_file(tmp_path / "none")
    assert "asd train" in str(caught.value.hint)


def test_scores_are_written_as_the_baseline_writes_them(tmp_path: Path) -> None:
    path = tmp_path / KEY.file_name("anomaly_score")
    write_scores(path, ["a.wav", "b.wav"], np.array([-5.492875, 3.0], np.float32))
    assert path.name == "anomaly_score_fan_section_00_source_test.csv"
    assert path.read_bytes() == b"a.wav,-5.492875\nb.wav,3.0\n"
    decisions = tmp_path / KEY.file_name("decision_result")
    write_decisions(decisions, ["a.wav", "b.wav"], np.array([0, 1]))
    assert decisions.read_bytes() == b"a.wav,0\nb.wav,1\n"
    table = read_score_table(*next(iter(find_score_files(tmp_path).items())))
    assert table.scores == {"a.wav": np.float64(-5.492875), "b.wav": 3.0}
    assert table.decisions == {"a.wav": 0, "b.wav": 1}


def put(folder: Path, scores: bytes, decisions: bytes | None = None) -> Path:
    path = folder / KEY.file_name("anomaly_score")
    path.write_bytes(scores)
    if decisions is not None:
        (folder / KEY.file_name("decision_result")).write_bytes(decisions)
    return path


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbfa.wav,1\nb.wav,2\n", b"a.wav,1\r\nb.wav,2\r\n", b"a.wav,1\nb.wav,2\n\n",
     b"a.wav,1\nb.wav,2", b'"a.wav","1"\nb.wav, 2.0\n'],
)  # fmt: skip
def test_harmless_differences_are_read(tmp_path: Path, content: bytes) -> None:
    table = read_score_table(KEY, put(tmp_path, content))
    assert table.scores == {"a.wav": 1.0, "b.wav": 2.0}
    assert table.decisions is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name,score\na.wav,1\n", r"csv:1: 'score' for 'name' is not a number"),
        (b"a.wav,1\nb.wav,nan\n", r"csv:2: 'nan' .* not a finite number"),
        (b"a.wav,inf\n", r"csv:1: 'inf'"),
        (b"a.wav,1\na.wav,2\n", r"csv:2: a.wav is there twice"),
        (b"a.wav,1,2\n", r"csv:1: 3 columns"),
        (b"a.wav\n", r"csv:1: 1 columns"),
        (b"", "is empty"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_other_differences_are_errors_with_their_line(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        read_score_table(KEY, put(tmp_path, content))


def test_decisions_must_be_of_the_same_clips_and_0_or_1(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"b.wav is in .*anomaly_score.* and not in .*decision"):
        read_score_table(KEY, put(tmp_path, b"a.wav,1\nb.wav,2\n", b"a.wav,1\n"))
    with pytest.raises(DataError, match=r"csv:1: '2' for 'a.wav' is neither 0 nor 1"):
        read_score_table(KEY, put(tmp_path, b"a.wav,1\n", b"a.wav,2\n"))


def test_folders_without_scores_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        find_score_files(tmp_path / "none")
    with pytest.raises(DataError, match="holds no score files"):
        find_score_files(tmp_path)
    (tmp_path / "auto").mkdir()
    (tmp_path / "auto" / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match="no folder") as caught:
        find_score_files(tmp_path / "none")
    assert caught.value.hint == (
        "score first: asd score; or name a detector that has scored: --detector auto"
    )


def rewritten(path: Path, **changes: Any) -> None:
    """Write a model file again with another header, as another version would have."""
    from safetensors import safe_open
    from safetensors.numpy import save

    from asd_cli.artifacts.model_file import _digest

    with safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()["asd"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header |= changes
    header["sha256"] = _digest(tensors, header["facts"])
    path.write_bytes(save(tensors, metadata={"asd": json.dumps(header)}))


def without(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != name}


FACTS = to_plain(MODEL.facts)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"format": 1, "facts": {"versions": {"asd-cli": "0.8"}}},
            r"made by asd 0\.8 \(format 1\)",
        ),
        ({"format": 1, "facts": {}}, "made by asd of an unknown version"),
        ({"facts": without(FACTS, "machine")}, r"made by asd 0\.9, .* machine: Field required"),
        ({"facts": {**FACTS, "mood": "good"}}, r"made by asd 0\.9, .* mood: Unexpected"),
        ({"facts": {**FACTS, "sections": "00"}}, r"made by asd 0\.9, .* sections: .* list"),
        (
            {"facts": {**FACTS, "training": {**FACTS["training"], "seed": "3"}}},
            r"made by asd 0\.9, .* training\.seed: .* integer",
        ),
    ],
)
def test_models_of_other_versions_say_which(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    path = tmp_path / "model.safetensors"
    write_model_file(path, MODEL)
    rewritten(path)
    assert read_model_file(path).facts == MODEL.facts
    rewritten(path, **changes)
    with pytest.raises(IntegrityError, match=words) as caught:
        read_model_file(path)
    assert "asd train --force" in str(caught.value.hint)


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new" / "manifest.json"
    assert read_manifest(path) is None
    given: list[Manifest | None] = []

    def change(known: Manifest | None) -> Manifest:
        given.append(known)
        return MANIFEST

    update_manifest(path, change)
    content = read_manifest(path)
    assert content is not None
    assert content.written
    assert replace(content, written="") == MANIFEST
    assert content.seconds == 0.5
    update_manifest(path, change)
    assert given == [None, content]


def test_libraries_that_decide_results_are_recorded() -> None:
    assert {"python", "torch", "asd-cli", "numpy"} <= library_versions(torch=True).keys()
    assert "torch" not in library_versions(torch=False)


@pytest.mark.parametrize("other", [{"schema": "other"}, {}, [1], 5, None])
def test_what_is_no_manifest_is_none(tmp_path: Path, other: Any) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(other))
    assert read_manifest(path) is None


@pytest.mark.parametrize(
    "change",
    [
        {"machines": [1]}, {"machines": None}, {"machines": {"fan": 5}}, {"machines": {"fan": {}}},
        {"mood": "good"}, {"edition": 2021},
    ],
)  # fmt: skip
def test_a_damaged_manifest_says_how_to_go_on(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**to_plain(MANIFEST), **change}))
    with pytest.raises(DataError, match=r"manifest\.json is damaged: ") as caught:
        read_manifest(path)
    assert caught.value.hint == (f"remove it and score again: rm '{path}' && asd score --force")
    with pytest.raises(DataError, match="is damaged"):
        update_manifest(path, lambda _: MANIFEST)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe"])
def test_a_manifest_that_is_no_json_is_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="is damaged") as caught:
        read_manifest(path)
    assert "asd score --force" in str(caught.value.hint)


_UPDATES = """
import sys
from dataclasses import replace
from pathlib import Path
from asd_cli.artifacts.manifest import update_manifest
from tests.unit.artifacts.test_artifacts import MANIFEST, RECORD
path, own = Path(sys.argv[1]), sys.argv[2]
for round in range(20):
    record = replace(RECORD, clips=round)
    def change(known):
        machines = {} if known is None else known.machines
        return replace(MANIFEST, machines={**machines, f"{own}{round}": record})
    update_manifest(path, change)
"""


def test_processes_that_update_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    processes = [
        subprocess.Popen([sys.executable, "-c", _UPDATES, str(path), name])
        for name in ("fan", "pump")
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    content = read_manifest(path)
    assert content is not None
    assert {name: record.clips for name, record in content.machines.items()} == {
        f"{name}{number}": number for name in ("fan", "pump") for number in range(20)
    }
