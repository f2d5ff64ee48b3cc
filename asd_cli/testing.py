"""What every detector must keep, as tests that authors of detectors can run.

A package with a detector of its own has one test class for it, run by pytest::

    from asd_cli.testing import DetectorContract

    class TestCrest(DetectorContract):
        detector = "crest"                      # registered, or an entry point
        settings = {"crest.alpha": 2.0}         # small and fast

The recordings are made here from a seed: sections that hum at different pitches, in two domains;
with a fault each clip rattles as well.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np
import numpy.typing as npt
import soundfile

from asd_cli.artifacts.model_file import ModelFile, read_model_file, write_model_file
from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.events import SilentEvents
from asd_cli.core.structures import from_plain
from asd_cli.core.types import CONDITION, DOMAIN, SECTION, Clip, Domain, Label, Split
from asd_cli.detectors.base import Detector, DetectorState, FitContext
from asd_cli.detectors.options import DetectorOptions
from asd_cli.detectors.plans import (
    Plan,
    create_detector,
    options_from_plain,
    options_to_plain,
    parse_detector,
    restore_detector,
)
from asd_cli.detectors.spec import Runtime
from asd_cli.evaluation.metrics import auc
from asd_cli.features.memory import Recording, features_in_memory
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.options import detector_options
from asd_cli.settings.model import Settings
from asd_cli.training.checkpoint import Checkpoint

SAMPLE_RATE = 16000
_TOO_LITTLE: tuple[Mapping[str, Any], ...] = (
    {"sections": ("00",)},
    {"source": 1, "target": 0},
    {"target": 0},
)


def make_recordings(
    folder: Path,
    *,
    machine: str = "fan",
    sections: Sequence[str] = ("00", "01"),
    source: int = 6,
    target: int = 2,
    seconds: float = 1.5,
    seed: int = 0,
    fault: bool = False,
    n_mels: int = 64,
) -> FeatureStore:
    """Write small recordings and compute their features.

    Parameters
    ----------
    folder : Path
        Where WAV files are written.
    machine : str
        Its name.
    sections : sequence of str
        Each hums at another pitch.
    source, target : int
        Clips of each section in the two domains.
    seconds : float
        Length of a clip.
    seed : int
        Of the noise.
    fault : bool
        Whether each clip rattles.
    n_mels : int
        Mel bands of the features.
    """
    clips: list[Clip] = []
    for section in sections:
        for domain, count in ((Domain.SOURCE, source), (Domain.TARGET, target)):
            for number in range(count):
                seed += 1
                pitch = (400.0 + 600.0 * int(section)) * (1.0 if domain is Domain.SOURCE else 1.1)
                samples = _hum(pitch, seconds, seed) * (0.8 + 0.2 * (number % 2))
                if fault:
                    samples[len(samples) // 3 :: 4000] += 0.6
                    samples += 0.2 * np.random.default_rng(seed).standard_normal(len(samples))
                condition = f"speed_{number % 2}"
                name = f"section_{section}_{domain}_train_normal_{number:04}_{condition}.wav"
                path = folder / machine / "train" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, 0.4 * samples, SAMPLE_RATE, subtype="PCM_16")
                known = {SECTION: section, DOMAIN: domain.value, CONDITION: condition}
                clips.append(
                    Clip(
                        path=path,
                        machine=machine,
                        split=Split.TRAIN,
                        label=Label.NORMAL,
                        attributes=known,
                    )
                )
    store = features_in_memory(
        [Recording(clip) for clip in clips], FeatureParameters(n_mels=n_mels)
    )
    return replace(store, waveforms=None)


def _hum(pitch: float, seconds: float, seed: int) -> npt.NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return 0.3 * np.sin(2 * np.pi * pitch * time) + 0.05 * generator.standard_normal(len(time))


class _Killed(Exception):  # noqa: N818 - stands for a kill; nothing catches it
    """Stands for a kill."""


class _KillsAfter(SilentEvents):
    def __init__(self, steps: float) -> None:
        self.left = steps

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        self.left -= amount
        if self.left < 0:
            raise _Killed


class DetectorContract:
    """Tests that every detector passes; derive from it and set `detector`.

    Attributes
    ----------
    detector : str
        Name of a detector, preset or ensemble.
    settings : mapping of str to value
        Small settings by dotted key.
    uses_seed : bool
        Whether another seed must give other scores.
    """

    detector: ClassVar[str] = ""
    settings: ClassVar[Mapping[str, Any]] = {}
    uses_seed: ClassVar[bool] = False

    _folder: ClassVar[TemporaryDirectory[str] | None] = None
    _recorded: ClassVar[dict[str, FeatureStore]] = {}
    _fitted: ClassVar[dict[str, Detector]] = {}
    _steps: ClassVar[dict[str, float]] = {}

    @classmethod
    def plan(cls) -> Plan:
        """Give what `detector` stands for."""
        return parse_detector(cls.detector)

    @classmethod
    def options(cls, *, seed: int = 5) -> DetectorOptions:
        """Options of the detector with the small settings."""
        parameters = {"feature.n_mels": 64, **cls.settings}
        chosen = Settings(detector=cls.detector, seed=seed, parameters=parameters)
        return detector_options(chosen, features=FeatureParameters(n_mels=64), device="cpu")

    @classmethod
    def create(cls, *, seed: int = 5) -> Detector:
        """Make an unfitted detector."""
        return create_detector(cls.plan(), cls.options(seed=seed))

    @classmethod
    def recordings(cls, **wanted: Any) -> FeatureStore:
        """Give recordings with their features, made once."""
        if DetectorContract._folder is None:
            DetectorContract._folder = TemporaryDirectory()
        key = repr(sorted(wanted.items()))
        if key not in cls._recorded:
            place = hashlib.sha256(key.encode()).hexdigest()[:12]
            folder = Path(DetectorContract._folder.name) / place
            cls._recorded[key] = make_recordings(folder, **wanted)
        return cls._recorded[key]

    @classmethod
    def fitted(cls) -> Detector:
        """Give the detector, fitted to the training recordings; made once."""
        if cls.detector not in cls._fitted:
            detector, counted = cls.create(), _Counts()
            detector.fit(cls.recordings(), FitContext(events=counted))
            cls._fitted[cls.detector], cls._steps[cls.detector] = detector, counted.total
        return cls._fitted[cls.detector]

    def test_scores_are_finite_floats_one_a_clip(self) -> None:
        """Scores have the documented shape, type and range."""
        test = self.recordings(seed=90)
        scores = self.fitted().score(test)
        assert scores.clips.shape == (len(test),)
        assert scores.clips.dtype in {np.dtype(np.float32), np.dtype(np.float64)}
        assert np.isfinite(scores.clips).all()
        assert len(scores.windows) == len(test)
        assert all(len(windows) >= 1 for windows in scores.windows)

    def test_higher_is_more_anomalous(self) -> None:
        """A rattle scores higher; where sections are classified, so does a wrong section."""
        test = self.recordings(seed=90)
        odd = self.recordings(seed=90, fault=True)
        if any(spec.needs_sections for spec in self.plan().members):
            swapped = {"00": "01", "01": "00"}
            clips = (c.with_attributes(section=swapped[c.section or ""]) for c in test.clips)
            odd = replace(test, clips=tuple(clips))
        detector = self.fitted()
        found = auc(detector.score(test).clips, detector.score(odd).clips)
        assert found is not None
        assert found > 0.7, f"AUC {found:.3f}"

    def test_a_seed_gives_the_same_scores(self) -> None:
        """Training again with the same seed gives the same bits."""
        again = self.create()
        again.fit(self.recordings(), FitContext())
        test = self.recordings(seed=90)
        np.testing.assert_array_equal(self.fitted().score(test).clips, again.score(test).clips)

    def test_another_seed_gives_other_scores(self) -> None:
        """The seed reaches whatever is random."""
        other = self.create(seed=6)
        other.fit(self.recordings(), FitContext())
        test = self.recordings(seed=90)
        same = np.array_equal(self.fitted().score(test).clips, other.score(test).clips)
        assert same is not self.uses_seed

    def test_scores_do_not_depend_on_other_clips(self) -> None:
        """A clip scored alone has the score that it has among others."""
        test, detector = self.recordings(seed=90), self.fitted()
        together = detector.score(test).clips
        alone = [detector.score(test.select([i])).clips[0] for i in range(len(test))]
        np.testing.assert_array_equal(together, alone)

    def test_scores_survive_a_model_file(self) -> None:
        """State and options pass through a file without a change."""
        from asd_cli.artifacts.manifest import TrainingRecord
        from asd_cli.artifacts.model_file import ModelFacts

        options, state = self.options(), self.fitted().state()
        record = TrainingRecord(
            detector=self.detector, seed=options.seed, threads=None, settings={},
            features="", data="", versions={},
        )  # fmt: skip
        facts = ModelFacts(
            machine="fan",
            training=record,
            options=options_to_plain(options),
            state=dict(state.facts),
            identity={},
        )
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            write_model_file(path, ModelFile(state.tensors, facts))
            known = read_model_file(path)
        restored = options_from_plain(self.plan(), known.facts.options)
        assert restored == options
        again = restore_detector(
            self.plan(), DetectorState(known.tensors, known.facts.state), restored
        )
        test = self.recordings(seed=90)
        np.testing.assert_array_equal(self.fitted().score(test).clips, again.score(test).clips)
        assert from_plain(dict[str, Any], dict(again.state().facts)) == dict(state.facts)

    def test_training_scores_are_one_a_clip_and_below_the_limit(self) -> None:
        """Training clips are scored for the threshold."""
        train, detector = self.recordings(), self.fitted()
        scores = detector.score_training_clips(train)
        assert scores.shape == (len(train),)
        assert np.isfinite(scores).all()
        assert (scores <= detector.highest_score).all()

    def test_a_graph_scores_as_the_detector_does(self) -> None:
        """An exported graph gives the same scores for clips of any length, or says why not.

        A detector without a method `graph` cannot be exported, and says so in one sentence. The
        test is skipped where the packages of the extra ``onnx`` are not installed.
        """
        if find_spec("onnx") is None or find_spec("onnxruntime") is None:
            raise SkipTest("install the extra onnx: pip install 'asd-cli[onnx]'")
        try:
            run = _graph_of(self.fitted(), self.detector, self.options().features)
        except UsageError as error:
            assert "cannot be exported" in error.message
            return
        torch = self.plan().runtime is Runtime.TORCH
        usual = float(np.std(self.fitted().score_training_clips(self.recordings())))
        for seconds in (1.5, 1.1, 2.7):
            test = self.recordings(seed=90, seconds=seconds, source=2, target=1)
            expected = self.fitted().score(test).clips
            found = run(test, self.options().features)
            scale = np.maximum(np.abs(expected), max(usual, 1e-6))
            assert (np.abs(found - expected) / scale).max() < (1e-3 if torch else 1e-4)

    def test_a_section_that_was_not_trained_is_refused_where_it_matters(self) -> None:
        """A detector that distinguishes sections does not score others."""
        other, detector = self.recordings(sections=("00", "02")), self.fitted()
        if not any(spec.distinguishes_sections for spec in self.plan().members):
            assert np.isfinite(detector.score(other).clips).all()
            return
        try:
            detector.score(other)
        except UsageError as error:
            assert "knows the sections 00, 01 and not 02" in error.message
        else:
            raise AssertionError("clips of a section that was not trained were scored")

    def test_little_data_works_or_is_refused_in_words(self) -> None:
        """One section, one clip, no target clip: finite scores, or an error with a hint."""
        for little in _TOO_LITTLE:
            store = self.recordings(**little)
            detector = self.create()
            try:
                detector.fit(store, FitContext())
            except DataError as error:
                assert error.hint, error.message
                continue
            assert np.isfinite(detector.score(store).clips).all()
            assert np.isfinite(detector.score_training_clips(store)).all()

    def test_a_fit_that_was_killed_is_resumed_to_the_same_end(self) -> None:
        """A kill in the middle of training changes no bit."""
        whole, train = self.fitted(), self.recordings()
        with TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.safetensors"
            checkpoint = Checkpoint(path, {"what": self.detector})
            counted = _KillsAfter(self._steps[self.detector] * 0.6)
            try:
                self.create().fit(train, FitContext(checkpoint=checkpoint, events=counted))
            except _Killed:
                pass
            else:
                raise AssertionError("the fit was over before it could be killed")
            resumed = self.create()
            resumed.fit(train, FitContext(checkpoint=checkpoint))
        test = self.recordings(seed=90)
        np.testing.assert_array_equal(whole.score(test).clips, resumed.score(test).clips)


_Scores = npt.NDArray[np.float64]


def _graph_of(
    detector: Detector, name: str, features: FeatureParameters
) -> Callable[[FeatureStore, FeatureParameters], _Scores]:
    """Export a fitted detector; gives what scores clips by its graph, one by one."""
    import onnxruntime

    from asd_cli.detectors.exporting import score_graph
    from asd_cli.features.graphs import DOMAINS, ClipInputs
    from asd_cli.features.waveforms import clip_waveform
    from asd_cli.graphs.builder import Graph

    graph, sections = Graph(), ("00", "01")
    wave = graph.input("wave", np.float32, ["clips", "samples"])
    graph.output(
        "score", score_graph(detector, name, ClipInputs(graph, wave, sections, features)), ["clips"]
    )
    content = graph.model(name, {}).SerializeToString(deterministic=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options)
    asked = {entry.name for entry in session.get_inputs()}

    def run(store: FeatureStore, parameters: FeatureParameters) -> _Scores:
        scores = []
        for index, clip in enumerate(store.clips):
            given = {
                "wave": clip_waveform(store, index, parameters)[None],
                "section": np.array([sections.index(clip.section or "")], np.int64),
                "domain": np.array([DOMAINS.index(clip.domain)], np.int64),
            }
            found = session.run(None, {key: given[key] for key in asked})
            scores.append(float(found[0][0]))
        return np.array(scores)

    return run


class _Counts(SilentEvents):
    total = 0.0

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        self.total += amount
