"""Models of challenge sets and networks as exported files."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import asd_cli
from asd_cli import lite
from asd_cli.pipeline.model import Model
from tests.support.command import QUICK, asd
from tests.support.recordings import write_machine


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("challenge")
    write_machine(root / "dev_data")
    return root


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def train(detector: str, *more: str) -> str:
    result = asd("train", "--detector", detector, "--jobs", "1", *more)
    assert result.exit_code == 0, result.output
    return f"model/dev/{detector}/model_fan.safetensors"


def test_sections_domains_and_thresholds_of_groups_stay(here: Path) -> None:
    path = train("pooled-knn")
    result = asd("export", "--model", path, "-o", "fan.onnx")
    assert result.exit_code == 0, result.output
    assert "8 clips scored by both" in result.stderr
    exported, model = lite.Model("fan.onnx"), Model.load(path)
    assert exported.meta["licence"] == "CC-BY-NC-SA-4.0"
    assert exported.meta["sections"] == ["00", "01"]
    seen = set()
    for file in sorted(Path("dev_data/fan").glob("*/*.wav")):
        section, domain = file.name.split("_")[1:3]
        (known,) = model.score([file], section=section, domain=domain)
        found = exported.score_file(str(file), section=section, domain=domain)
        assert found["score"] == pytest.approx(known.score, rel=1e-4, abs=1e-4)
        assert found["p_value"] == pytest.approx(known.p_value, rel=1e-3)
        assert found["anomalous"] == known.anomalous
        seen.add(known.anomalous)
    assert seen == {True, False}
    with pytest.raises(ValueError, match=r"section \(none\) is none of 00, 01"):
        exported.score_file(str(file))


@pytest.mark.slow
def test_the_network_of_a_baseline_as_onnx_and_as_a_program_of_torch(here: Path) -> None:
    import torch

    path = train("autoencoder", *QUICK)
    result = asd("export", "--model", path, "-o", "network.onnx")
    assert result.exit_code == 0, result.output
    assert "no decision differs" in result.stderr
    assert asd("export", "--model", path, "--format", "pt2").exit_code == 0
    extra, content = {"asd.json": ""}, Path("fan.pt2").read_bytes()
    assert str(Path(asd_cli.__file__).parent).encode() not in content
    program = torch.export.load(io.BytesIO(content), extra_files=extra)
    about = json.loads(extra["asd.json"])
    assert about["takes"] == "log-mel windows, frame after frame [n, 2048], in dB"
    for count in (1, 3):
        assert program.module()(torch.zeros(count, 2048)).shape == (count, 2048)
    model = lite.Model("network.onnx")
    samples, rate = soundfile.read(next(Path("dev_data/fan/train").glob("*_00_*.wav")))
    with pytest.raises(ValueError, match="that are finite are needed"):
        model.score(np.asarray(samples[: 30 * 512], np.float32))
    assert rate == asd_cli.FeatureParameters().sample_rate
