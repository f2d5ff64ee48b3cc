"""Write settings as YAML that explains itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from asd_cli.detectors.registry import all_detectors
from asd_cli.settings.keys import shared_keys
from asd_cli.settings.model import RUN_FIELDS, Settings

_ONE_LINE = 10_000
_HEADER = """\
# Settings of asd, all with their default values: those of the DCASE 2021 Task 2 MobileNetV2
# baseline. Written by `asd config init`; `asd config show --origin` tells what is in force.
"""
_NOT_WRITTEN = {"fit.compile.optimizer"}


def render_yaml(settings: Settings | None = None) -> str:
    """Write settings as commented YAML; the defaults where none are given.

    What is set for one detector alone stands in a section with its name.
    """
    shown = settings or Settings()
    values = shown.for_detector().values if settings is not None else _defaults()
    lines = [_line(name, getattr(shown, name), _run_description(name), "") for name in RUN_FIELDS]
    section = ""
    for name, key in shared_keys().items():
        if name in _NOT_WRITTEN:
            continue
        parent, _, last = name.rpartition(".")
        if parent != section:
            section = parent
            lines += ["", f"{parent}:"]
        lines.append(_line(last, values[name], key.description, "  " if parent else ""))
    lines += _detector_sections(shown.parameters)
    return _HEADER + "\n".join(lines) + "\n"


def render_changes(settings: Settings, comment: str) -> str:
    """Write as YAML what was set and is not the default of a run.

    What is not written has the default of the detector that reads it.

    Parameters
    ----------
    settings : Settings
        Some of it may be set.
    comment : str
        A line at the top.
    """
    plain = Settings()
    changes: dict[str, Any] = {
        name: getattr(settings, name)
        for name in RUN_FIELDS
        if getattr(settings, name) != getattr(plain, name)
    }
    lines = [f"# {comment}", *(f"{name}: {_scalar(value)}" for name, value in changes.items())]
    section = ""
    for key, value in settings.parameters.items():
        parent, _, last = key.rpartition(".")
        if parent != section:
            section = parent
            lines += [f"{parent}:"] * bool(parent)
        lines.append(f"{'  ' * bool(parent)}{last}: {_scalar(value)}")
    return "\n".join(lines) + "\n"


def _defaults() -> Mapping[str, Any]:
    return {name: key.default for name, key in shared_keys().items()}


def _detector_sections(parameters: Mapping[str, Any]) -> Iterator[str]:
    shared = shared_keys()
    own = {key: value for key, value in parameters.items() if key not in shared}
    for detector in sorted({key.partition(".")[0] for key in own} & {*all_detectors()}):
        nested: dict[str, Any] = {}
        for key, value in own.items():
            name, *path = key.split(".")
            if name == detector:
                place = nested
                for part in path[:-1]:
                    place = place.setdefault(part, {})
                place[path[-1]] = list(value) if isinstance(value, tuple) else value
        text = yaml.safe_dump({detector: nested}, width=_ONE_LINE, sort_keys=True)
        yield from ("", *text.rstrip().splitlines())


def _run_description(name: str) -> str:
    return Settings.model_fields[name].description or ""


def _line(name: str, value: Any, description: str, indent: str) -> str:
    entry = f"{indent}{name}: {_scalar(value)}"
    return f"{entry:<39} # {description}"


def _scalar(value: Any) -> str:
    if isinstance(value, Path):
        return f"./{value}" if not value.is_absolute() and ".." not in value.parts else str(value)
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0") + "0" * value.is_integer()
    plain = list(value) if isinstance(value, tuple) else value
    return (
        yaml.safe_dump(plain, default_flow_style=True, width=_ONE_LINE)
        .strip()
        .removesuffix("...")
        .strip()
    )
