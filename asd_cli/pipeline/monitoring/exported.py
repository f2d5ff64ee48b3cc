"""Monitoring by an exported file: neither the model nor its detector is needed."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.files import storage_errors
from asd_cli.core.hashing import hash_bytes
from asd_cli.graphs.builder import require_onnx
from asd_cli.pipeline.monitoring.rule import AlarmRule
from asd_cli.pipeline.monitoring.rule_making import AlarmOptions, seconds_per_alarm
from asd_cli.pipeline.monitoring.scorer import ClipReading, Waveform

if TYPE_CHECKING:
    from asd_cli.lite import Model as LiteModel

SUFFIX = ".onnx"
_DIGITS = 2
_FINGERPRINT_DIGITS = 12


@dataclass(frozen=True)
class ExportedScorer:
    """Scores clips with a file of `asd export` (`ClipScorer`).

    Attributes
    ----------
    content : bytes
        Of the file.
    name : str
        Its name, for messages.

    Raises
    ------
    ConfigError
        When onnxruntime is missing.
    UsageError
        When the file is of a challenge set, whose clips have sections.
    """

    content: bytes
    name: str

    def __post_init__(self) -> None:
        """Refuse files without an alarm rule."""
        require_onnx()
        if "alarm_rule" not in self.meta:
            raise UsageError(
                f"{self.name} is not of a machine of your own",
                hint="export a model of one: asd export --machine NAME",
            )

    @cached_property
    def lite(self) -> "LiteModel":
        """The file as the light runtime reads it; DataError when it is none of ours."""
        from asd_cli.lite import Model as LiteModel

        try:
            return LiteModel(self.content)
        # The runtime has exceptions of its own for each way in which a file is no graph.
        except Exception as error:
            raise DataError(
                f"{self.name} is no file of asd export: {type(error).__name__}",
                hint="write one: asd export --machine NAME",
            ) from error

    @property
    def meta(self) -> dict[str, Any]:
        """What stands next to the graph."""
        return self.lite.meta

    @property
    def machine(self) -> str:
        """Name of the machine."""
        return str(self.meta["machine"])

    @property
    def version(self) -> str:
        """Number of the model's version, and what the file holds."""
        fingerprint = hash_bytes(self.content)[:_FINGERPRINT_DIGITS]
        return f"{self.meta['card']['version']}-{fingerprint}"

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return int(self.meta["sample_rate"])

    @property
    def channel(self) -> int | Literal["mean"]:
        """Channel that is used."""
        channel: int | Literal["mean"] = self.meta["channel"]
        return channel

    @property
    def clip_seconds(self) -> float:
        """Length of a clip."""
        return float(self.meta["clip_seconds"])

    @property
    def min_seconds(self) -> float:
        """Half the length of the shortest clip that was trained on."""
        return 0.5 * float(self.meta["min_seconds"])

    def score(self, samples: Waveform) -> ClipReading:
        """Score one clip; DataError when it is too short."""
        found = self._scored(samples)
        return ClipReading(
            score=found["score"], p_value=found["p_value"], level=round(found["level_db"], _DIGITS)
        )

    def reason(self, samples: Waveform) -> str:
        """Say which band differs most from normal clips; empty where the file holds none."""
        return str(self._scored(samples).get("reason", ""))

    def _scored(self, samples: Waveform) -> dict[str, Any]:
        try:
            return self.lite.score(samples)
        except ValueError as error:
            raise DataError(f"a clip cannot be scored: {error}") from error

    def rule(self, options: AlarmOptions) -> AlarmRule:
        """Give the rule that the file holds, with other delays where they are asked for.

        Raises
        ------
        UsageError
            When another rate of false alarms is asked for: that takes the scores of the normal
            clips, which stay in the model.
        """
        known, usual = AlarmRule.read(self.meta["alarm_rule"]), AlarmOptions()
        fixed = (options.rule, options.spacing_seconds)
        if fixed != (usual.rule, usual.spacing_seconds) or not self._has_rate(options):
            raise UsageError(
                "an exported file holds its alarm rule",
                hint="export it with another: asd export --false-alarms RATE; or watch with the "
                "model: --machine NAME",
            )
        return replace(
            known, clear_after=options.clear_after, ring_after=options.ring_after,
            latch=options.latch,
        )  # fmt: skip

    def _has_rate(self, options: AlarmOptions) -> bool:
        asked = options.false_alarms
        held = float(self.meta["alarm_rule"]["false_alarm_seconds"])
        return asked == AlarmOptions().false_alarms or seconds_per_alarm(asked) == held


def read_exported(path: Path) -> ExportedScorer:
    """Read a file of `asd export`.

    Raises
    ------
    DataError
        When there is none, or it is something else.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}", hint="write one: asd export --machine NAME")
    with storage_errors(path):
        return ExportedScorer(path.read_bytes(), path.name)
