"""All detectors by name; each is loaded when it is used."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any, cast

from asd_cli.core.errors import ConfigError, UsageError
from asd_cli.detectors.base import Detector, DetectorOptions, DetectorState

ENTRY_POINTS = "asd.detectors"
# What led when all were measured (`python -m tests.benchmarks.detectors`).
BEST_ENSEMBLE = "pooled-speed+texture"
# Joins the names of an ensemble; a comma would be awkward in the name of a folder.
_JOIN = "+"
_CHOICE = "(chosen for each machine)"
_ENSEMBLE = "asd_cli.detectors.ensemble:EnsembleDetector"


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
        Paper the recipe is from.
    location : str
        ``module:class``.
    needs : str
        What it cannot be trained without, where that is more than recordings; in a few words.
    needs_sections : bool
        Whether a machine must have two sections or more.
    tells_sections : bool
        Whether a clip is compared with its own section, so that each must have been trained.
    needs_audio : bool
        Whether it reads the recordings themselves.
    joint : bool
        Whether it learns from all machines at once.
    bases : tuple of str
        Detectors whose trained models it builds on.
    cost : str
        What training takes, in a word or two.
    published : str
        Official score on DCASE 2021, development / evaluation, in per cent, that literature gives.
    measured : str
        Official score in per cent that we measured: mean and deviation of three synthetic sets,
        then real fans (`python -m tests.benchmarks.detectors`).
    settings : tuple of str
        Sections of the settings that decide its model.
    recipe : mapping of str to value
        Settings, by dotted key, whose defaults are others for this detector.
    """

    name: str
    summary: str
    source: str
    location: str
    needs: str = ""
    needs_sections: bool = False
    tells_sections: bool = True
    needs_audio: bool = False
    joint: bool = False
    bases: tuple[str, ...] = ()
    cost: str = "seconds"
    published: str = ""
    measured: str = ""
    settings: tuple[str, ...] = ("feature", "fit")
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @property
    def learns_jointly(self) -> bool:
        """Whether one network is trained for all machines."""
        return self.joint and not self.is_choice

    @property
    def is_choice(self) -> bool:
        """Whether it stands for the detector that suits a machine best."""
        return self.location == _CHOICE

    @property
    def is_ensemble(self) -> bool:
        """Whether it only combines what others say."""
        return self.location == _ENSEMBLE

    def load(self) -> type[Detector]:
        """Import the detector's class."""
        module, _, name = self.location.partition(":")
        return cast("type[Detector]", getattr(import_module(module), name))


# Official scores in per cent: mean and deviation of three synthetic sets, then real fans
# (`python -m tests.benchmarks.detectors`; the README has the whole table).
_MEASURED = {
    "mobilenetv2": "55.9 ± 1.8 / 0.0",
    "mobilenetv2-knn": "56.3 ± 1.0 / 0.0",
    "mobilenetv2-lof": "56.9 ± 0.9 / 11.9",
    "mobilenetv2-gmm": "56.4 ± 0.3 / 0.0",
    "mobilenetv2-mahalanobis": "56.1 ± 0.9 / 0.0",
    "autoencoder": "72.5 ± 5.1 / 96.8",
    "autoencoder-mahalanobis": "70.4 ± 2.8 / 100.0",
    "pooled-knn": "81.6 ± 3.5 / 99.9",
    "pooled-gmm": "82.9 ± 3.0 / 100.0",
    "pooled-speed": "88.9 ± 1.0 / 99.5",
    "texture": "92.3 ± 1.2 / 88.0",
    BEST_ENSEMBLE: "92.7 ± 0.3 / 99.9",
    "auto": "92.6 ± 0.2 / 99.9",
    "discriminative": "58.8 ± 1.0 / 100.0",
}

_KAWAGUCHI = "Kawaguchi et al. 2021, arXiv:2106.04492"
_POOLING = "after Guan et al. 2023, ICASSP"
_POOLED = "asd_cli.detectors.pooled.detector:PooledDetector"
_TWO_SECTIONS = "two sections"
_SPEEDS = [0.95, 0.975, 1.025, 1.05]
_CLASSIFIER = "asd_cli.detectors.mobilenetv2.embedding:MobileNetV2EmbeddingDetector"
_AUTOENCODER_RECIPE = {
    "feature.n_frames": 5,
    "feature.n_hop_frames": 1,
    "fit.lr": 0.001,
    "fit.epochs": 100,
    "fit.batch_size": 512,
}


