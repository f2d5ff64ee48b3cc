"""Settings from all their sources, the later over the earlier, and where each value came from.

defaults < the detector's preset < ``baseline.yaml`` or ``--config`` < environment
(``ASD__FIT__EPOCHS=5``) < ``--set`` < dedicated flags.

A file that names its detector gives the parameters that presets change for that detector alone:
where another one is chosen over it, that one's preset holds.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asd_cli.core.errors import ConfigError, UsageError
from asd_cli.core.remote import url_of
from asd_cli.core.structures import StructureError
from asd_cli.detectors.plans import Ensemble
from asd_cli.detectors.registry import all_detectors, detector_spec
from asd_cli.settings.keys import RENAMED, check_value, find_key, unknown_key
from asd_cli.settings.model import RUN_FIELDS, Settings, leaves, overridden
from asd_cli.settings.resolve import DEFAULT, PRESET, Resolved, resolve

DEFAULT_FILE = Path("baseline.yaml")
_PREFIX = "ASD__"
_MAY_BE_STORES = ("model_directory", "result_directory")
# What Keras' "adam" means where the autoencoder baseline's file gives no rate.
_KERAS_ADAM_LR = 0.001


@dataclass(frozen=True, slots=True)
class Entry:
    """One value and where it stands.

    Attributes
    ----------
    key : str
        Dotted key.
    value : value
        As it was read.
    origin : str
        ``baseline.yaml:12``, ``ASD__FIT__LR``, ``--set fit.lr`` or a flag.
    """

    key: str
    value: Any
    origin: str


@dataclass(frozen=True)
class SettingsLayers:
    """What each source sets, in the order of precedence.

    Attributes
    ----------
    file, environment, set, flags : tuple of Entry
        The later goes over the earlier; below them are presets and defaults.
    """

    file: tuple[Entry, ...] = ()
    environment: tuple[Entry, ...] = ()
    set: tuple[Entry, ...] = ()
    flags: tuple[Entry, ...] = ()

    @cached_property
    def _merged(self) -> dict[str, Entry]:
        """The last entry of each key; a later shared key removes earlier ones of one detector."""
        merged: dict[str, Any] = {}
        for entry in (*self._of_file, *self.environment, *self.set, *self.flags):
            merged = overridden(merged, entry.key, entry)
        return merged

    @property
    def _of_file(self) -> Iterator[Entry]:
        """Entries of the file; what its detector's preset may change is for that one alone."""
        named = next((e.value for e in self.file if e.key == "detector"), None)
        special = _preset_keys() if isinstance(named, str) and named in all_detectors() else ()
        for entry in self.file:
            own = f"{named}.{entry.key}"
            if entry.key not in special:
                yield entry
            elif find_key(own) is not None:  # of what its detector does not read, nothing is left
                yield Entry(own, entry.value, entry.origin)

    @cached_property
    def settings(self) -> Settings:
        """The settings that all layers give together.

        Raises
        ------
        ConfigError
            When a value is wrong; names its place.
        """
        values = {e.key: e.value for e in self._merged.values() if e.key in RUN_FIELDS}
        parameters = {e.key: e.value for e in self._merged.values() if e.key not in RUN_FIELDS}
        try:
            return Settings.model_validate({**values, "parameters": parameters})
        except ValidationError as error:
            raise self._config_error(error) from error

    def on_this_disk(self, copy: Callable[[Path, Path], Path]) -> "SettingsLayers":
        """Work on copies of model and result folders that are in stores.

        Parameters
        ----------
        copy : callable
            ``copy(url, cache_directory)`` gives the folder of the copy.
        """
        cache = self._merged.get("cache_directory")
        folder = Path(str(cache.value)) if cache is not None else Settings().cache_directory
        found = []
        for key in _MAY_BE_STORES:
            entry = self._merged.get(key)
            url = None if entry is None else url_of(Path(str(entry.value)))
            if entry is not None and url is not None and url_of(folder) is None:
                local = copy(Path(str(entry.value)), folder)
                found.append(Entry(key, str(local), f"{entry.origin} ({url})"))
        return replace(self, flags=(*self.flags, *found)) if found else self

    def _config_error(self, error: ValidationError) -> ConfigError:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if key not in self._merged:
            return ConfigError(message, hint="see the values: asd config show --origin")
        return ConfigError(
            f"{self._merged[key].origin}: {key} is {first['input']!r}: {message}",
            hint="see every setting and its meaning: asd config init --stdout",
        )

    def resolve(self, detector: str | None = None) -> Resolved:
        """Give the parameters in force for a detector; the chosen one by default."""
        if detector is not None:
            return self.settings.for_detector(detector)
        try:
            return self.settings.for_detector()
        except UsageError:  # whoever uses the detector says that there is none
            return resolve(self.settings.parameters, None)

    def origin(self, key: str, detector: str | None = None) -> str:
        """Say where the value in force of a key came from.

        Returns
        -------
        str
            ``default``, ``preset <name>``, or the origin of an `Entry`.
        """
        if key in RUN_FIELDS:
            return self._merged[key].origin if key in self._merged else DEFAULT
        resolved = self.resolve(detector)
        source = resolved.sources[key]
        if source == PRESET:
            return f"preset {resolved.name}"
        return self._merged[source].origin if source in self._merged else DEFAULT

    @property
    def origins(self) -> Mapping[str, str]:
        """Origin of everything that `in_force` lists."""
        found = {key: self.origin(key) for key in (*RUN_FIELDS, *self.resolve().values)}
        for key in in_force(self.settings):
            if key not in found:
                member, _, rest = key.partition(".")
                found[key] = self.origin(_full_key(rest, member), member)
        return found


