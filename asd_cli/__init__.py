"""asd: hear machines fail when only normal recordings exist.

Everything the command line does is a function here; each takes a frozen request and gives a frozen
result::

    import asd_cli as asd

    loaded = asd.load_settings(overrides=["fit.epochs=5"])
    asd.train(asd.RunRequest(settings=loaded.settings, machines=("pump",)))

Nothing is imported before it is used: ``import asd_cli`` loads neither torch nor librosa.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from asd_cli.core.version import __version__

if TYPE_CHECKING:
    from asd_cli.core.errors import AsdError
    from asd_cli.core.types import Mode
    from asd_cli.detectors.registry import all_detectors
    from asd_cli.pipeline.request import RunRequest
    from asd_cli.services.demo import DemoRequest, demo
    from asd_cli.services.doctor import diagnose
    from asd_cli.services.evaluate import EvaluateRequest, evaluate
    from asd_cli.services.extract import extract
    from asd_cli.services.fetch import FetchRequest, fetch
    from asd_cli.services.report import ReportRequest, report
    from asd_cli.services.run import run
    from asd_cli.services.score import score
    from asd_cli.services.select import select
    from asd_cli.services.submit import SubmitRequest, submit
    from asd_cli.services.train import train
    from asd_cli.settings.layers import load_settings
    from asd_cli.settings.model import Settings


_HOMES = {
    "AsdError": "core.errors",
    "DemoRequest": "services.demo",
    "EvaluateRequest": "services.evaluate",
    "FetchRequest": "services.fetch",
    "Mode": "core.types",
    "ReportRequest": "services.report",
    "RunRequest": "pipeline.request",
    "Settings": "settings.model",
    "SubmitRequest": "services.submit",
    "all_detectors": "detectors.registry",
    "demo": "services.demo",
    "diagnose": "services.doctor",
    "evaluate": "services.evaluate",
    "extract": "services.extract",
    "fetch": "services.fetch",
    "load_settings": "settings.layers",
    "report": "services.report",
    "run": "services.run",
    "score": "services.score",
    "select": "services.select",
    "submit": "services.submit",
    "train": "services.train",
}

__all__ = [
    "AsdError",
    "DemoRequest",
    "EvaluateRequest",
    "FetchRequest",
    "Mode",
    "ReportRequest",
    "RunRequest",
    "Settings",
    "SubmitRequest",
    "__version__",
    "all_detectors",
    "demo",
    "diagnose",
    "evaluate",
    "extract",
    "fetch",
    "load_settings",
    "report",
    "run",
    "score",
    "select",
    "submit",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