# The baselines fit a gamma distribution to all scores of a machine; distances to few clips do not
# follow one, and differ between domains.
_DECISION = {"threshold": "quantile", "threshold_groups": "domain"}


def _pooled(name: str, summary: str, recipe: Mapping[str, Any], **more: Any) -> DetectorSpec:
    facts: dict[str, Any] = {"source": _POOLING, **more}
    return DetectorSpec(
        name=f"pooled-{name}",
        summary=summary,
        location=_POOLED,
        settings=("feature", "pooling", "backend"),
        recipe={**_DECISION, "backend.distance": "whitened", **recipe},
        **facts,
    )


def _classifier(
    backend: str, summary: str, recipe: Mapping[str, Any], *, published: str = ""
) -> DetectorSpec:
    return DetectorSpec(
        name=f"mobilenetv2-{backend}",
        summary=f"{summary} embedding of mobilenetv2",
        source=_KAWAGUCHI,
        location=_CLASSIFIER,
        needs=_TWO_SECTIONS,
        needs_sections=True,
        bases=("mobilenetv2",),
        cost="as mobilenetv2",
        published=published,
        settings=("feature", "fit", "backend"),
        recipe={**_DECISION, "backend.kind": backend, **recipe},
    )


_SPECS = (
    DetectorSpec(
        name="mobilenetv2",
        summary="section classifier, the DCASE 2021 Task 2 baseline",
        source=_KAWAGUCHI,
        location="asd_cli.detectors.mobilenetv2.detector:MobileNetV2Detector",
        needs=_TWO_SECTIONS,
        needs_sections=True,
        cost="an hour a machine",
        published="57.6 / 56.4",
    ),
    _classifier("knn", "nearest neighbour on the", {}),
    _classifier(
        "lof", "local outlier factor on the", {"backend.neighbors": 4}, published="63.0 / -"
    ),
    _classifier("gmm", "Gaussian mixture on the", {"backend.components": 2}),
    _classifier("mahalanobis", "Mahalanobis distance on the", {}),
    DetectorSpec(
        name="autoencoder",
        summary="reconstruction error, the other DCASE 2021 Task 2 baseline",
        source=_KAWAGUCHI,
        location="asd_cli.detectors.autoencoder.detector:AutoencoderDetector",
        tells_sections=False,
        cost="minutes a machine",
        published="57.3 / -",
        recipe=_AUTOENCODER_RECIPE,
    ),
    DetectorSpec(
        name="autoencoder-mahalanobis",
        summary="selective Mahalanobis autoencoder, the baseline since 2023",
        source="Harada et al. 2023, EUSIPCO",
        location="asd_cli.detectors.autoencoder.mahalanobis:MahalanobisAutoencoderDetector",
        tells_sections=False,
        bases=("autoencoder",),
        cost="as autoencoder",
        recipe=_AUTOENCODER_RECIPE,
    ),
    DetectorSpec(
        name="discriminative",
        summary="one network for all machines that learns their attributes, on raw audio",
        source="Wilkinghoff 2023 and 2024, ICASSP; Fujimura et al. 2025, arXiv:2507.10264",
        location="asd_cli.detectors.discriminative.detector:DiscriminativeDetector",
        needs="two sections, domains or attributes",
        needs_audio=True,
        tells_sections=False,
        joint=True,
        cost="hours for all machines",
        published="69.2 / 67.4",
        settings=("fit", "discriminative", "backend"),
        recipe={
            **_DECISION,
            "fit.lr": 0.001,
            "fit.epochs": 16,
            "fit.batch_size": 64,
            "fit.validation_split": 0.0,
            # As the published figures: the network tells sections apart, its back end does not.
            "backend.references": "machine",
            "backend.smote": 0.2,
        },
    ),
    DetectorSpec(
        name="pretrained",
        summary="nearest neighbour on the embedding of an encoder of your own",
        source="Fujimura et al. 2025, arXiv:2507.10264",
        location="asd_cli.detectors.pretrained.detector:PretrainedDetector",
        needs="an encoder's file",
        needs_audio=True,
        cost="seconds to minutes",
        published="57–60 / 57–60",
        settings=("encoder", "backend"),
        recipe=_DECISION,
    ),
    _pooled(
        "knn",
        "nearest neighbour on log-mel pooled over time",
        {"backend.kind": "knn"},
    ),
    _pooled(
        "gmm",
        "Gaussian mixture on log-mel pooled over time",
        {"backend.kind": "gmm", "backend.components": 2},
    ),
    _pooled(
        "speed",
        "pooled-knn to which a change of speed is normal",
        {"backend.kind": "knn", "pooling.speeds": _SPEEDS},
        source="asd, after Simard et al. 1993 and Ko et al. 2015",
        needs_audio=True,
    ),
    DetectorSpec(
        name="texture",
        summary="nearest neighbour on how bands' levels are distributed and beat",
        source="after McDermott and Simoncelli 2011, Neuron",
        location="asd_cli.detectors.texture.detector:TextureDetector",
        needs_audio=True,
        settings=("feature", "pooling", "backend"),
        recipe={**_DECISION, "backend.distance": "whitened", "pooling.speeds": _SPEEDS},
    ),
)
DETECTORS: Mapping[str, DetectorSpec] = MappingProxyType(
    {spec.name: replace(spec, measured=_MEASURED.get(spec.name, "")) for spec in _SPECS}
)


