"""`asd export`: a model as a file that other programs run."""

from pathlib import Path

from asd_cli.core.errors import DataError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.files import write_bytes
from asd_cli.core.types import Mode
from asd_cli.datasets.base import Dataset
from asd_cli.graphs.formats import ExportFormat
from asd_cli.pipeline.exporting.assemble import assemble
from asd_cli.pipeline.exporting.card import Description, metadata
from asd_cli.pipeline.exporting.checking import ExportCheck, check_export, clips_to_check
from asd_cli.pipeline.exporting.hub import hub_files, published
from asd_cli.pipeline.exporting.request import Exported, ExportRequest
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.monitoring.rule_making import AlarmOptions
from asd_cli.pipeline.own.request import model_path
from asd_cli.settings.model import Settings

__all__ = [
    "AlarmOptions",
    "Description",
    "ExportCheck",
    "ExportFormat",
    "ExportRequest",
    "Exported",
    "export",
]


def export(request: ExportRequest, events: Events = SILENT) -> Exported:
    """Write a model as a file of its own, once it was found to decide as the model does.

    Parameters
    ----------
    request : ExportRequest
        Which model, where to.
    events : Events
        Told of the check.

    Raises
    ------
    UsageError
        When it is not clear which model is meant, or its detector cannot be exported.
    ConfigError
        When the packages of the extra ``onnx`` are missing.
    DataError
        When there is no model, or a recording to check on cannot be scored.
    IntegrityError
        When the file would score otherwise than the model: it is not written.
    StorageError
        When it cannot be written.
    """
    model = Model.load(model_path(request.settings, request.machine, request.model), device="cpu")
    if request.format_ is ExportFormat.PT2:
        from asd_cli.pipeline.exporting.program import network_program

        files = {
            request.output or Path(f"{model.machine}.pt2"): network_program(
                model, request.description
            )
        }
        return _written(model, files, None)
    made = assemble(model, opset=request.opset)
    shown = model if request.hub is None else published(model)
    properties = metadata(shown, made, request.description)
    content = made.write(model.machine, properties).SerializeToString(deterministic=True)
    found = _checked(request, model, content, events)
    if request.hub is not None:
        files = hub_files(shown, content, request.hub, request.description)
        return _written(model, files, found)
    return _written(model, {request.output or Path(f"{model.machine}.onnx"): content}, found)


def _checked(
    request: ExportRequest, model: Model, content: bytes, events: Events
) -> ExportCheck | None:
    clips = clips_to_check(model, request.check, _training_data(request.settings, model))
    if not clips:
        if request.check:
            raise DataError("there is nothing to check on in what --check names")
        events.warning(
            "not compared with the model: its training recordings are not here; name others with "
            "--check PATH"
        )
        return None
    found = check_export(content, model, clips, events)
    found.require()
    return found


def _training_data(settings: Settings, model: Model) -> Dataset | None:
    """Give the challenge set that a model was trained on, where its folder is there."""
    facts = model.facts
    if facts.edition is None or facts.mode is None:
        return None
    chosen = settings.model_copy(update={"edition": facts.edition})
    dataset = Layout(chosen, Mode(facts.mode)).dataset
    return dataset if (dataset.root / model.machine).is_dir() else None


def _written(model: Model, files: dict[Path, bytes], check: ExportCheck | None) -> Exported:
    for path, content in files.items():
        write_bytes(path, content)
    return Exported(
        machine=model.machine,
        detector=model.facts.training.detector,
        files=tuple(files),
        size=sum(map(len, files.values())),
        check=check,
    )
