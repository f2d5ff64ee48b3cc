"""Settings from all their sources, the later over the earlier, and where each came from.

defaults < the detector's recipe < ``baseline.yaml`` or ``--config`` < environment
(``ASD__FIT__EPOCHS=5``) < ``--set`` < dedicated flags.

A file that names its detector means its training settings for that one: where another detector is
chosen over it, that one's recipe holds.
"""

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from asd_cli.core.errors import ConfigError
from asd_cli.detectors.registry import recipe_keys, recipe_of
from asd_cli.settings.model import Settings
from asd_cli.settings.yaml_file import parse_scalar, read_yaml

DEFAULT_FILE = Path("baseline.yaml")
_PREFIX = "ASD__"
_RECIPE = "recipe of"
# What Keras' "adam" means where the autoencoder baseline's file gives no rate.
_KERAS_ADAM_LR = 0.001


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """Settings and where each value came from.

    Attributes
    ----------
    settings : Settings
        Checked values.
    origins : mapping of str to str
        Dotted key to ``default``, ``baseline.yaml:12``, ``ASD__FIT__LR``, ``--set`` or a flag.
    """

    settings: Settings
    origins: Mapping[str, str]


def load_settings(
    config: Path | None = None,
    *,
    overrides: Sequence[str] = (),
    flags: Mapping[str, tuple[str, Any]] | None = None,
    environment: Mapping[str, str] | None = None,
) -> LoadedSettings:
    """Put the settings together.

    Parameters
    ----------
    config : Path, optional
        A settings file; without it ``./baseline.yaml`` is read where there is one.
    overrides : sequence of str
        ``section.key=value`` each.
    flags : mapping of str to (str, value), optional
        Dotted key to flag name and value, for flags that stand for a setting.
    environment : mapping, optional
        Environment variables; those of the process by default.

    Returns
    -------
    LoadedSettings

    Raises
    ------
    ConfigError
        When a file, key or value is wrong; names its place and the nearest key.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    path = config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    if path is not None:
        content, lines = read_yaml(path)
        for key, value in _leaves(content):
            _put(values, origins, key, value, f"{path}:{lines.get(key, 1)}")
        if "fit.compile.optimizer" in origins and "fit.lr" not in origins:
            _put(values, origins, "fit.lr", _KERAS_ADAM_LR, f"{path}: Keras' Adam")
    of_file = {key: origins[key] for key in recipe_keys() if key in origins}
    meant_for = values.get("detector")
    for name, text in sorted((os.environ if environment is None else environment).items()):
        if name.upper().startswith(_PREFIX):
            key = name[len(_PREFIX) :].lower().replace("__", ".")
            _put(values, origins, key, parse_scalar(text), name)
    for override in overrides:
        key, separator, text = override.partition("=")
        if not separator or not key.strip():
            raise ConfigError(
                f"--set {override!r} is not section.key=value",
                hint="for example: --set fit.lr=1e-4",
            )
        _put(values, origins, key.strip(), parse_scalar(text), f"--set {key.strip()}")
    for key, (flag, value) in (flags or {}).items():
        _put(values, origins, key, value, flag)
    leaves = dict(_leaves(values))
    own = {k: leaves[k] for k in of_file if meant_for is not None and origins[k] == of_file[k]}
    given = {key: value for key, value in leaves.items() if key not in own}
    _apply_recipe(values, origins, of_file, meant_for)
    settings = _validate(values, origins)
    settings.remember_given(given, own_of=meant_for, own=own)
    return LoadedSettings(settings, _all_origins(origins))


def settings_for(
    settings: Settings, detector: str, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Give the settings that another detector would have in the same run.

    Its recipe takes the place of that of the settings' own detector; what was set by the user
    stays, but what a file sets for the detector it names is for that one alone. `overrides` go over
    everything.

    Raises
    ------
    ConfigError
        When an override is no setting, or its value is wrong.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    own = settings.own if settings.own_of == detector else {}
    for key, value in {**own, **settings.given}.items():
        _put(values, origins, key, value, "settings")
    _put(values, origins, "detector", detector, "settings")
    for key, value in (overrides or {}).items():
        _put(values, origins, key, value, f"{detector}:{key}")
    given = {key: value for key, value in _leaves(values) if key not in own}
    given |= {key: value for key, value in (overrides or {}).items() if key in own}
    _apply_recipe(values, origins, {}, None)
    derived = _validate(values, origins)
    derived.remember_given(given, own_of=settings.own_of, own=settings.own)
    return derived


def _apply_recipe(
    values: dict[str, Any],
    origins: dict[str, str],
    of_file: Mapping[str, str],
    meant_for: str | None,
) -> None:
    """Give what nobody set the value that the detector's recipe has.

    `of_file` are the origins of what the file sets, `meant_for` the detector that it names.
    """
    detector = values.get("detector", Settings.model_fields["detector"].default)
    recipe = recipe_of(detector)
    keep_file = meant_for is None or meant_for == detector
    for key in recipe_keys():
        if key in origins and (keep_file or origins[key] != of_file.get(key)):
            continue
        if key in recipe:
            _put(values, origins, key, recipe[key], f"{_RECIPE} {detector}")
        elif key in origins:
            _remove(values, key)
            del origins[key]


def _remove(values: dict[str, Any], key: str) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        values = values[parent]
    del values[last]


def setting_keys(model: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    """List every dotted key, in the order of the file."""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        nested = _nested_model(field.annotation)
        keys.extend(setting_keys(nested, f"{prefix}{name}.") if nested else [f"{prefix}{name}"])
    return keys


def _nested_model(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _leaves(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in content.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, dict) and value:
            pairs.extend(_leaves(value, f"{dotted}."))
        else:
            pairs.append((dotted, value))
    return pairs


def _put(
    values: dict[str, Any], origins: dict[str, str], key: str, value: Any, origin: str
) -> None:
    if key not in setting_keys():
        sections = {known.rpartition(".")[0] for known in setting_keys()} - {""}
        near = difflib.get_close_matches(key, [*setting_keys(), *sections], n=1, cutoff=0.5)
        wrong = "is a section, not a setting" if key in sections else "is not a setting"
        raise ConfigError(
            f"{origin}: {key!r} {wrong}",
            hint=(f"did you mean {near[0]!r}? " if near and key not in sections else "")
            + "all settings: asd config show",
        )
    *parents, last = key.split(".")
    place = values
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    origins[key] = origin


def _validate(values: dict[str, Any], origins: Mapping[str, str]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if not key:
            raise ConfigError(message, hint="see the values: asd config show --origin") from error
        raise ConfigError(
            f"{origins.get(key, 'settings')}: {key} is {first['input']!r}: {message}",
            hint="see every setting and its meaning: asd config init --stdout",
        ) from error


def _all_origins(origins: Mapping[str, str]) -> dict[str, str]:
    return {key: origins.get(key, "default") for key in setting_keys()}
