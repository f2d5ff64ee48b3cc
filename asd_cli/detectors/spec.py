"""What a detector and a preset are, before their code is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from asd_cli.detectors.options import DetectorOptions, OptionKey, option_keys

if TYPE_CHECKING:
    from asd_cli.detectors.base import Detector


class Runtime(StrEnum):
    """The library that a detector computes with."""

    NUMPY = "numpy"
    TORCH = "torch"


@dataclass(frozen=True, slots=True)
class Loss:
    """What a detector minimises in training.

    Attributes
    ----------
    name : str
        For the axis of its chart.
    note : str
        What a reader of the chart should know.
    """

    name: str
    note: str = ""


LOSS = Loss("loss")


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSpec:
    """What one should know of a detector before using it.

    Attributes
    ----------
    name : str
        On the command line.
    summary : str
        One line.
    source : str
        Paper or other origin of the method.
    location : str
        ``module:class``, loaded when the detector is used.
    options : type
        Its parameters, a frozen dataclass derived from `DetectorOptions`.
    runtime : Runtime
        A ``numpy`` detector neither trains nor scores with torch.
    needs : str
        What it cannot be trained without, where that is more than recordings; in a few words.
    needs_sections : bool
        Whether a machine must have two sections or more.
    distinguishes_sections : bool
        Whether a clip is compared with its own section, so that each must have been trained.
    needs_audio : bool
        Whether it reads the recordings themselves.
    joint : bool
        Whether it is trained on all machines at once.
    bases : tuple of str
        Detectors whose trained models it builds on.
    cost : str
        What training takes, in a word or two.
    published : str
        Official score on DCASE 2021, development / evaluation, in per cent, from literature.
    preset : mapping of str to value
        Settings, by dotted key, whose defaults are others for this detector.
    family : str
        The detector that a preset is of; the detector's own name otherwise.
    listed : bool
        Whether ``asd detectors`` shows it; one that is best chosen by its presets is not.
    loss : Loss
        What it minimises, where it is trained by gradients.
    """

    name: str
    summary: str
    source: str
    location: str
    options: type[DetectorOptions] = DetectorOptions
    runtime: Runtime = Runtime.NUMPY
    needs: str = ""
    needs_sections: bool = False
    distinguishes_sections: bool = True
    needs_audio: bool = False
    joint: bool = False
    bases: tuple[str, ...] = ()
    cost: str = "seconds"
    published: str = ""
    preset: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    listed: bool = True
    loss: Loss = LOSS

    def load(self) -> "type[Detector]":
        """Import the detector's class."""
        module, _, name = self.location.partition(":")
        return cast("type[Detector]", getattr(import_module(module), name))

    @property
    def family_name(self) -> str:
        """Name of the detector whose options these are; its own keys begin with it."""
        return self.family or self.name

    @property
    def keys(self) -> tuple[OptionKey, ...]:
        """Every parameter that it reads, beside features, seed and device."""
        return option_keys(self.options, self.family_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A name for a detector with options.

    Attributes
    ----------
    name : str
        On the command line.
    detector : str
        The detector it is of.
    summary : str
        One line.
    options : mapping of str to value
        Defaults by dotted key, over those of the detector.
    source, published : str
        As of a `DetectorSpec`; empty for those of the detector.
    needs_audio : bool
        Whether it reads the recordings where the detector alone does not.
    """

    name: str
    detector: str
    summary: str
    options: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    published: str = ""
    needs_audio: bool = False

    def applied(self, spec: DetectorSpec) -> DetectorSpec:
        """Give the detector's description with this preset's name and defaults."""
        return replace(
            spec,
            name=self.name,
            summary=self.summary,
            source=self.source or spec.source,
            published=self.published,
            needs_audio=spec.needs_audio or self.needs_audio,
            preset={**spec.preset, **self.options},
            family=spec.name,
            listed=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEnsemble:
    """A name for an ensemble with options; its members are trained with it, not by themselves.

    Attributes
    ----------
    name : str
        On the command line.
    summary : str
        One line.
    source : str
        Origin of the method.
    members : tuple of str
        Detectors and presets.
    options : mapping of str to value
        Defaults by dotted key, over those of ensembles.
    """

    name: str
    summary: str
    source: str
    members: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
