"""Editions do not share models, results or data folders; each hears its own channel."""

from pathlib import Path

import numpy as np
import pytest

import asd_cli as asd
from asd_cli.core.errors import ProblemsError, UsageError
from asd_cli.core.types import Mode
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.request import RunRequest
from asd_cli.settings.layers import load_settings
from tests.support.editions import write_edition
from tests.support.recordings import tone, write_machine, write_wav

SMALL = ["detector=pooled-knn", "feature.n_frames=16", "feature.n_mels=32"]


def request_of(*overrides: str, mode: Mode = Mode.DEV, **options: object) -> RunRequest:
    settings = load_settings(None, overrides=[*SMALL, *overrides]).settings
    return RunRequest(settings=settings, mode=mode, jobs=1, **options)  # type: ignore[arg-type]


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model and results of 2021, and recordings of 2022 elsewhere."""
    monkeypatch.chdir(tmp_path)
    write_machine(tmp_path / "dev_data", sections=("00",), train=4, test=2, seconds=0.8)
    asd.train(request_of())
    asd.score(request_of())
    for name in ("test", "train"):
        label = f"{name}_normal"
        for number in range(4):
            clip = (
                tmp_path / "dev2022" / "fan" / name / f"section_00_source_{label}_{number:04d}.wav"
            )
            write_wav(clip, tone(400, seconds=0.8, seed=number))
    return tmp_path


OTHER = ("edition=dcase2022", "dev_directory=dev2022")


def test_a_model_of_another_edition_is_not_trained_over(two: Path) -> None:
    path = two / "model" / "dev" / "pooled-knn" / "model_fan.safetensors"
    before = path.read_bytes()
    with pytest.raises(
        UsageError, match="is a model of dcase2021, and the edition is dcase2022"
    ) as caught:
        asd.train(request_of(*OTHER))
    assert "--set model_directory=model_dcase2022" in str(caught.value.hint)
    assert path.read_bytes() == before
    asd.train(request_of(*OTHER, force=True))
    assert path.read_bytes() != before


def test_a_model_of_another_edition_does_not_score(two: Path) -> None:
    elsewhere = "result_directory=result2022"
    with pytest.raises(UsageError, match="is a model of dcase2021"):
        asd.score(request_of(*OTHER, elsewhere))
    assert not (two / "result2022").exists()


def test_results_of_two_editions_are_not_mixed(two: Path) -> None:
    models = "model_directory=model2022"
    asd.train(request_of(*OTHER, models))
    before = {path.name for path in (two / "result/dev/pooled-knn").iterdir()}
    with pytest.raises(
        UsageError, match="holds results of dcase2021, and the edition is dcase2022"
    ):
        asd.score(request_of(*OTHER, models))
    assert {path.name for path in (two / "result/dev/pooled-knn").iterdir()} == before
    asd.score(request_of(*OTHER, models, "result_directory=result2022"))
    names = {path.name for path in (two / "result2022/dev/pooled-knn").glob("*.csv")}
    assert names == {
        "anomaly_score_fan_section_00_test.csv",
        "decision_result_fan_section_00_test.csv",
    }


def test_the_near_microphone_of_2026_is_heard_unless_the_other_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    edition = load_edition("dcase2026")
    write_edition(tmp_path / "dev_data", edition, Mode.DEV)
    found = {}
    for channel in ("", "0", "1"):
        asked = [
            "edition=dcase2026",
            f"result_directory=result{channel}",
            f"model_directory=model{channel}",
        ]
        asked += [f"feature.channel={channel}"] if channel else []
        request = request_of(*asked, machines=("fan",))
        asd.train(request)
        asd.score(request)
        evaluated = asd.evaluate(asd.EvaluateRequest(settings=request.settings))
        found[channel] = evaluated.systems[0].evaluation.official_score
        recipe = Layout(request.settings, Mode.DEV).features()
        assert recipe.channel == int(channel or 0)
    assert found[""] == found["0"] == 1.0  # only the near one hears the whistle of the fault
    assert found["1"] is not None
    assert found["1"] < 0.9


def test_several_channels_are_an_error_where_the_edition_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stereo = np.stack([tone(400, seconds=0.8)] * 2, axis=1)
    write_wav(tmp_path / "dev_data/fan/train/section_00_source_train_normal_0000.wav", stereo)
    for edition in ("dcase2021", "dcase2022"):
        with pytest.raises(ProblemsError) as caught:
            asd.extract(request_of(f"edition={edition}"))
        assert "has 2 channels and one is expected" in caught.value.problems[0]
        assert "--channel 0" in caught.value.problems[0]
    asd.extract(request_of("edition=dcase2026"))
