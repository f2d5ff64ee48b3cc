"""`asd export`: one file that decides as the model does, in this package and without it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from asd_cli import lite
from asd_cli.pipeline.exporting import checking
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.monitoring.rule import AlarmRule, AlarmState, Heard
from asd_cli.pipeline.monitoring.scorer import ModelScorer, rule_of
from tests.support.command import asd, finish
from tests.support.fan import Fault, fan, write

RATE = 16000
MODULES = Path(lite.__file__).parent


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the default detector of own machines, its file, and recordings to score."""
    root = tmp_path_factory.mktemp("export")
    for number in range(6):
        write(root / "normal" / f"{number}.wav", fan(8.0, RATE, number), RATE, stereo=True)
    write(root / "new" / "good.wav", fan(2.0, RATE, 20), RATE, stereo=True)
    write(root / "new" / "short good.flac", fan(1.3, RATE, 22), RATE)
    write(root / "new" / "shift.wav", fan(9.0, RATE, 21, Fault(start=4, end=6, level=0.1)), RATE)
    write(root / "new" / "too short.wav", fan(0.5, RATE, 23), RATE)
    write(root / "new" / "higher rate.wav", fan(4.0, 48000, 24), 48000)
    status, _, err = finish(
        "train", "--data", "normal", "--machine", "fan-3", "--clip", "2", "--jobs", "1", folder=root
    )
    assert status == 0, err
    status, out, err = finish("export", "--machine", "fan-3", "-o", "fan.onnx", folder=root)
    assert (status, out) == (0, ""), err
    assert "fan-3: 12 clips scored by both; scores differ by" in err
    assert "no decision differs" in err
    assert "written: fan.onnx" in err
    return root


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def own_model(root: Path) -> Model:
    return Model.load(next((root / "model" / "own" / "fan-3").glob("v*.safetensors")))


def test_lite_decides_as_asd_score_does_whatever_the_length_rate_and_container(here: Path) -> None:
    scored = json.loads(asd("score", "new", "--format", "json").stdout)["files"]
    model, compared = lite.Model("fan.onnx"), 0
    for file in scored:
        if file["status"] == "not scored":
            with pytest.raises(ValueError, match=r"0.50 s; 1 s or more are needed"):
                model.score_file(file["file"])
            continue
        found = model.score_file(file["file"])
        compared += 1
        assert found["anomalous"] == (file["status"] == "anomalous")
        assert found["score"] == pytest.approx(file["score"], rel=1e-4, abs=1e-4)
        assert found["p_value"] == pytest.approx(file["p_value"], rel=1e-3)
        pairs = list(zip(found["parts"], file["parts"], strict=True))
        assert all(a["start"] == b["start"] for a, b in pairs)
        assert all(a["anomalous"] == b["anomalous"] for a, b in pairs)
    assert compared == 4
    flagged = model.score_file("new/shift.wav")
    assert flagged["anomalous"]
    assert flagged["start"] == 4.0
    assert "louder than normal" in flagged["reason"]


def test_lite_alone_needs_three_packages(here: Path, tmp_path: Path) -> None:
    """Copied out of the package, isolated, with nothing else of this environment."""
    shutil.copy(MODULES / "lite.py", tmp_path / "lite.py")
    script = (
        "import sys, runpy\n"
        "sys.argv = ['lite.py', 'fan.onnx', 'new/good.wav', 'new/shift.wav', 'new/too short.wav']\n"
        "try:\n"
        f"    runpy.run_path({str(tmp_path / 'lite.py')!r}, run_name='__main__')\n"
        "finally:\n"
        "    heavy = {'asd_cli', 'torch', 'scipy', 'librosa', 'pandas', 'onnx'}\n"
        "    print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, cwd=here, check=False
    )
    assert done.returncode == 9, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["anomalous"] for row in rows] == [False, True]
    assert done.stderr.splitlines() == ["new/too short.wav: 0.50 s; 1 s or more are needed", "[]"]


