"""What scores a clip for monitoring: a model, or anything else that has these few members."""

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from asd_cli.pipeline.model import Model
from asd_cli.pipeline.monitoring.levels import level_db
from asd_cli.pipeline.monitoring.rule import AlarmRule
from asd_cli.pipeline.monitoring.rule_making import AlarmOptions, make_rule
from asd_cli.pipeline.own.changes import require_own
from asd_cli.pipeline.own.scoring import in_words
from asd_cli.pipeline.references import REFERENCES

Channel = int | Literal["mean"]
Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipReading:
    """What a scorer says of a clip.

    Attributes
    ----------
    score : float
        Higher is more anomalous.
    p_value : float
        Of the clip by itself, in (0, 1].
    level : float or None
        In dB, as the rule's `off_below`; None where it is not known.
    """

    score: float
    p_value: float
    level: float | None = None


class ClipScorer(Protocol):
    """Scores clips of one machine.

    Attributes
    ----------
    machine : str
        Which one.
    version : str
        Changes whenever scores may.
    sample_rate : int
        Of the samples that `score` takes, in Hz.
    channel : int or "mean"
        Which channel of several is meant.
    clip_seconds : float
        Length of a clip.
    min_seconds : float
        Shorter sound is not scored.
    """

    @property
    def machine(self) -> str:
        """Name of the machine."""

    @property
    def version(self) -> str:
        """Name of the model's version."""

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""

    @property
    def channel(self) -> Channel:
        """Channel that is used."""

    @property
    def clip_seconds(self) -> float:
        """Length of a clip."""

    @property
    def min_seconds(self) -> float:
        """Length of the shortest clip that can be scored."""

    def score(self, samples: Waveform) -> ClipReading:
        """Score one clip [shape=(n_samples,)], full scale 1, one channel."""

    def reason(self, samples: Waveform) -> str:
        """Say where a clip differs from normal ones; empty where that is not known."""


@dataclass(frozen=True)
class ModelScorer:
    """Scores clips with a model of a machine of one's own.

    Attributes
    ----------
    model : Model
        The model.
    fingerprint : str
        Of its file.

    Raises
    ------
    UsageError
        When the model is of a challenge set.
    """

    model: Model
    fingerprint: str = ""

    def __post_init__(self) -> None:
        """Refuse models that clips alone cannot be scored with."""
        require_own(self.model)

    @property
    def machine(self) -> str:
        """Name of the machine."""
        return self.model.machine

    @property
    def version(self) -> str:
        """Number of the version, and what its file holds."""
        return f"{require_own(self.model).version}-{self.fingerprint[:12]}"

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return self.model.features.sample_rate

    @property
    def channel(self) -> Channel:
        """Channel that is used."""
        channel = self.model.features.channel
        return 0 if channel is None else channel

    @property
    def clip_seconds(self) -> float:
        """Length of a clip."""
        return require_own(self.model).clip_seconds

    @property
    def min_seconds(self) -> float:
        """Half the length of the shortest clip that was trained on."""
        return 0.5 * require_own(self.model).min_seconds

    def score(self, samples: Waveform) -> ClipReading:
        """Score one clip; the same number as `asd score` gives a file of it."""
        store = self.model.prepare([samples])
        score = self.model.score_features(store)
        return ClipReading(
            score=float(score[0]),
            p_value=float(self.model.p_values(score)[0]),
            level=level_db(store[0]),
        )

    def reason(self, samples: Waveform) -> str:
        """Say where a clip differs, compared with the normal clips that the model holds."""
        explanation = self.model.explain(samples)
        return in_words(explanation, require_own(self.model).references)


def rule_of(model: Model, options: AlarmOptions = AlarmOptions()) -> AlarmRule:
    """Make the alarm rule of a model; errors as `make_rule`.

    Models that were made before recordings and levels of clips were kept have what is left out
    together for a recording, and their normal clips' levels for those of all.
    """
    own = require_own(model)
    levels = own.clip_levels or [
        level_db(np.asarray(tensor, np.float32))
        for name, tensor in model.tensors.items()
        if name.startswith(REFERENCES)
    ]
    return make_rule(
        model.normal_scores,
        recordings_of(model),
        clip_seconds=own.clip_seconds,
        levels=levels,
        options=options,
    )


def recordings_of(model: Model) -> tuple[object, ...]:
    """Give the recording of each normal clip of a model, or what is left out together."""
    return require_own(model).clip_recordings or tuple(model.normal_scores.units)
