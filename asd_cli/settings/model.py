"""Settings of a run as plain data: what was asked for, and what that means for each detector.

`Settings` holds what somebody set. A parameter that nobody set has the default of the detector
that reads it (its preset, or the default of its options type), so that one value of `Settings`
means the right thing for every member of an ensemble. `Settings.for_detector` gives the values in
force. Equal settings give equal results: there is no other state.

The defaults are those of the DCASE 2021 Task 2 MobileNetV2 baseline (Kawaguchi et al. 2021),
except that data lie below the working folder.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from asd_cli.core.errors import ConfigError, UsageError
from asd_cli.core.remote import url_of
from asd_cli.core.structures import StructureError
from asd_cli.detectors.plans import Plan, parse_detector
from asd_cli.settings.keys import RENAMED, check_value, find_key
from asd_cli.settings.resolve import Resolved, resolve

_SELECT = "select.candidates"


class Settings(BaseModel):
    """All settings of a run.

    Parameters of detectors are given by section, or by dotted key in `parameters`.

    Attributes
    ----------
    parameters : dict of str to value
        Explicitly set parameters by dotted key: ``{"fit.epochs": 5}``.

    Raises
    ------
    pydantic.ValidationError
        When a key is unknown or a value is of another type or out of its range.

    Examples
    --------
    >>> settings = Settings(detector="pooled-speed", backend={"neighbors": 2})
    >>> settings.parameters
    {'backend.neighbors': 2}
    >>> settings.value("backend.distance")
    'whitened'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dev_directory: Path = Field(Path("./dev_data"), description="development set")
    eval_directory: Path = Field(Path("./eval_data"), description="evaluation set")
    cache_directory: Path = Field(Path("./cache"), description="features; safe to delete")
    model_directory: Path = Field(Path("./model"), description="trained models")
    result_directory: Path = Field(Path("./result"), description="scores, tables, report")
    result_file: str = Field(
        "result.csv",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]*\.csv$",
        max_length=100,
        description="table of metrics",
    )
    layout: Literal["nested", "flat"] = Field(
        "nested",
        description="of model and result folders: nested (<mode>/<detector>/ in them) or flat "
        "(as the baseline's)",
    )
    edition: str = Field("dcase2021", description="challenge edition: dcase2020 to dcase2026")
    detector: str = Field("mobilenetv2", description="a name, a+b, or auto; see asd detectors")
    seed: int = Field(13711, strict=True, ge=0, lt=2**63, description="of all random numbers")
    max_fpr: float = Field(
        0.1, strict=True, gt=0, le=1, description="false-positive rate up to which pAUC goes"
    )
    parameters: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _collect_parameters(cls, given: Any) -> Any:
        """Take sections (``fit={"epochs": 5}``) as dotted keys of `parameters`."""
        if not isinstance(given, Mapping):
            return given
        own = {key: value for key, value in given.items() if key in cls.model_fields}
        parameters = dict(own.pop("parameters", None) or {})
        for key, value in given.items():
            if key not in cls.model_fields:
                parameters.update(leaves({key: value}))
        return {**own, "parameters": dict(sorted(_checked(parameters)))}

    @field_validator("cache_directory", "model_directory", "result_directory")
    @classmethod
    def _of_this_machine(cls, value: Path) -> Path:
        """Refuse stores: these folders are locked and appended to, which object stores cannot."""
        url = url_of(value)
        if url is not None:
            raise ValueError(
                f"{url} is in a store; here only a folder of this machine or of a shared disk "
                "can be (the command line takes model and result folders in stores)"
            )
        return value

    @field_validator("edition", mode="before")
    @classmethod
    def _year_is_enough(cls, name: Any) -> Any:
        known = re.fullmatch(r"20[0-9]{2}", str(name))
        return f"dcase{name}" if known else name

    @field_validator("result_file")
    @classmethod
    def _is_no_score_file(cls, name: str) -> str:
        if name.startswith(("anomaly_score_", "decision_result_")):
            raise ValueError("it would take the place of a file of scores")
        return name

    @model_validator(mode="after")
    def _transform_holds_a_hop(self) -> "Settings":
        hop, n_fft = self.value("feature.hop_length"), self.value("feature.n_fft")
        if hop > n_fft:
            raise ValueError(
                f"feature.hop_length ({hop}) is longer than feature.n_fft ({n_fft}): samples "
                "between frames would be lost"
            )
        return self

    @property
    def plan(self) -> Plan:
        """What `detector` asks for; UsageError when there is none of that name."""
        candidates = self.parameters.get(_SELECT) or resolve(self.parameters, None).values[_SELECT]
        return parse_detector(self.detector, candidates)

    def for_detector(self, name: str | None = None) -> Resolved:
        """Give the values in force for a detector, preset, ensemble or auto.

        Parameters
        ----------
        name : str, optional
            Of the detector; `detector` by default.

        Raises
        ------
        UsageError
            When there is none of that name.
        """
        return resolve(self.parameters, self.plan if name is None else parse_detector(name))

    def value(self, key: str) -> Any:
        """Give the value in force of one parameter, for the detector that is chosen.

        Examples
        --------
        >>> Settings().value("fit.epochs"), Settings(detector="autoencoder").value("fit.epochs")
        (20, 100)
        """
        try:
            plan: Plan | None = self.plan
        except UsageError:  # whoever uses the detector says that there is none
            plan = None
        return resolve(self.parameters, plan).values[key]

    def with_detector(self, name: str, overrides: Mapping[str, Any] | None = None) -> "Settings":
        """Give the settings of the same run with another detector.

        Parameters
        ----------
        name : str
            Of the detector.
        overrides : mapping, optional
            Dotted key to value, over everything that was set; keys of the detector may leave its
            name out.

        Raises
        ------
        ConfigError
            When a key is unknown or its value is wrong.
        """
        parameters = dict(self.parameters)
        for key, value in (overrides or {}).items():
            parameters = overridden(parameters, own_key(key, name), value)
        try:
            return Settings.model_validate(
                {**self.run_values(), "detector": name, "parameters": parameters}
            )
        except ValidationError as error:
            message = error.errors()[0]["msg"].removeprefix("Value error, ")
            raise ConfigError(f"{name}: {message}", hint="all settings: asd config show") from error

    def run_values(self) -> dict[str, Any]:
        """Give what is no parameter of a detector: folders, edition, seed and so on."""
        return {name: getattr(self, name) for name in RUN_FIELDS}


RUN_FIELDS = tuple(name for name in Settings.model_fields if name != "parameters")


def own_key(key: str, detector: str) -> str:
    """Complete a key that leaves out the detector's name, as candidates of `select` write them."""
    return key if find_key(key) is not None or "+" in detector else f"{detector}.{key}"


def overridden(parameters: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Set a key in a later layer: what earlier layers set for single detectors goes.

    A value that was meant for all detectors (``--set fit.lr=0.1``) is not hidden by one that a
    file gave for one of them.
    """
    kept = {name: old for name, old in parameters.items() if not name.endswith(f".{key}")}
    return {**kept, key: value}


def leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Flatten nested mappings into pairs of dotted key and value."""
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _checked(parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for given, value in parameters.items():
        name = RENAMED.get(given, given)
        key = find_key(name)
        if key is None:
            raise ValueError(f"{name!r} is not a setting")
        try:
            yield name, check_value(key, value)
        except StructureError as error:
            raise ValueError(f"{name} is {value!r}: {error.problem}") from error
