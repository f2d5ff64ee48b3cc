import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from asd_cli.artifacts.bundle import ModelBundle, write_bundle

from asd_cli.artifacts.manifest import read_manifest, write_manifest
from asd_cli.artifacts.score_files import (
    ScoreFileKey,
    find_score_files,
    read_score_table,
    write_decisions,
    write_scores,
)
from asd_cli.core.errors import DataError, IntegrityError

KEY = ScoreFileKey("fan", "00", "source")
BUNDLE = ModelBundle(
    {"weights": np.arange(12, dtype=np.float32).reshape(3, 4)}, {"machine": "fan", "x": [1, None]}
)


def test_a_bundle_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_bundle(path, BUNDLE)
    again = read_model_file(path)
    np.testing.assert_array_equal(again.tensors["weights"], BUNDLE.tensors["weights"])
    assert again.facts == BUNDLE.facts
    first = path.read_bytes()
    write_bundle(path, BUNDLE)
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
    write_bundle(path, BUNDLE)
    good = path.read_bytes()
    content = {
        "pickle": pickle.dumps(_Bomb()),
        "html": b"<html>",
        "empty": b"",
        "cut": good[:-4],
        "bit": good[:-1] + bytes([good[-1] ^ 1]),
        "fact": good.replace(b'\\"fan\\"', b'\\"van\\"'),
        "format": good.replace(b'\\"format\\": 1', b'\\"format\\": 9'),
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


def test_manifests(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    assert read_manifest(path) is None
    write_manifest(path, command="score", facts={"seed": 3})
    content = read_manifest(path)
    assert content is not None
    assert (content["seed"], content["command"]) == (3, "score")
    assert {"python", "torch", "asd-cli"} <= content["versions"].keys()
    for other in ({"schema": "other"}, {**content, "machines": [1]}, {**content, "machines": None},
                  {**content, "machines": {"fan": 5}}, {**content, "machines": {"fan": {}}}, [1]):  # fmt: skip
        path.write_text(json.dumps(other))
        assert read_manifest(path) is None
