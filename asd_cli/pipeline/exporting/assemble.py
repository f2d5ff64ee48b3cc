"""One graph of a model: waveform in; score, p-value, decision and excess of bands out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.model_file import Calibration
from asd_cli.artifacts.threshold import INTERVAL
from asd_cli.detectors.exporting import score_graph
from asd_cli.detectors.normal_scores_graph import p_value_graph, rank_graph
from asd_cli.detectors.thresholds import normal_scores
from asd_cli.features.graphs import ClipInputs, log_mel_graph
from asd_cli.graphs.builder import Graph
from asd_cli.graphs.values import Value
from asd_cli.pipeline.model import MEL_FILTERS, Model
from asd_cli.pipeline.rarity import members, own_group
from asd_cli.pipeline.references import REFERENCES

if TYPE_CHECKING:
    from onnx import ModelProto

_MIN_REFERENCES = 4


@dataclass(frozen=True, slots=True)
class NormalBands:
    """Levels of mel bands of normal clips, averaged over time.

    Attributes
    ----------
    mean, spread : ndarray [shape=(n_mels,)]
        Over the clips that the model holds, in dB.
    """

    mean: npt.NDArray[np.float32]
    spread: npt.NDArray[np.float32]


def normal_bands(model: Model) -> NormalBands | None:
    """Measure the normal clips that a model holds; None where they are too few."""
    kept = [model.tensors[name] for name in sorted(model.tensors) if name.startswith(REFERENCES)]
    if len(kept) < _MIN_REFERENCES:
        return None
    levels = np.stack([clip.mean(axis=0, dtype=np.float64) for clip in kept])
    spread = levels.std(axis=0, ddof=1)
    return NormalBands(levels.mean(axis=0).astype(np.float32), spread.astype(np.float32))


@dataclass(frozen=True, slots=True)
class ModelGraph:
    """The graph of a model, before it is written.

    Attributes
    ----------
    graph : Graph
        With inputs and outputs.
    min_samples : int
        Shorter clips cannot be scored.
    needs_section : bool
        Whether the number of a section must be given.
    """

    graph: Graph
    min_samples: int
    needs_section: bool

    def write(self, name: str, metadata: dict[str, str]) -> "ModelProto":
        """Write it as an ONNX model."""
        return self.graph.model(name, metadata)


def assemble(model: Model, *, opset: int) -> ModelGraph:
    """Make the graph of a model.

    Inputs are ``wave`` [clips, samples] (float32, full scale 1, at the model's rate), where the
    model distinguishes them ``section`` and ``domain`` [clips] (int64), and ``alpha`` [] (float64),
    which may be left out. Outputs are ``score`` and ``p_value`` [clips] (float64), ``anomalous``
    [clips] (bool); of a machine of one's own ``level_db`` [clips] (float64); and, where the model
    holds normal clips, ``band_excess`` [clips, n_mels] (float32): by how many decibels the mean
    level of each band exceeds that of normal clips.

    Parameters
    ----------
    model : Model
        With a threshold.
    opset : int
        Version of ONNX's operators.

    Raises
    ------
    UsageError
        When the model's detector has no graph, or the version of the operators is not known.
    ConfigError
        When packages are missing.
    DataError
        When the training of the model was interrupted before it had a threshold.
    """
    graph = Graph(opset)
    wave = graph.input("wave", np.float32, ["clips", "samples"])
    clips = ClipInputs(
        graph, wave, model.facts.sections or (None,), model.features, model.tensors.get(MEL_FILTERS)
    )
    detector = model.facts.training.detector
    found = score_graph(model.restore(), detector, clips)
    # As scores are kept: what is a tie there is one here.
    scores = found.cast(model.training_scores.dtype).cast(np.float64)
    p_values = _p_values(model, clips, scores)
    graph.output("score", scores, ["clips"])
    graph.output("p_value", p_values, ["clips"])
    graph.output("anomalous", _decision(model, clips, scores, p_values), ["clips"])
    if model.facts.own is not None:
        graph.output("level_db", _level(log_mel_graph(clips, model.features)), ["clips"])
    bands = normal_bands(model)
    if bands is not None:
        levels = log_mel_graph(clips, model.features).reduce("Mean", 1)
        graph.output("band_excess", levels - bands.mean[None], ["clips", len(bands.mean)])
    shortest = max(clips.min_samples, model.features.n_fft // 2 + 1)
    return ModelGraph(graph, shortest, needs_section=len(clips.sections) > 1)


def _p_values(model: Model, clips: ClipInputs, scores: Value) -> Value:
    """Compute what `asd_cli.pipeline.rarity.p_values` gives, by the group of each clip."""
    calibration = model.facts.calibration
    if calibration is None:
        raise RuntimeError("a model with a threshold has a calibration")
    names = ["", *sorted(calibration.threshold.groups)]
    number = clips.choose(lambda *group: float(names.index(own_group(group, calibration))))
    found = _group_p_values(model, calibration, "", scores)
    for place, name in enumerate(names[1:], start=1):
        of_group = _group_p_values(model, calibration, name, scores)
        # Groups are numbered upwards, so the last one that is reached is the clip's own.
        found = clips.graph.where(number.above(place - 0.5), of_group, found)
    return found


def _group_p_values(model: Model, calibration: Calibration, name: str, scores: Value) -> Value:
    normal = members(name, calibration, len(model.training_scores))
    chosen = model.training_scores[normal]
    if calibration.threshold.kind != INTERVAL:
        return rank_graph(np.asarray(chosen, np.float64), scores)
    units = calibration.units or range(len(model.training_scores))
    own = [unit for unit, member in zip(units, normal, strict=True) if member]
    return p_value_graph(normal_scores(chosen, own), scores)


def _level(levels: Value) -> Value:
    """Give what `monitoring.levels.level_db` gives, before rounding [shape=(clips,)]."""
    powers = (levels.cast(np.float64) * float(np.log(10.0) / 10.0)).apply("Exp")
    return powers.reshape(0, -1).reduce("Mean", 1).log10() * 10.0


def default_alpha(model: Model) -> float:
    """Give what ``alpha`` is where it is left out: 0 stands for the thresholds of the model."""
    own = model.facts.own is not None and model.threshold.kind == INTERVAL
    return round(1.0 - model.threshold.quantile, 12) if own else 0.0


def _decision(model: Model, clips: ClipInputs, scores: Value, p_values: Value) -> Value:
    """Compare p-values with ``alpha``, or scores with thresholds where that is 0."""
    graph = clips.graph
    alpha = graph.input("alpha", np.float64, [], np.array(default_alpha(model)))
    threshold = model.threshold
    above = scores.above(clips.choose(threshold.of))
    rare = p_values.at_most(alpha)
    asked = alpha.above(0.0)
    by_rate = graph.node("And", asked, rare)
    by_threshold = graph.node("And", graph.node("Not", asked), above)
    return graph.node("Or", by_rate, by_threshold)
