"""Own machines from Python: train, stream, update, an estimator."""

from pathlib import Path

import numpy as np
import pytest

import asd_cli as asd
from asd_cli.core.errors import DataError, UsageError
from tests.support.fan import Fault, fan, write

RATE = 16000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> asd.Model:
    root = tmp_path_factory.mktemp("python")
    for number in range(8):
        write(root / "recordings" / f"{number}.wav", fan(4.0, 22050, number), 22050)
    settings = asd.Settings(
        detector="auto", model_directory=root / "model", cache_directory=root / "cache"
    )
    return asd.train(
        root / "recordings", machine="fan-3", detector="pooled-knn", clip_seconds=2.0,
        settings=settings,
    )  # fmt: skip


def test_train_gives_a_model_and_makes_it_the_current_one(model: asd.Model) -> None:
    assert model.facts.own is not None
    source = Path(model.facts.own.sources[0])
    assert (source.parent / "model" / "own" / "fan-3" / "v0001.safetensors").is_file()
    assert model.facts.training.detector == "pooled-knn"


def test_a_machine_needs_a_name() -> None:
    with pytest.raises(UsageError, match="needs a name"):
        asd.train("recordings", machine="")


@pytest.mark.parametrize("piece", [1000, 22050, 123457])
def test_a_stream_gives_the_numbers_of_a_file(model: asd.Model, tmp_path: Path, piece: int) -> None:
    sound = fan(7.0, 44100, 30, Fault(start=4.0, end=6.0, level=0.1))
    path = write(tmp_path / "x.wav", sound, 44100)
    import soundfile

    samples, _ = soundfile.read(path, dtype="float32")
    clips = [asd.Clip(path=path, machine="fan-3", start=2.0 * n, duration=2.0) for n in range(3)]
    expected = model.score(clips)
    stream = model.stream(44100)
    rows = [
        row
        for begin in range(0, len(samples), piece)
        for row in stream.push(samples[begin : begin + piece])
    ]
    assert [row.score for row in rows] == [row.score for row in expected]
    assert [row.clip.start for row in rows] == [0.0, 2.0, 4.0]
    assert max(rows, key=lambda row: row.score).clip.start == 4.0


def test_a_stream_takes_channels_as_the_model_does_and_refuses_nonsense(model: asd.Model) -> None:
    stream = model.stream(22050)
    sound = fan(2.0, 22050, 31)
    both = stream.push(np.stack([sound, sound], axis=1))
    assert both[0].score == pytest.approx(model.stream(22050).push(sound)[0].score, abs=1e-4)
    with pytest.raises(DataError, match="finite"):
        stream.push(np.full(10, np.nan))
    with pytest.raises(UsageError, match="lacks what the model"):
        model.stream(8000)


def test_update_gives_a_model_that_knows_more_and_leaves_the_first(
    model: asd.Model, tmp_path: Path
) -> None:
    odd = write(tmp_path / "odd.wav", fan(4.0, 22050, 40, Fault(level=0.05)), 22050)
    settings = asd.Settings(cache_directory=tmp_path / "cache")
    known = model.update([odd], settings)
    assert model.score([odd])[0].anomalous
    assert not known.score([odd])[0].anomalous


def test_a_notebook_shows_decision_picture_and_player(model: asd.Model, tmp_path: Path) -> None:
    odd = write(tmp_path / "odd <1>.wav", fan(4.0, 22050, 41, Fault(level=0.1)), 22050)
    shown = model.show(odd)
    assert shown.file.status == "anomalous"
    page = shown._repr_html_()
    assert "odd &lt;1&gt;.wav" in page
    assert "odd <1>" not in page
    assert page.count("data:image/png") == 2
    assert "data:audio/mpeg" in page
    assert "louder than" in page
    (tmp_path / "bad.wav").write_text("hello")
    assert "is not a recording" in model.show(tmp_path / "bad.wav")._repr_html_()


def test_the_estimator_has_the_habits_of_scikit_learn() -> None:
    from sklearn.base import clone

    normal = [fan(2.0, RATE, number) for number in range(12)]
    detector = asd.SoundAnomalyDetector(detector="pooled-knn", clip_seconds=1.0)
    assert clone(detector).get_params() == detector.get_params()
    with pytest.raises(DataError, match="not fitted"):
        detector.predict(normal)
    assert detector.fit(normal, sr=RATE) is detector
    new = [fan(2.5, RATE, 50), fan(2.5, RATE, 51, Fault(start=1.9, level=0.2))]
    assert detector.predict(new).tolist() == [1, -1]
    values = detector.decision_function(new)
    assert values[0] > 0 > values[1]
    assert detector.score_samples(new)[0] > detector.score_samples(new)[1]
    # Of a longer array the same worst clip is less surprising.
    (short,), (long,) = (detector.decision_function([fan(s, RATE, 52)]) for s in (1.0, 9.0))
    scores = detector.score_samples([fan(1.0, RATE, 52), fan(9.0, RATE, 52)])
    assert long - scores[1] > short - scores[0]
    with pytest.raises(ValueError, match="no parameter"):
        detector.set_params(nothing=1)
    with pytest.raises(DataError, match="shape"):
        detector.fit([np.zeros((2, 2))], sr=RATE)
