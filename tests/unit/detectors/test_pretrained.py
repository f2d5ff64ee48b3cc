from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.pretrained.detector import PretrainedDetector
from asd_cli.detectors.pretrained.encoders import ExportedEncoder, encoder_fingerprint, open_encoder
from asd_cli.detectors.pretrained.options import EncoderOptions, PretrainedOptions
from asd_cli.features.graphs import ClipInputs
from asd_cli.features.waveforms import clip_waveform
from asd_cli.graphs.builder import Graph
from asd_cli.testing import make_recordings
from tests.support.encoders import TinyEncoder, write_encoder
from tests.support.graphs import run

CPU = torch.device("cpu")
WAVEFORM = np.sin(np.arange(8000) / 5).astype(np.float32)


@pytest.mark.parametrize("per_frame", [False, True])
@pytest.mark.parametrize("suffix", [".pt2", ".onnx"])
def test_embeddings_are_those_of_the_network(tmp_path: Path, per_frame: bool, suffix: str) -> None:
    path = write_encoder(tmp_path / f"encoder{suffix}", seed=4, per_frame=per_frame)
    torch.manual_seed(4)
    network = TinyEncoder(24, per_frame=per_frame)
    with torch.inference_mode():
        expected = network(torch.from_numpy(WAVEFORM)[None]).reshape(-1, 24).mean(0).numpy()
    found = open_encoder(path, CPU).embed(WAVEFORM)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_any_length_is_taken_that_the_program_takes(tmp_path: Path) -> None:
    encoder = ExportedEncoder(write_encoder(tmp_path / "encoder.pt2"), CPU)
    assert encoder.embed(np.tile(WAVEFORM, 3)).shape == (24,)
    with pytest.raises(DataError, match="does not take 100 samples"):
        encoder.embed(WAVEFORM[:100])


def test_what_is_no_onnx_encoder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").write_bytes(b"no graph")
    with pytest.raises(DataError, match=r"x\.onnx holds no ONNX graph"):
        open_encoder(tmp_path / "x.onnx", CPU)
    graph = Graph()
    wave = graph.input("wave", np.float64, [1, "samples"])
    graph.output("embeddings", wave, [1, "samples"])
    (tmp_path / "y.onnx").write_bytes(graph.model("y", {}).SerializeToString())
    with pytest.raises(DataError, match=r"y\.onnx is no encoder"):
        open_encoder(tmp_path / "y.onnx", CPU)
    encoder = open_encoder(write_encoder(tmp_path / "encoder.onnx"), CPU)
    with pytest.raises(DataError, match="does not take 100 samples"):
        encoder.embed(WAVEFORM[:100])


def test_an_onnx_encoder_becomes_part_of_an_exported_model(tmp_path: Path) -> None:
    path = write_encoder(tmp_path / "encoder.onnx", per_frame=True)
    options = PretrainedOptions(encoder=EncoderOptions(checkpoint=str(path)), device="cpu")
    detector = PretrainedDetector(options)
    train = make_recordings(tmp_path, sections=("00",))
    detector.fit(train, FitContext())
    graph = Graph(18)
    wave = graph.input("wave", np.float32, ["clips", "samples"])
    found = detector.graph(ClipInputs(graph, wave, ("00",), options.features))
    test = make_recordings(tmp_path / "test", sections=("00",), seed=50, source=1, target=0)
    sound = clip_waveform(test, 0, options.features)
    expected = detector.score(test).clips
    np.testing.assert_allclose(run(graph, found, 1, wave=sound[None]), expected, rtol=1e-3)


def test_what_is_no_encoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="needs an encoder") as refused:
        ExportedEncoder(Path(), CPU)
    assert "encoder.checkpoint" in str(refused.value.hint)
    with pytest.raises(DataError, match="there is no encoder"):
        ExportedEncoder(tmp_path / "none.pt2", CPU)
    (tmp_path / "text.pt2").write_text("not a program")
    with pytest.raises(DataError, match="holds no program"):
        ExportedEncoder(tmp_path / "text.pt2", CPU)


def test_embeddings_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    encoder = ExportedEncoder(write_encoder(tmp_path / "encoder.pt2"), CPU)
    with pytest.raises(DataError, match="not finite"):
        encoder.embed(np.full(8000, np.inf, np.float32))


def test_another_encoder_does_not_fit_the_references(tmp_path: Path) -> None:
    path = write_encoder(tmp_path / "own.pt2", seed=1)
    options = PretrainedOptions(encoder=EncoderOptions(checkpoint=str(path)), device="cpu")
    detector = PretrainedDetector(options)
    train = make_recordings(tmp_path / "clips")
    detector.fit(train, FitContext())
    state, scores = detector.state(), detector.score(train).clips
    moved_path = path.rename(tmp_path / "moved.pt2")
    moved = replace(options, encoder=EncoderOptions(checkpoint=str(moved_path)))
    again = PretrainedDetector.from_state(state, moved)
    np.testing.assert_array_equal(again.score(train).clips, scores)
    other_path = write_encoder(tmp_path / "other.pt2", seed=2)
    other = replace(options, encoder=EncoderOptions(checkpoint=str(other_path)))
    with pytest.raises(IntegrityError, match="another encoder"):
        PretrainedDetector.from_state(state, other)


def test_a_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    first = write_encoder(tmp_path / "a" / "encoder.pt2", seed=1)
    before = encoder_fingerprint(first)
    assert encoder_fingerprint(first.rename(tmp_path / "b.pt2")) == before
    assert encoder_fingerprint(write_encoder(first, seed=2)) != before