def test_a_stream_gives_the_scores_of_the_file_and_the_alarms_of_the_rule(here: Path) -> None:
    """Calm, a fault, then a machine that stands still."""
    parts: list[npt.NDArray[np.floating]] = [
        fan(20.0, RATE, 40),
        fan(30.0, RATE, 41, Fault(level=0.1)),
        np.zeros(4 * RATE),
    ]
    samples = np.round(np.concatenate(parts) * 32767).astype("<i2")
    done = subprocess.run(
        [sys.executable, "-m", "asd_cli.lite", "fan.onnx", "-"],
        input=samples.tobytes(), capture_output=True, cwd=here, check=False,
    )  # fmt: skip
    assert done.returncode == 9, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["start"] for row in rows] == [2.0 * number for number in range(27)]
    scorer, state = ModelScorer(own_model(here)), AlarmState()
    rule = AlarmRule.read(lite.Model("fan.onnx").meta["alarm_rule"])
    assert rule == rule_of(own_model(here))
    clips = samples.reshape(-1, 2 * RATE).astype(np.float32) / 32768
    for row, clip in zip(rows, clips, strict=True):
        known = scorer.score(clip)
        assert row["score"] == pytest.approx(known.score, rel=1e-4, abs=1e-4)
        assert row["level_db"] == pytest.approx(known.level, abs=0.006)
        state = rule.step(state, Heard(time=row["start"], score=known.score, level=known.level))
        assert row["state"] == state.condition
    assert rows[-1]["state"] in {"off", "alarm"}


def test_another_rate_can_be_asked_for_without_another_export(here: Path) -> None:
    strict, lax = lite.Model("fan.onnx", alpha=1e-12), lite.Model("fan.onnx", alpha=0.999)
    wave = fan(2.0, RATE, 20)
    known = lite.Model("fan.onnx").score(wave)
    assert not strict.score(wave)["anomalous"]
    assert lax.score(wave)["anomalous"]
    assert strict.score(wave)["p_value"] == lax.score(wave)["p_value"] == known["p_value"]


def test_what_cannot_be_scored_is_refused_in_words(here: Path) -> None:
    model = lite.Model("fan.onnx")
    shortest = model.meta["min_samples"]
    assert np.isfinite(model.score(fan(1.0, RATE, 1)[:shortest])["score"])
    with pytest.raises(ValueError, match=f"{shortest} that are finite are needed"):
        model.score(np.zeros(shortest - 1, np.float32))
    with pytest.raises(ValueError, match="that are finite"):
        model.score(np.full(RATE, np.nan, np.float32))
    with pytest.raises(ValueError, match="8000 Hz; 16000 Hz are needed"):
        model.prepare(np.zeros((8000, 1), np.float32), 8000)


def test_metadata_says_how_to_use_the_file_and_what_it_is_of(here: Path) -> None:
    meta, model = lite.Model("fan.onnx").meta, own_model(here)
    assert meta["schema"] == "asd.onnx/1"
    assert (meta["machine"], meta["detector"]) == ("fan-3", "robust")
    assert (meta["sample_rate"], meta["channel"], meta["clip_seconds"]) == (RATE, "mean", 2.0)
    assert meta["calibration_clips"] == len(model.training_scores)
    assert meta["smallest_rate"] == 1 / (1 + len(model.training_scores))
    assert meta["rate_bound"] == model.threshold.bound
    assert len(meta["band_edges_hz"]) == len(meta["band_spread_db"]) + 1 == 129
    assert len(meta["model_sha256"]) == 64
    assert meta["licence"] == "unstated"
    assert meta["card"]["hours"] > 0
    assert any("8 kHz" in limit for limit in meta["card"]["cannot_detect"])


