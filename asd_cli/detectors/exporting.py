"""What a detector offers so that a model of it can be exported as a graph.

A detector contributes the nodes that turn clips into scores, next to the code that scores them. One
that has no method `graph` can do everything else, and says so when it is exported.
"""

from typing import Protocol, runtime_checkable

from asd_cli.core.errors import UsageError
from asd_cli.features.graphs import ClipInputs
from asd_cli.graphs.values import Value


@runtime_checkable
class HasGraph(Protocol):
    """A fitted detector whose scores a graph can compute."""

    def graph(self, clips: ClipInputs) -> Value:
        """Score clips.

        Parameters
        ----------
        clips : ClipInputs
            Waveforms, and which section and domain they are of.

        Returns
        -------
        Value [shape=(clips,), dtype=float64]
            What `score` gives.

        Raises
        ------
        UsageError
            In one sentence why these options cannot be exported.
        """


def score_graph(detector: object, name: str, clips: ClipInputs) -> Value:
    """Score clips by a detector; UsageError when it contributes no graph."""
    if not isinstance(detector, HasGraph):
        raise UsageError(
            f"{name} cannot be exported: its detector has no method graph",
            hint="export a model of another detector: asd detectors",
        )
    return detector.graph(clips)