def in_force(settings: Settings) -> dict[str, Any]:
    """List every value that a run uses, by dotted key, as JSON takes them.

    Of an ensemble, what a member uses otherwise than the others stands below its name.
    """
    try:
        plan = settings.plan
    except UsageError:
        plan = None
    common = resolve(settings.parameters, plan).values
    found = {key: _plain(value) for key, value in settings.run_values().items()}
    found |= {key: _plain(value) for key, value in common.items()}
    for name in plan.member_names if isinstance(plan, Ensemble) else ():
        spec = detector_spec(name)
        own = settings.for_detector(name).values
        for key in (k.key for k in spec.keys):
            if key not in common or own[key] != common[key]:
                found[f"{name}.{key.removeprefix(f'{spec.family_name}.')}"] = _plain(own[key])
    return found


def _full_key(rest: str, detector: str) -> str:
    known = {key.key for key in detector_spec(detector).keys}
    return rest if rest in known else f"{detector_spec(detector).family_name}.{rest}"


def _plain(value: object) -> Any:
    return (
        str(value)
        if isinstance(value, Path)
        else list(value)
        if isinstance(value, tuple)
        else value
    )


def _preset_keys() -> frozenset[str]:
    """Keys whose defaults differ between detectors."""
    return frozenset(key for spec in all_detectors().values() for key in spec.preset)


def load_settings(
    config: Path | None = None,
    *,
    overrides: Sequence[str] = (),
    flags: Mapping[str, tuple[str, Any]] | None = None,
    environment: Mapping[str, str] | None = None,
    copy: Callable[[Path, Path], Path] | None = None,
) -> SettingsLayers:
    """Read all layers.

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
    copy : callable, optional
        Gives the copy of a folder in a store (`SettingsLayers.on_this_disk`).

    Returns
    -------
    SettingsLayers
        Its `settings` are checked.

    Raises
    ------
    ConfigError
        When a file, key or value is wrong; names its place and the nearest key.

    Examples
    --------
    >>> load_settings(overrides=["fit.epochs=5"], environment={}).settings.value("fit.epochs")
    5
    """
    variables = os.environ if environment is None else environment
    layers = SettingsLayers(
        file=tuple(_file_entries(config)),
        environment=tuple(
            _entry(name[len(_PREFIX) :].lower().replace("__", "."), _scalar(text), name)
            for name, text in sorted(variables.items())
            if name.upper().startswith(_PREFIX)
        ),
        set=tuple(_override(text) for text in overrides),
        flags=tuple(_entry(key, value, flag) for key, (flag, value) in (flags or {}).items()),
    )
    if copy is not None:
        layers = layers.on_this_disk(copy)
    layers.settings  # noqa: B018 - wrong values are errors of loading
    return layers


def _file_entries(config: Path | None) -> Iterator[Entry]:
    path = config or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
    if path is None:
        return
    from asd_cli.settings.yaml_file import read_yaml

    content, lines = read_yaml(path)
    found = dict(leaves(content))
    for key, value in found.items():
        yield _entry(key, value, f"{path}:{lines.get(key, 1)}")
    if "fit.compile.optimizer" in found and "fit.lr" not in found:
        yield Entry("fit.lr", _KERAS_ADAM_LR, f"{path}: Keras' Adam")


def _override(text: str) -> Entry:
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise ConfigError(
            f"--set {text!r} is not section.key=value", hint="for example: --set fit.lr=1e-4"
        )
    return _entry(key.strip(), _scalar(value), f"--set {key.strip()}")


def _scalar(text: str) -> Any:
    # Most commands read no YAML, and start without its library.
    from asd_cli.settings.yaml_file import parse_scalar

    return parse_scalar(text)


def _entry(key: str, value: Any, origin: str) -> Entry:
    """Make an entry; ConfigError when there is no such key or the value is wrong."""
    if key in RUN_FIELDS:
        return Entry(key, value, origin)
    name = RENAMED.get(key, key)
    known = find_key(name)
    if known is None:
        raise unknown_key(name, origin, dict.fromkeys(RUN_FIELDS))
    try:
        return Entry(name, check_value(known, value), origin)
    except StructureError as error:
        raise ConfigError(
            f"{origin}: {name} is {value!r}: {error.problem}",
            hint="see every setting and its meaning: asd config init --stdout",
        ) from error
