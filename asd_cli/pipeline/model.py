"""The model of one machine: one file, one object, everything that scoring needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.model_file import ModelFacts, ModelFile, read_model_file, write_model_file
from asd_cli.artifacts.threshold import Threshold
from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.core.structures import StructureError
from asd_cli.core.types import Clip
from asd_cli.detectors.base import Detector, DetectorState, Scores
from asd_cli.detectors.normal_scores import NormalScores
from asd_cli.detectors.options import DetectorOptions
from asd_cli.detectors.plans import options_from_plain, restore_detector
from asd_cli.detectors.thresholds import normal_scores
from asd_cli.features.memory import Recording, features_in_memory
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.identity import plan_of
from asd_cli.pipeline.rarity import Group, p_values
from asd_cli.pipeline.references import REFERENCES
from asd_cli.pipeline.scored_clips import ClipScore, ScoredClips, require_numbers

if TYPE_CHECKING:
    from asd_cli.pipeline.own.report import FileView
    from asd_cli.pipeline.own.stream import Stream
    from asd_cli.reporting.explain import NormalReference
    from asd_cli.reporting.explanation import Explanation
    from asd_cli.settings.model import Settings

TRAINING_SCORES = "training_scores"
WEIGHTS = "detector."
MEL_FILTERS = "mel_filters"

FloatArray = npt.NDArray[np.floating]

_MIN_REFERENCES = 4


@dataclass(frozen=True, repr=False)
class Model:
    """A trained model of normal sound of one machine.

    Attributes
    ----------
    tensors : mapping of str to ndarray
        State of the detector, training scores, mel filters, a few normal clips.
    facts : ModelFacts
        Everything else: detector, options, calibration, provenance.
    device : str
        Where networks compute.
    """

    tensors: Mapping[str, npt.NDArray[Any]]
    facts: ModelFacts
    device: str = "auto"

    def __repr__(self) -> str:
        return f"<Model of {self.machine} by {self.facts.training.detector}>"

    @classmethod
    def load(cls, path: str | Path, *, device: str = "auto") -> "Model":
        """Read a model file; nothing else is needed to score with it.

        Raises
        ------
        DataError
            When there is none.
        IntegrityError
            When it is damaged, or was made by a version whose facts cannot be read.
        """
        content = read_model_file(Path(path))
        return cls(content.tensors, content.facts, device)

    def save(self, path: str | Path) -> None:
        """Write the model into one file, complete or not at all."""
        write_model_file(Path(path), ModelFile(self.tensors, self.facts))

    @property
    def machine(self) -> str:
        """Whose normal sound it is a model of."""
        return self.facts.machine

    @property
    def features(self) -> FeatureParameters:
        """How features are computed."""
        return self.options.features

    @cached_property
    def options(self) -> DetectorOptions:
        """Options of the detector, as it was trained."""
        try:
            plain = {**self.facts.options, "device": self.device}
            return options_from_plain(plan_of(self.facts.training.detector), plain)
        except StructureError as error:
            made_by = self.facts.training.versions.get("asd-cli", "unknown")
            raise IntegrityError(
                f"the model of {self.machine} was made by version {made_by}; its options cannot be "
                f"read: {error}",
                hint="train it again: asd train --force",
            ) from error

    @property
    def threshold(self) -> Threshold:
        """The decision threshold; DataError where training was interrupted before it was found."""
        if self.facts.calibration is None:
            raise DataError(
                f"the model of {self.machine} has no decision threshold: its training was "
                "interrupted",
                hint=f"resume it: asd train --machine {self.machine}",
            )
        return self.facts.calibration.threshold

    @property
    def training_scores(self) -> FloatArray:
        """Scores of the normal clips that the threshold was found from [shape=(n_clips,)]."""
        return np.asarray(self.tensors[TRAINING_SCORES])

    def restore(self, options: DetectorOptions | None = None) -> Detector:
        """Make the fitted detector, with other options of scoring where some are given."""
        weights = DetectorState(self.tensors, {}).part(WEIGHTS)
        state = DetectorState(weights, self.facts.state)
        plan = plan_of(self.facts.training.detector)
        return restore_detector(plan, state, options or self.options)

    @cached_property
    def _detector(self) -> Detector:
        return self.restore()

    def score(
        self,
        recordings: Sequence[str | Path | Clip | FloatArray],
        *,
        sr: int | None = None,
        section: str | None = None,
        domain: str | None = None,
    ) -> ScoredClips:
        """Score recordings.

        Parameters
        ----------
        recordings : sequence of path, Clip or ndarray [shape=(n_samples,)]
            Files, parts of files, or samples with full scale 1.
        sr : int, optional
            Sample rate of arrays, in Hz; the model's own by default.
        section, domain : str, optional
            Of all recordings that do not say it themselves; a model of a single section takes that.

        Returns
        -------
        ScoredClips
            One row a recording, in their order.

        Raises
        ------
        DataError
            When a recording cannot be read, or is too short.
        UsageError
            When the model distinguishes sections and a recording's is not known.
        """
        store = self.prepare(recordings, sr=sr, section=section, domain=domain)
        return self.decide(store.clips, self.score_features(store))

    def score_features(self, store: FeatureStore) -> FloatArray:
        """Score clips whose features are there [shape=(n_clips,)]; errors as `score`."""
        scores = self._detector.score(store).clips
        require_numbers(scores, store.clips)
        return scores

    def prepare(
        self,
        recordings: Sequence[str | Path | Clip | FloatArray],
        *,
        sr: int | None = None,
        section: str | None = None,
        domain: str | None = None,
    ) -> FeatureStore:
        """Compute the features of recordings, as `score` takes them."""
        if section is None and len(self.facts.sections) == 1:
            section = self.facts.sections[0]
        named = [
            Recording.of(item, machine=self.machine, number=number, section=section, domain=domain)
            for number, item in enumerate(
                [recordings] if isinstance(recordings, str | Path) else recordings
            )
        ]
        return features_in_memory(
            named, self.features, sr=sr, filters=self.tensors.get(MEL_FILTERS)
        )

    def decide(
        self,
        clips: Sequence[Clip],
        scores: Scores | FloatArray,
        threshold: Threshold | None = None,
    ) -> ScoredClips:
        """Give p-values and decisions of scores.

        Parameters
        ----------
        clips : sequence of Clip
            Whose scores.
        scores : Scores or ndarray [shape=(n_clips,)]
            Of this model.
        threshold : Threshold, optional
            What decides; the model's own by default.
        """
        decisive = threshold or self.threshold
        given = scores.clips if isinstance(scores, Scores) else scores
        values = np.asarray(given, self.training_scores.dtype)
        groups = [(clip.section, clip.domain and clip.domain.value) for clip in clips]
        rare = self.p_values(values, groups)
        limits = [decisive.of(clip.section, clip.domain) for clip in clips]
        return ScoredClips(
            tuple(
                ClipScore(clip, float(value), float(p), float(value) > limit)
                for clip, value, p, limit in zip(clips, values, rare, limits, strict=True)
            )
        )

    def p_values(self, scores: FloatArray, groups: Sequence[Group] = ()) -> npt.NDArray[np.float64]:
        """Say how rare scores are among normal clips (`asd_cli.pipeline.rarity.p_values`).

        Parameters
        ----------
        scores : ndarray [shape=(n_clips,)]
            Of this model.
        groups : sequence of (section, domain)
            Of each clip, where thresholds differ; not known by default.

        Returns
        -------
        ndarray [shape=(n_clips,), dtype=float64]
            In (0, 1].
        """
        calibration = self.facts.calibration
        if calibration is None:
            raise DataError(f"the model of {self.machine} has no threshold: train it to the end")
        return p_values(
            scores,
            groups or [(None, None)] * len(scores),
            training_scores=self.training_scores,
            calibration=calibration,
        )

    @cached_property
    def normal_scores(self) -> NormalScores:
        """Left-out scores of the training clips, with the recordings that they are of.

        Raises
        ------
        DataError
            When training was interrupted before there were any, or there are too few.
        """
        calibration = self.facts.calibration
        units = calibration.units if self.threshold and calibration else ()
        return normal_scores(self.training_scores, units or range(len(self.training_scores)))

    def explain(
        self, recording: str | Path | Clip | FloatArray, *, sr: int | None = None
    ) -> "Explanation":
        """Say where in time and frequency a recording differs from normal ones.

        Parameters
        ----------
        recording : path, Clip or ndarray [shape=(n_samples,)]
            What to explain.
        sr : int, optional
            Sample rate of an array, in Hz.

        Returns
        -------
        Explanation
            Its `sentence` says it in words; `nearest` is the number of the normal clip, `member`
            the detector of an ensemble that found it most unusual.

        Raises
        ------
        DataError
            When the recording cannot be read, or the model holds no normal clips.
        """
        return self.explain_clip(self.prepare([recording], sr=sr))

    def update(
        self, recordings: Sequence[str | Path], settings: "Settings | None" = None
    ) -> "Model":
        """Give a model that knows more normal recordings; this one stays as it is.

        Parameters
        ----------
        recordings : sequence of path
            Files and folders of normal sound: false alarms, a new operating state.
        settings : Settings, optional
            Say where features are kept; ``./cache`` by default.

        Raises
        ------
        UsageError
            When the model is of a challenge set.
        DataError
            When the recordings that it was trained on are gone.
        """
        from asd_cli.core.events import SILENT
        from asd_cli.execution.executor import SerialExecutor
        from asd_cli.pipeline.own.changes import with_more_normal
        from asd_cli.pipeline.own.training import make_model
        from asd_cli.settings.model import Settings

        asked = with_more_normal(self, [Path(p) for p in recordings], settings or Settings())
        return make_model(asked, SILENT, SerialExecutor())

    def show(self, path: str | Path, *, false_alarm_rate: float | None = None) -> "FileView":
        """Score a file and show it in a notebook: decision, reason, picture and player.

        Parameters
        ----------
        path : path
            The recording.
        false_alarm_rate : float, optional
            Fraction of normal files that may be called anomalous; the model's own by default.

        Returns
        -------
        FileView
            A notebook shows it; its `file` is the decision.

        Raises
        ------
        UsageError
            When the model is of a challenge set.
        """
        from asd_cli.pipeline.own.report import view_file
        from asd_cli.pipeline.own.scoring import FileScorer

        rate = false_alarm_rate or round(1.0 - self.threshold.quantile, 12)
        return view_file(self, FileScorer(self, rate).score(Path(path)))

    def stream(self, sr: int) -> "Stream":
        """Score sound as it arrives.

        Parameters
        ----------
        sr : int
            Sample rate of the samples that will be pushed, in Hz.

        Returns
        -------
        Stream
            Its `push` takes samples and gives the clips that are complete.

        Raises
        ------
        UsageError
            When the model is of a challenge set, or the rate is too low.
        """
        from asd_cli.pipeline.own.stream import Stream

        return Stream(self, sr)

    def explain_clip(self, features: FeatureStore, clip: int = 0) -> "Explanation":
        """Explain a clip that is prepared; DataError as `explain_features`."""
        from asd_cli.detectors.ensemble import decisive_member

        member = decisive_member(self._detector, features.select([clip]))
        return replace(self.explain_features(features[clip]), member=member)

    def explain_features(self, features: npt.NDArray[np.float32]) -> "Explanation":
        """Explain a clip whose features are there.

        Parameters
        ----------
        features : ndarray [shape=(n_frames, n_mels)]
            As the model's `prepare` computes them.

        Raises
        ------
        DataError
            When the model holds too few normal clips.
        """
        from asd_cli.reporting.explain import explain

        return explain(features, self._normal_reference, self.features)

    @cached_property
    def _normal_reference(self) -> "NormalReference":
        from asd_cli.reporting.explain import learn_normal

        kept = sorted(name for name in self.tensors if name.startswith(REFERENCES))
        if len(kept) < _MIN_REFERENCES:
            raise DataError(
                f"the model of {self.machine} holds {len(kept)} normal clips, too few to explain by"
            )
        return learn_normal([self.tensors[name].astype(np.float32) for name in kept])
