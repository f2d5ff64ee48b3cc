"""What to export, and what was exported."""

from dataclasses import dataclass, field
from pathlib import Path

from asd_cli.core.errors import UsageError
from asd_cli.graphs.builder import MIN_OPSET
from asd_cli.graphs.formats import ExportFormat
from asd_cli.pipeline.exporting.card import Description
from asd_cli.pipeline.exporting.checking import ExportCheck
from asd_cli.settings.model import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """A model to export.

    Attributes
    ----------
    machine : str or None
        Whose current model; may be None where there is a single machine.
    model : Path or None
        A model file instead.
    output : Path or None
        File to write; the machine's name by default.
    hub : Path or None
        Folder to write, in the layout of the Hugging Face hub.
    format_ : ExportFormat
        Of the file.
    opset : int
        Version of ONNX's operators.
    check : tuple of Path
        Recordings on which file and model are compared; a sample of the training recordings where
        there are none.
    description : Description
        Licence, microphone, alarm rule.
    settings : Settings
        Say where models and recordings are.

    Raises
    ------
    UsageError
        When file and folder are asked for at once.
    """

    machine: str | None = None
    model: Path | None = None
    output: Path | None = None
    hub: Path | None = None
    format_: ExportFormat = ExportFormat.ONNX
    opset: int = MIN_OPSET
    check: tuple[Path, ...] = ()
    description: Description = field(default_factory=Description)
    settings: Settings

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.hub is not None and (self.output or self.format_ is not ExportFormat.ONNX):
            raise UsageError(
                "a folder for a hub holds all its files; --output and --format are for one file",
                hint="leave them out: asd export --hub DIR",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written.

    Attributes
    ----------
    machine, detector : str
        Of the model.
    files : tuple of Path
        That were written.
    size : int
        Bytes of all of them.
    check : ExportCheck or None
        How far the file is from the model; None where there were no recordings to compare on.
    """

    machine: str
    detector: str
    files: tuple[Path, ...]
    size: int
    check: ExportCheck | None