def test_the_same_command_gives_the_same_bytes_for_every_opset(here: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.onnx"
    assert asd("export", "--machine", "fan-3", "-o", str(again), "-q").exit_code == 0
    assert again.read_bytes() == Path("fan.onnx").read_bytes()
    newer = tmp_path / "newer.onnx"
    assert asd("export", "-m", "fan-3", "-o", str(newer), "--opset", "22").exit_code == 0
    wave = fan(2.0, RATE, 20)
    assert lite.Model(str(newer)).score(wave) == lite.Model("fan.onnx").score(wave)


def test_a_file_that_would_score_otherwise_is_not_written(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tolerances = dict.fromkeys(checking._TOLERANCES, 0.0)
    monkeypatch.setattr(checking, "_TOLERANCES", tolerances)
    path = tmp_path / "x.onnx"
    result = asd("export", "-m", "fan-3", "-o", str(path), "--check", "new/good.wav")
    assert result.exit_code == 6
    assert "the exported file is not written: on 1 clips its scores differ" in result.stderr
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--opset", "17"), 2, "opset 17 cannot be written"),
        (("--format", "pt2"), 2, "robust has no network, and a .pt2 file holds one"),
        (("--hub", "x", "-o", "y"), 2, "a folder for a hub holds all its files"),
        (("--machine", "x"), 3, "there is no model of x"),
        (("--check", "nowhere"), 3, "there is no recording nowhere"),
        (("--check", "new/too short.wav"), 3, "there is nothing to check on"),
        (("--model", "a", "--machine", "b"), 2, "--machine cannot be used with --model"),
    ],
)
def test_what_cannot_be_exported_is_said(
    here: Path, arguments: tuple[str, ...], status: int, message: str
) -> None:
    result = asd("export", *arguments)
    assert result.exit_code == status, result.output
    assert message in result.stderr
    assert not [path for path in here.iterdir() if path.suffix in {".onnx", ".pt2"}][1:]


def test_without_recordings_the_file_is_written_with_a_warning(place: Path, tmp_path: Path,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    from dataclasses import replace

    model = own_model(place)
    assert model.facts.own is not None
    moved = replace(
        model, facts=replace(model.facts, own=replace(model.facts.own, sources=("gone",)))
    )
    monkeypatch.chdir(tmp_path)
    moved.save("moved.safetensors")
    result = asd("export", "--model", "moved.safetensors")
    assert result.exit_code == 0, result.output
    assert "not compared with the model" in result.stderr
    assert (tmp_path / "fan-3.onnx").is_file()


def test_a_folder_for_the_hub_holds_no_path_of_this_machine(here: Path, tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    result = asd(
        "export",
        "-m",
        "fan-3",
        "--hub",
        str(hub),
        "--licence",
        "MIT",
        "--microphone",
        "left | bearing",
    )
    assert result.exit_code == 0, result.output
    names = {path.name for path in hub.iterdir()}
    assert names == {"README.md", "asd.onnx", "config.json", "model.safetensors"}
    assert not [p for p in hub.iterdir() if os.fsencode(here) in p.read_bytes()]
    card = (hub / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: asd\nlicense: mit\n")
    assert "| Microphone | left \\| bearing |" in card
    assert "## What it cannot detect" in card
    published = Model.load(hub / "model.safetensors")
    assert published.facts.own is not None
    assert published.facts.own.sources == ("normal",)
    (again,) = published.score([fan(2.0, RATE, 20)])
    (known,) = own_model(here).score([fan(2.0, RATE, 20)])
    assert again.score == known.score
    config = json.loads((hub / "config.json").read_text())
    assert config["detector"] == "robust"
    assert "device" not in config["options"]


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A folder in which node finds onnxruntime-web."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node is not installed")
    found = subprocess.run(["npm", "root", "--global"], capture_output=True, text=True, check=True)
    modules = Path(os.environ.get("ASD_NODE_MODULES", found.stdout.strip()))
    if not (modules / "onnxruntime-web").is_dir():
        pytest.skip("npm install --global --ignore-scripts onnxruntime-web: it is not installed")
    (tmp_path / "node_modules").symlink_to(modules)
    shutil.copy(MODULES / "examples" / "score.mjs", tmp_path / "score.mjs")
    return tmp_path


def test_javascript_decides_as_python_does(here: Path, node: Path) -> None:
    """WebAssembly, as in a browser."""
    write(node / "good.wav", fan(2.0, RATE, 30), RATE)
    write(node / "loud.wav", fan(2.0, RATE, 30, Fault(level=0.1)), RATE)
    done = subprocess.run(
        ["node", "score.mjs", str(here / "fan.onnx"), "good.wav", "loud.wav"],
        capture_output=True, text=True, cwd=node, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    model, rows = lite.Model("fan.onnx"), [json.loads(line) for line in done.stdout.splitlines()]
    for row, anomalous in zip(rows, (False, True), strict=True):
        known = model.score_file(str(node / row["file"]))
        assert row["machine"] == "fan-3"
        assert row["anomalous"] == known["anomalous"] == anomalous
        assert row["score"] == pytest.approx(known["score"], rel=1e-5, abs=1e-5)