def ensemble_spec(names: Sequence[str]) -> DetectorSpec:
    """Describe the ensemble of some detectors; UsageError when there is none of a name."""
    members = [detector_spec(name) for name in names]
    joined = _JOIN.join(names)
    return DetectorSpec(
        name=joined,
        summary=f"ensemble of {', '.join(names)}",
        source="",
        location=_ENSEMBLE,
        needs_sections=any(spec.needs_sections for spec in members),
        tells_sections=any(spec.tells_sections for spec in members),
        needs_audio=any(spec.needs_audio for spec in members),
        bases=tuple(names),
        cost="as its members",
        measured=_MEASURED.get(joined, ""),
        settings=tuple(sorted({section for spec in members for section in spec.settings})),
        recipe=_DECISION,
    )


AUTO = DetectorSpec(
    name="auto",
    summary="what asd select would choose for each machine",
    source="after Wilkinghoff and Tan",
    location=_CHOICE,
    tells_sections=False,
    joint=True,
    cost="as the candidates",
    measured=_MEASURED["auto"],
    settings=("fit", "pooling", "backend", "discriminative", "select"),
    recipe=_DECISION,
)


@cache
def all_detectors() -> Mapping[str, DetectorSpec]:
    """Detectors of this package and those that others add.

    Another package adds one by an entry point of the group ``asd.detectors`` whose object is a
    `DetectorSpec`.

    Raises
    ------
    ConfigError
        When an entry point gives something else, or takes a name that exists.
    """
    from importlib.metadata import entry_points

    found = dict(DETECTORS)
    for entry in sorted(entry_points(group=ENTRY_POINTS)):
        spec = entry.load()
        if not isinstance(spec, DetectorSpec) or spec.name in found:
            raise ConfigError(
                f"the entry point {entry.name} = {entry.value} of the group {ENTRY_POINTS} is no "
                "DetectorSpec with a name of its own",
                hint="remove or mend the package that has it",
            )
        found[spec.name] = spec
    return MappingProxyType(found)


def recipe_keys() -> tuple[str, ...]:
    """Dotted keys of the settings whose defaults differ between detectors."""
    return tuple(sorted({key for spec in all_detectors().values() for key in spec.recipe}))


def recipe_of(name: str) -> Mapping[str, Any]:
    """Give a detector's recipe; an empty one where there is no such detector."""
    try:
        return detector_spec(name).recipe
    except UsageError:
        return {}


def detector_spec(name: str) -> DetectorSpec:
    """Look a detector up; several names with commas (or plus signs) between are an ensemble.

    Raises
    ------
    UsageError
        When there is none of that name, or one is there twice.
    """
    names = name.replace(",", _JOIN).split(_JOIN)
    if len(names) > 1:
        if len(set(names)) < len(names):
            raise UsageError(f"a detector is there twice in {name!r}", hint="give it a weight")
        return ensemble_spec(names)
    if name in DETECTORS:
        return DETECTORS[name]
    if name == AUTO.name:
        return AUTO
    known = all_detectors()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        everything = ", ".join((*known, AUTO.name))
        raise UsageError(
            f"there is no detector {name!r}",
            hint=(f"did you mean {near[0]!r}? " if near else "") + f"all: {everything}",
        )
    return known[name]


def create_detector(name: str, options: DetectorOptions) -> Detector:
    """Make an unfitted detector; UsageError when there is none of that name."""
    factory = detector_spec(name).load()
    return factory(options)  # type: ignore[call-arg]


def restore_detector(name: str, state: DetectorState, options: DetectorOptions) -> Detector:
    """Make a fitted detector from its state; UsageError when there is none of that name."""
    return detector_spec(name).load().from_state(state, options)
