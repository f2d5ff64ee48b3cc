"""asd: detect anomalous machine sound when only normal recordings exist.

Everything the command line does is a function here; each takes a frozen request and gives a frozen
result::

    import asd_cli as asd

    settings = asd.Settings(detector="pooled-speed+texture")
    asd.train(asd.RunRequest(settings=settings, machines=("pump",)))

The machine of one's own needs a folder of normal recordings::

    model = asd.train("recordings/", machine="fan-3")
    for row in model.score(["new.wav"]):
        print(row.clip.name, row.score, row.p_value, row.anomalous)

A trained model is one file and one object::

    model = asd.Model.load("model/dev/pooled-speed+texture/model_pump.safetensors")
    for row in model.score(["new.wav"], section="00"):
        print(row.clip.name, row.score, row.p_value, row.anomalous)

The names in ``__all__`` are the public surface: semantic versioning covers them and nothing else.
Nothing is imported before it is used: ``import asd_cli`` loads neither torch nor librosa.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from asd_cli.core.errors import (
        AsdError,
        ConfigError,
        DataError,
        IncompleteError,
        IntegrityError,
        NetworkError,
        ProblemsError,
        QualityGateError,
        ResourceError,
        StorageError,
        UsageError,
    )
    from asd_cli.core.events import Events
    from asd_cli.core.types import Clip, Domain, Label, Mode, Split
    from asd_cli.datasets.base import Dataset
    from asd_cli.datasets.dcase.dataset import DcaseDataset
    from asd_cli.datasets.folder import FolderDataset
    from asd_cli.datasets.table import TableDataset
    from asd_cli.detectors.backends.options import BackendOptions
    from asd_cli.detectors.base import Detector, DetectorState, FitContext, Scores
    from asd_cli.detectors.embedding import EmbeddingDetector
    from asd_cli.detectors.options import DetectorOptions, option
    from asd_cli.detectors.registry import all_detectors, register
    from asd_cli.detectors.spec import DetectorSpec, Preset, Runtime
    from asd_cli.evaluation.means import harmonic_mean
    from asd_cli.evaluation.metrics import auc, partial_auc, roc_curve
    from asd_cli.features.recipe import FeatureParameters
    from asd_cli.features.store import FeatureStore
    from asd_cli.pipeline.model import Model
    from asd_cli.pipeline.own.estimator import SoundAnomalyDetector
    from asd_cli.pipeline.own.findings import Inspection
    from asd_cli.pipeline.own.scoring import ScoredFile, ScoredPart
    from asd_cli.pipeline.own.stream import Stream
    from asd_cli.pipeline.own.training import OwnTrained
    from asd_cli.pipeline.report_content import ReportRequest
    from asd_cli.pipeline.request import RunRequest
    from asd_cli.pipeline.scored_clips import ClipScore, ScoredClips
    from asd_cli.pipeline.selection import Selection
    from asd_cli.pipeline.systems import EvaluateRequest, System
    from asd_cli.pipeline.training import TrainedMachine
    from asd_cli.services.api import train
    from asd_cli.services.demo import DemoRequest, DemoResult, demo
    from asd_cli.services.doctor import Diagnosis, diagnose
    from asd_cli.services.evaluate import EvaluateResult, evaluate
    from asd_cli.services.export import Exported, ExportRequest, export
    from asd_cli.services.extract import ExtractResult, extract
    from asd_cli.services.fetch import FetchRequest, FetchResult, fetch
    from asd_cli.services.inspect import InspectRequest, inspect
    from asd_cli.services.own_score import OwnScoreRequest, OwnScores, score_files
    from asd_cli.services.own_train import OwnTrainRequest
    from asd_cli.services.own_update import UpdateRequest, rebaseline, update
    from asd_cli.services.report import ReportResult, report
    from asd_cli.services.run import RunResult, run
    from asd_cli.services.score import ScoredMachine, ScoreResult, score
    from asd_cli.services.select import select
    from asd_cli.services.submit import SubmitRequest, SubmitResult, submit
    from asd_cli.services.train import TrainResult
    from asd_cli.settings.layers import SettingsLayers, load_settings
    from asd_cli.settings.model import Settings

_HOMES = {
    "AsdError": "core.errors",
    "BackendOptions": "detectors.backends.options",
    "Clip": "core.types",
    "ClipScore": "pipeline.scored_clips",
    "ConfigError": "core.errors",
    "DataError": "core.errors",
    "Dataset": "datasets.base",
    "DcaseDataset": "datasets.dcase.dataset",
    "DemoRequest": "services.demo",
    "DemoResult": "services.demo",
    "Detector": "detectors.base",
    "DetectorOptions": "detectors.options",
    "DetectorSpec": "detectors.spec",
    "DetectorState": "detectors.base",
    "Diagnosis": "services.doctor",
    "Domain": "core.types",
    "EmbeddingDetector": "detectors.embedding",
    "EvaluateRequest": "pipeline.systems",
    "EvaluateResult": "services.evaluate",
    "Events": "core.events",
    "ExportRequest": "services.export",
    "Exported": "services.export",
    "ExtractResult": "services.extract",
    "FeatureParameters": "features.recipe",
    "FeatureStore": "features.store",
    "FetchRequest": "services.fetch",
    "FetchResult": "services.fetch",
    "FitContext": "detectors.base",
    "FolderDataset": "datasets.folder",
    "IncompleteError": "core.errors",
    "InspectRequest": "services.inspect",
    "Inspection": "pipeline.own.findings",
    "IntegrityError": "core.errors",
    "Label": "core.types",
    "Mode": "core.types",
    "Model": "pipeline.model",
    "NetworkError": "core.errors",
    "OwnScoreRequest": "services.own_score",
    "OwnScores": "services.own_score",
    "OwnTrainRequest": "services.own_train",
    "OwnTrained": "services.own_train",
    "Preset": "detectors.spec",
    "ProblemsError": "core.errors",
    "QualityGateError": "core.errors",
    "ReportRequest": "pipeline.report_content",
    "ReportResult": "services.report",
    "ResourceError": "core.errors",
    "RunRequest": "pipeline.request",
    "RunResult": "services.run",
    "Runtime": "detectors.spec",
    "ScoreResult": "services.score",
    "ScoredClips": "pipeline.scored_clips",
    "ScoredFile": "pipeline.own.scoring",
    "ScoredMachine": "services.score",
    "ScoredPart": "pipeline.own.scoring",
    "Scores": "detectors.base",
    "Selection": "pipeline.selection",
    "Settings": "settings.model",
    "SettingsLayers": "settings.layers",
    "SoundAnomalyDetector": "pipeline.own.estimator",
    "Split": "core.types",
    "StorageError": "core.errors",
    "Stream": "pipeline.own.stream",
    "SubmitRequest": "services.submit",
    "SubmitResult": "services.submit",
    "System": "pipeline.systems",
    "TableDataset": "datasets.table",
    "TrainResult": "services.train",
    "TrainedMachine": "pipeline.training",
    "UpdateRequest": "services.own_update",
    "UsageError": "core.errors",
    "all_detectors": "detectors.registry",
    "auc": "evaluation.metrics",
    "demo": "services.demo",
    "diagnose": "services.doctor",
    "evaluate": "services.evaluate",
    "export": "services.export",
    "extract": "services.extract",
    "fetch": "services.fetch",
    "harmonic_mean": "evaluation.means",
    "inspect": "services.inspect",
    "load_settings": "settings.layers",
    "option": "detectors.options",
    "partial_auc": "evaluation.metrics",
    "rebaseline": "services.own_update",
    "register": "detectors.registry",
    "report": "services.report",
    "roc_curve": "evaluation.metrics",
    "run": "services.run",
    "score": "services.score",
    "score_files": "services.own_score",
    "select": "services.select",
    "submit": "services.submit",
    "train": "services.api",
    "update": "services.own_update",
}

__all__ = [
    "AsdError",
    "BackendOptions",
    "Clip",
    "ClipScore",
    "ConfigError",
    "DataError",
    "Dataset",
    "DcaseDataset",
    "DemoRequest",
    "DemoResult",
    "Detector",
    "DetectorOptions",
    "DetectorSpec",
    "DetectorState",
    "Diagnosis",
    "Domain",
    "EmbeddingDetector",
    "EvaluateRequest",
    "EvaluateResult",
    "Events",
    "ExportRequest",
    "Exported",
    "ExtractResult",
    "FeatureParameters",
    "FeatureStore",
    "FetchRequest",
    "FetchResult",
    "FitContext",
    "FolderDataset",
    "IncompleteError",
    "InspectRequest",
    "Inspection",
    "IntegrityError",
    "Label",
    "Mode",
    "Model",
    "NetworkError",
    "OwnScoreRequest",
    "OwnScores",
    "OwnTrainRequest",
    "OwnTrained",
    "Preset",
    "ProblemsError",
    "QualityGateError",
    "ReportRequest",
    "ReportResult",
    "ResourceError",
    "RunRequest",
    "RunResult",
    "Runtime",
    "ScoreResult",
    "ScoredClips",
    "ScoredFile",
    "ScoredMachine",
    "ScoredPart",
    "Scores",
    "Selection",
    "Settings",
    "SettingsLayers",
    "SoundAnomalyDetector",
    "Split",
    "StorageError",
    "Stream",
    "SubmitRequest",
    "SubmitResult",
    "System",
    "TableDataset",
    "TrainResult",
    "TrainedMachine",
    "UpdateRequest",
    "UsageError",
    "__version__",
    "all_detectors",
    "auc",
    "demo",
    "diagnose",
    "evaluate",
    "export",
    "extract",
    "fetch",
    "harmonic_mean",
    "inspect",
    "load_settings",
    "option",
    "partial_auc",
    "rebaseline",
    "register",
    "report",
    "roc_curve",
    "run",
    "score",
    "score_files",
    "select",
    "submit",
    "train",
    "update",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name == "__version__":
        return import_module(f"{__name__}.core.version").package_version()
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Show the public names."""
    return sorted(__all__)
