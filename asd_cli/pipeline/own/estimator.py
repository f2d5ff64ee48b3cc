"""An estimator on arrays, with the habits of scikit-learn."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.events import SILENT
from asd_cli.execution.executor import SerialExecutor
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.request import OwnTrainRequest
from asd_cli.pipeline.own.training import make_model
from asd_cli.settings.model import Settings

Waveforms = Sequence[npt.NDArray[np.floating]] | npt.NDArray[np.floating]

_MACHINE = "machine"


class SoundAnomalyDetector:
    """Detect anomalous sound in arrays of samples.

    Signs are scikit-learn's: `score_samples` and `decision_function` are higher for normal sound,
    `predict` gives 1 for normal and -1 for anomalous.

    Parameters
    ----------
    detector : str
        As ``--detector``: a name, ``a+b``, or ``auto`` for the default of own machines.
    contamination : float, optional
        False-alarm rate: fraction of normal clips that may be called anomalous; by default what
        the recordings can show.
    clip_seconds : float
        Longer arrays are cut into clips of this length for training; the worst decides in scoring.
    seed : int
        Of all random numbers.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> normal = [0.1 * rng.standard_normal(16000) for _ in range(20)]
    >>> detector = SoundAnomalyDetector(detector="pooled-knn").fit(normal, sr=16000)
    >>> humming = normal[0] + 0.5 * np.sin(np.arange(16000) * 0.3)
    >>> detector.predict([humming]).tolist()
    [-1]
    """

    def __init__(
        self,
        detector: str = "auto",
        contamination: float | None = None,
        clip_seconds: float = 10.0,
        seed: int = 13711,
    ) -> None:
        self.detector = detector
        self.contamination = contamination
        self.clip_seconds = clip_seconds
        self.seed = seed

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Give the parameters by name."""
        names = ("detector", "contamination", "clip_seconds", "seed")
        return {name: getattr(self, name) for name in names}

    def set_params(self, **parameters: Any) -> Self:
        """Change parameters.

        Raises
        ------
        ValueError
            When there is none of a name.
        """
        for name, value in parameters.items():
            if name not in self.get_params():
                raise ValueError(f"there is no parameter {name!r}")
            setattr(self, name, value)
        return self

    def fit(self, X: Waveforms, y: object = None, *, sr: int) -> Self:  # noqa: N803 - scikit-learn's
        """Learn from normal sound.

        Parameters
        ----------
        X : sequence of ndarray [shape=(n_samples,)]
            One array a recording, full scale 1.
        y : ignored
            Nothing but normal sound is used.
        sr : int
            Sample rate, in Hz.

        Raises
        ------
        UsageError
            When the sample rate is not positive.
        DataError
            When there are too few or too short arrays, or samples are not finite.
        """
        import soundfile

        if sr <= 0:
            raise UsageError(f"a sample rate of {sr} Hz is none", hint="sr=16000")
        if not len(X):
            raise DataError("there are no arrays to learn from", hint="give about 20 normal ones")
        self.sr_ = sr
        with tempfile.TemporaryDirectory(prefix="asd-") as folder:
            root = Path(folder)
            for number, samples in enumerate(X):
                values = np.asarray(samples, np.float32)
                if values.ndim != 1 or not len(values):
                    raise DataError(f"array {number} has the shape {values.shape}, not (n,)")
                soundfile.write(root / f"{number:06}.wav", values, sr, subtype="FLOAT")
            request = OwnTrainRequest(
                sources=(root,),
                machine=_MACHINE,
                settings=Settings(
                    detector=self.detector, seed=self.seed, cache_directory=root / "cache"
                ),
                clip_seconds=self.clip_seconds,
                false_alarm_rate=self.contamination,
            )
            self.model_: Model = make_model(request, SILENT, SerialExecutor())
        return self

    def score_samples(self, X: Waveforms) -> npt.NDArray[np.float64]:  # noqa: N803
        """Give the negative anomaly score of the worst clip of each array [shape=(n,)]."""
        return -np.array([self._clip_scores(samples).max() for samples in X], np.float64)

    def decision_function(self, X: Waveforms) -> npt.NDArray[np.float64]:  # noqa: N803
        """Give how far below its threshold each array is: negative is anomalous [shape=(n,)].

        The threshold of an array of several clips is higher than that of one, so that the
        false-alarm rate is that of arrays, as it is that of files on the command line.
        """
        normal = self._fitted.normal_scores
        rate = 1.0 - self._fitted.threshold.quantile
        found = []
        for samples in X:
            scores = self._clip_scores(samples)
            limit = normal.limit(rate / normal.independent_parts(len(scores)))
            found.append(limit - float(scores.max()))
        return np.array(found, np.float64)

    def predict(self, X: Waveforms) -> npt.NDArray[np.int64]:  # noqa: N803
        """Give 1 for normal and -1 for anomalous arrays [shape=(n,)]."""
        return np.where(self.decision_function(X) < 0, -1, 1).astype(np.int64)

    @property
    def _fitted(self) -> Model:
        if not hasattr(self, "model_"):
            raise DataError("the detector is not fitted", hint="call fit(X, sr=16000) first")
        return self.model_

    def _clip_scores(self, samples: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        model = self._fitted
        values = np.asarray(samples, np.float32)
        stream = model.stream(self.sr_)
        scored = stream.push(values)
        if not len(scored) or len(values) % round(self.clip_seconds * self.sr_):
            last = values[-round(self.clip_seconds * self.sr_) :]
            scored = type(scored)((*scored, *model.score([last], sr=self.sr_)))
        return scored.scores
