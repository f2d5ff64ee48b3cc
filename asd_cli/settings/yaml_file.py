"""Read YAML strictly: numbers as people mean them, no tags, no key twice, lines remembered."""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from asd_cli.core.errors import ConfigError

# YAML 1.1, which PyYAML reads, takes 1e-5 for text, 010 for eight and 1:30 for ninety; these are
# the numbers people mean, and everything else is text, which no number's setting accepts.
_INT = re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$")
_FLOAT = re.compile(
    r"""^(?:[-+]?(?:[0-9]+)\.[0-9]*(?:[eE][-+]?[0-9]+)?
    |[-+]?(?:[0-9]+)[eE][-+]?[0-9]+
    |[-+]?\.[0-9]+(?:[eE][-+]?[0-9]+)?
    |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)

_YAML = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2 numbers."""


_REPLACED = {f"{_YAML}{name}" for name in ("float", "int", "timestamp")}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_YAML}float", _FLOAT, list("-+0123456789."))
_Loader.add_implicit_resolver(f"{_YAML}int", _INT, list("-+0123456789"))


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Read a settings file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    values : dict
        Nested values.
    lines : dict of str to int
        Dotted key to line number, from 1.

    Raises
    ------
    ConfigError
        When the file cannot be read, is not YAML, is not a mapping, holds a tag, or a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {error}", hint="write one: asd config init"
        ) from error
    try:
        _refuse_tags_and_aliases(text, path)
        node = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise ConfigError(
            f"{path}{place}: not valid YAML: {problem}",
            hint="compare with: asd config init --stdout",
        ) from error
    if node is None:
        return {}, {}
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}:1: the file is not a list of 'key: value' lines")
    lines: dict[str, int] = {}
    _walk(node, "", path, lines)
    try:
        return _construct(text), lines
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{path}: a value cannot be read: {error}") from error


def parse_scalar(text: str) -> Any:
    """Read one value from the command line or the environment as the file would."""
    try:
        _refuse_tags_and_aliases(text, Path())
        return _construct(text)
    except (ConfigError, yaml.YAMLError, ValueError, RecursionError):
        return text


def _refuse_tags_and_aliases(text: str, path: Path) -> None:
    for event in yaml.parse(text, Loader=_Loader):
        mark = event.start_mark
        place = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ConfigError(f"{place}: anchors and aliases are not allowed")
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise ConfigError(f"{place}: the tag {tag}: tags are not allowed")


def _construct(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader


def _walk(node: yaml.MappingNode, prefix: str, path: Path, lines: dict[str, int]) -> None:
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(f"{path}:{line}: a key must be one word")
        key = f"{prefix}{key_node.value}"
        if key in lines:
            raise ConfigError(
                f"{path}:{line}: {key!r} is there twice; first in line {lines[key]}",
                hint="remove one of the two lines",
            )
        lines[key] = line
        if isinstance(value_node, yaml.MappingNode):
            _walk(value_node, f"{key}.", path, lines)
        elif isinstance(value_node, yaml.ScalarNode) and value_node.tag == f"{_YAML}float":
            _refuse_special(value_node, f"{path}:{line}: {key!r}")


def _refuse_special(node: yaml.ScalarNode, place: str) -> None:
    if not math.isfinite(float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))):
        raise ConfigError(f"{place} is {node.value}; a finite number is needed")
