"""A model file is all that scoring needs."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import asd_cli as asd
from asd_cli.artifacts.model_file import read_model_file
from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.core.types import Clip
from asd_cli.detectors.normal_scores import NormalScores
from asd_cli.pipeline.model import Model
from tests.support.recordings import write_machine

DETECTORS = ("pooled-knn", "pooled-speed+texture")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models and scores of two detectors on the same recordings."""
    root = tmp_path_factory.mktemp("trained")
    write_machine(root / "dev_data")
    for detector in DETECTORS:
        places = [f"{name}_directory={root / name}" for name in ("cache", "model", "result")]
        loaded = asd.load_settings(
            overrides=[*places, f"dev_directory={root / 'dev_data'}", f"detector={detector}"],
            environment={},
        )
        request = asd.RunRequest(settings=loaded.settings, jobs=1)
        asd.train(request)
        asd.score(request)
    return root


def written(root: Path, kind: str, detector: str = "pooled-knn") -> dict[str, float]:
    """What `asd score` wrote of each clip."""
    files = (root / "result" / "dev" / detector).glob(f"{kind}_*.csv")
    pairs = [line.split(",") for path in files for line in path.read_text().split()]
    return {name: float(value) for name, value in pairs}


def model_path(root: Path, detector: str = "pooled-knn") -> Path:
    return root / "model" / "dev" / detector / "model_fan.safetensors"


def clips_to_score(root: Path) -> list[Path]:
    return sorted((root / "dev_data" / "fan").glob("*_test/*.wav"))


