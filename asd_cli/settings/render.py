"""Write settings as YAML that explains itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from asd_cli.settings.model import Settings

_ONE_LINE = 10_000
_HEADER = """\
# Settings of asd, all with their default values: those of the DCASE 2021 Task 2 MobileNetV2
# baseline. Written by `asd config init`; `asd config show --origin` tells what is in force.
"""


def render_yaml(settings: Settings | None = None) -> str:
    """Write settings as commented YAML; the defaults where none are given."""
    return _HEADER + "\n".join(_lines(settings or Settings(), indent="")) + "\n"


def flatten(settings: Settings) -> dict[str, Any]:
    """Dotted key to plain value (paths as text), as JSON takes them."""
    return dict(_flatten(settings.model_dump(mode="json"), ""))


def _flatten(content: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _lines(section: BaseModel, indent: str) -> Iterator[str]:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield ""
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        elif name != "compile":
            entry = f"{indent}{name}: {_scalar(value)}"
            yield f"{entry:<39} # {field.description}"


def _scalar(value: Any) -> str:
    if isinstance(value, Path):
        return f"./{value}" if not value.is_absolute() and ".." not in value.parts else str(value)
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0") + "0" * value.is_integer()
    return (
        yaml.safe_dump(value, default_flow_style=True, width=_ONE_LINE)
        .strip()
        .removesuffix("...")
        .strip()
    )
