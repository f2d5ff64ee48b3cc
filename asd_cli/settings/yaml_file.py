"""Read YAML strictly: numbers as people mean them, no tags, no key twice, lines remembered."""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from asd_cli.core.errors import ConfigError

# YAML 1.1, which PyYAML reads, takes 1e-5 for text; this is YAML 1.2's number.
_FLOAT = re.compile(
    r"""^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?(?:[0-9][0-9_]*)[eE][-+]?[0-9]+
    |[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)

_YAML = "tag:yaml.org,2002:"
_PLAIN_TAGS = {"bool", "float", "int", "map", "null", "seq", "str", "timestamp"}


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with YAML 1.2 numbers."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:float"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))


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
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or error
        raise ConfigError(f"{path}{place}: not valid YAML: {problem}") from error
    if node is None:
        return {}, {}
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{path}:1: the file is not a list of 'key: value' lines")
    lines: dict[str, int] = {}
    _walk(node, "", path, lines)
    return _construct(text), lines


def parse_scalar(text: str) -> Any:
    """Read one value from the command line or the environment as the file would."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is not None and str(node.tag).removeprefix(_YAML) not in _PLAIN_TAGS:
            return text
        return _construct(text)
    except yaml.YAMLError:
        return text


def _construct(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader


def _walk(node: yaml.MappingNode, prefix: str, path: Path, lines: dict[str, int]) -> None:
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = f"{prefix}{key_node.value}"
        if key in lines:
            raise ConfigError(
                f"{path}:{line}: {key!r} is there twice; first in line {lines[key]}",
                hint="remove one of the two lines",
            )
        lines[key] = line
        tag = str(value_node.tag)
        if tag.removeprefix(_YAML) not in _PLAIN_TAGS:
            raise ConfigError(f"{path}:{line}: {key!r} has the tag {tag}; tags are not allowed")
        if isinstance(value_node, yaml.MappingNode):
            _walk(value_node, f"{key}.", path, lines)
        elif isinstance(value_node, yaml.ScalarNode) and tag.endswith(":float"):
            _refuse_special(value_node, f"{path}:{line}: {key!r}")


def _refuse_special(node: yaml.ScalarNode, place: str) -> None:
    if not math.isfinite(float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))):
        raise ConfigError(f"{place} is {node.value}; a finite number is needed")