@pytest.fixture
def alone(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model file and one recording, and nothing else; the working folder."""
    shutil.copy(model_path(trained), tmp_path / "model.safetensors")
    shutil.copy(clips_to_score(trained)[-1], tmp_path / "x.wav")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_model_and_a_recording_are_enough(trained: Path, alone: Path) -> None:
    clip = clips_to_score(trained)[-1]
    (found,) = Model.load("model.safetensors").score(["x.wav"], section="01", domain="target")
    assert np.float32(found.score) == np.float32(written(trained, "anomaly_score")[clip.name])
    assert found.anomalous == bool(written(trained, "decision_result")[clip.name])
    assert found.clip.path == Path("x.wav")
    assert sorted(path.name for path in alone.iterdir()) == ["model.safetensors", "x.wav"]


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_clip_has_the_score_and_the_decision_that_were_written(
    trained: Path, detector: str
) -> None:
    model = Model.load(model_path(trained, detector))
    clips = [
        Clip(
            path=path,
            machine="fan",
            attributes={"section": path.name.split("_")[1], "domain": path.name.split("_")[2]},
        )
        for path in clips_to_score(trained)
    ]
    scored = model.score(clips)
    expected = [written(trained, "anomaly_score", detector)[clip.name] for clip in clips]
    np.testing.assert_array_equal(scored.scores, np.array(expected, np.float32))
    decisions = [written(trained, "decision_result", detector)[clip.name] for clip in clips]
    assert [row.anomalous for row in scored] == [bool(value) for value in decisions]
    frame = scored.to_frame()
    assert list(frame.columns) == ["clip", "start", "score", "p_value", "anomalous"]
    assert len(frame) == len(scored) == len(clips)


def test_arrays_have_the_scores_of_files(alone: Path) -> None:
    model = Model.load("model.safetensors")
    samples, rate = soundfile.read("x.wav", dtype="float32")
    (of_file,) = model.score(["x.wav"], section="01")
    (of_array,) = model.score([samples], sr=rate, section="01")
    assert of_array.score == pytest.approx(of_file.score, rel=1e-5)
    assert of_array.p_value == of_file.p_value
    (by_default,) = model.score([samples], section="01")
    assert by_default.score == of_array.score
    twice = np.repeat(samples, 2)
    (resampled,) = model.score([twice], sr=2 * rate, section="01")
    assert resampled.score != model.score([twice], section="01")[0].score


def of_kind(model: Model, kind: str) -> Model:
    """Give a model that says that its threshold was found otherwise."""
    calibration = model.facts.calibration
    assert calibration is not None
    threshold = replace(calibration.threshold, kind=kind)
    facts = replace(model.facts, calibration=replace(calibration, threshold=threshold))
    return replace(model, facts=facts)


def test_p_values_of_an_interval_are_those_of_its_blocks(alone: Path) -> None:
    model = of_kind(Model.load("model.safetensors"), "interval")
    assert model.facts.calibration is not None
    units = model.facts.calibration.units
    asked = np.linspace(0, 20, 9)
    expected = NormalScores(model.training_scores, units).p_values(asked)
    clips = [Clip(path=Path("x"), machine="fan")] * len(asked)
    assert [row.p_value for row in model.decide(clips, asked)] == pytest.approx(expected)


def test_p_values_count_normal_clips_that_score_as_high(alone: Path) -> None:
    model = of_kind(Model.load("model.safetensors"), "quantile")
    calibration = model.training_scores
    asked = np.array([-np.inf, *calibration[:5], np.nextafter(calibration.max(), np.inf), np.inf])
    clips = [Clip(path=Path("x"), machine="fan")] * len(asked)
    for row, score in zip(model.decide(clips, asked), asked, strict=True):
        as_high = np.sum(calibration >= np.float32(score))
        assert row.p_value == (1 + as_high) / (len(calibration) + 1)


def test_it_explains_without_anything_else(trained: Path, alone: Path) -> None:
    faulty = [path for path in clips_to_score(trained) if "source_test_anomaly" in path.name]
    shutil.copy(faulty[-1], "x.wav")
    model = Model.load("model.safetensors")
    explanation = model.explain("x.wav")
    # The fault whistles at 3.1 kHz all the time.
    strongest = explanation.regions[0]
    assert strongest.low_hz < 3100 < strongest.high_hz
    assert "Hz" in explanation.sentence
    samples, rate = soundfile.read("x.wav", dtype="float32")
    assert model.explain(samples, sr=rate).nearest == explanation.nearest
    assert sorted(path.name for path in alone.iterdir()) == ["model.safetensors", "x.wav"]


def test_saving_again_gives_the_same_bytes(alone: Path) -> None:
    first = Path("model.safetensors").read_bytes()
    for _ in range(2):
        model = Model.load("model.safetensors")
        model.score(["x.wav"], section="01")
        model.save("model.safetensors")
        assert Path("model.safetensors").read_bytes() == first


def test_a_model_without_threshold_or_normal_clips_says_so(alone: Path) -> None:
    model = Model.load("model.safetensors")
    with pytest.raises(DataError, match="has no decision threshold") as caught:
        replace(model, facts=replace(model.facts, calibration=None)).score(["x.wav"], section="01")
    assert caught.value.hint == "resume it: asd train --machine fan"
    bare = {name: t for name, t in model.tensors.items() if not name.startswith("normal.")}
    with pytest.raises(DataError, match="holds 0 normal clips"):
        replace(model, tensors=bare).explain("x.wav")


def test_recordings_that_cannot_be_scored_are_named(alone: Path) -> None:
    model = Model.load("model.safetensors")
    with pytest.raises(DataError, match="no recordings"):
        model.score([])
    with pytest.raises(DataError, match=r"none\.wav"):
        model.score(["none.wav"], section="01")
    with pytest.raises(DataError, match="one channel is needed"):
        model.score([np.zeros((8000, 2), np.float32)], section="01")
    with pytest.raises(DataError, match="100 samples"):
        model.score([np.zeros(100, np.float32)], section="01")


def rewrite(path: Path, **changes: Any) -> None:
    """Write the header of a model file as another version would have."""
    from safetensors import safe_open
    from safetensors.numpy import save

    from asd_cli.artifacts.model_file import _digest

    with safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()["asd"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header["facts"].update(changes.pop("facts", {}))
    header.update(changes)
    header["sha256"] = _digest(tensors, header["facts"])
    path.write_bytes(save(tensors, metadata={"asd": json.dumps(header)}))


@pytest.mark.parametrize(
    "changes", [{"format": 1}, {"facts": {"mood": "good"}}, {"facts": {"options": None}}]
)
def test_models_of_other_versions_are_refused_with_their_version(
    alone: Path, changes: dict[str, Any]
) -> None:
    path = Path("model.safetensors")
    made_by = read_model_file(path).facts.training.versions["asd-cli"]
    rewrite(path, **changes)
    with pytest.raises(IntegrityError, match=f"made by asd {made_by}") as caught:
        Model.load(path)
    assert str(caught.value.hint).startswith("train it again: asd train --force")


def test_options_of_another_version_are_refused_with_its_version(alone: Path) -> None:
    path = Path("model.safetensors")
    facts = read_model_file(path).facts
    rewrite(path, facts={"options": {**facts.options, "mood": "good"}})
    with pytest.raises(IntegrityError, match=r"made by version .* mood") as caught:
        Model.load(path).score(["x.wav"], section="01")
    assert caught.value.hint == "train it again: asd train --force"


def test_the_report_names_the_member_that_decided(trained: Path) -> None:
    from asd_cli.core.types import Mode
    from asd_cli.detectors.ensemble import EnsembleDetector
    from asd_cli.pipeline.layout import Layout
    from asd_cli.pipeline.report_clips import _ClipStore

    clip = Clip(path=clips_to_score(trained)[0], machine="fan", attributes={"section": "00"})
    named = []
    for detector in DETECTORS:
        places = [f"{name}_directory={trained / name}" for name in ("cache", "model", "result")]
        settings = asd.load_settings(
            overrides=[*places, f"dev_directory={trained / 'dev_data'}", f"detector={detector}"],
            environment={},
        ).settings
        named.append(_ClipStore(Layout(settings, Mode.DEV), "fan").decisive_member(clip))
    model = Model.load(model_path(trained, "pooled-speed+texture"))
    ensemble = model.restore()
    assert isinstance(ensemble, EnsembleDetector)
    assert named == ["", ensemble.contributions(model.prepare([clip])).decisive(0)]
    assert named[1] in {"pooled-speed", "texture"}
