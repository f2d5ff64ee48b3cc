"""Every setting of a detector by its dotted key: type, range, default and meaning.

A key is one of three kinds:

- *shared*: ``fit.lr``, ``threshold``; all detectors that have it read it;
- *of a detector alone*: ``crest.alpha``, declared by the detector's options type;
- *for a detector alone*: ``texture.pooling.speeds`` sets a shared key for one detector or preset.
"""

import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from asd_cli.core.errors import ConfigError
from asd_cli.core.structures import StructureError, from_plain
from asd_cli.detectors.ensemble_options import EnsembleOptions
from asd_cli.detectors.mobilenetv2.options import MobileNetV2Options
from asd_cli.detectors.options import (
    OptionKey,
    WindowOptions,
    option_sections,
    own_keys,
    section_keys,
)
from asd_cli.detectors.registry import all_detectors, detector_spec
from asd_cli.detectors.spec import DetectorSpec
from asd_cli.settings.sections import (
    CompatibleSettings,
    DecisionSettings,
    FeatureSettings,
    SelectSettings,
)

# As the files of https://github.com/nttcslab/dcase2023_task2_baseline_ae and its successors have
# them, and what they are called here.
_OF_LATER_BASELINES = {
    "--dataset_directory": "dev_directory or eval_directory",
    "--result_directory": "result_directory",
    "--model": "detector: autoencoder",
    "--score": "detector: autoencoder (MSE) or autoencoder-mahalanobis (MAHALA)",
    "--seed": "seed",
    "--max_fpr": "max_fpr",
    "--decision_threshold": "decision_threshold",
    "--n_mels": "feature.n_mels",
    "--frames": "feature.n_frames",
    "--frame_hop_length": "feature.n_hop_frames",
    "--n_fft": "feature.n_fft",
    "--hop_length": "feature.hop_length",
    "--power": "feature.power",
    "--batch_size": "fit.batch_size",
    "--epochs": "fit.epochs",
    "-lr": "fit.lr",
}


def _top_level_keys(kind: Any) -> tuple[OptionKey, ...]:
    return own_keys(kind, "")


# Names that earlier versions had.
RENAMED = {"discriminative.fewest_batches": "discriminative.min_batches"}
_COMPATIBLE = _top_level_keys(CompatibleSettings)
DECISION_KEYS = _top_level_keys(DecisionSettings)


def shared_keys() -> Mapping[str, OptionKey]:
    """List the keys that several detectors may read, in the order of a settings file."""
    return _shared_keys(tuple(all_detectors()))


@cache
def _shared_keys(detectors: tuple[str, ...]) -> Mapping[str, OptionKey]:
    found: dict[str, OptionKey] = {key.key: key for key in DECISION_KEYS}
    score = own_keys(MobileNetV2Options, "mobilenetv2")
    found.update((key.key, key) for key in score)
    sections: dict[str, list[type]] = {"feature": [FeatureSettings, WindowOptions]}
    for spec in map(detector_spec, detectors):
        for section in option_sections(spec.options).values():
            kinds = sections.setdefault(section.SECTION, [])  # type: ignore[attr-defined]
            if section not in kinds:
                kinds.append(section)
    sections.setdefault("ensemble", []).append(EnsembleOptions)
    sections.setdefault("select", []).append(SelectSettings)
    for kinds in sections.values():
        for kind in kinds:
            found.update((key.key, key) for key in section_keys(kind))
        if kinds[0].SECTION == "fit":  # type: ignore[attr-defined]
            found.update((key.key, key) for key in _COMPATIBLE)
    return found


def keys_of_detectors() -> Iterator[OptionKey]:
    """List the keys that belong to one detector alone."""
    shared = shared_keys()
    for spec in all_detectors().values():
        if not spec.family:
            own = own_keys(spec.options, spec.name)
            yield from (key for key in own if key.key not in shared)


def find_key(key: str) -> OptionKey | None:
    """Look up a key of any of the three kinds; None where there is none."""
    shared = shared_keys()
    if key in shared:
        return shared[key]
    detector, _, rest = key.partition(".")
    spec = all_detectors().get(detector)
    if spec is None or not rest:
        return None
    allowed = {k.key: k for k in (*spec.keys, *DECISION_KEYS)}
    found = allowed.get(rest) or allowed.get(f"{spec.family_name}.{rest}")
    return None if found is None else OptionKey(key, found.annotation, found.default,
                                                found.description)  # fmt: skip


def check_value(key: OptionKey, value: object) -> Any:
    """Give a value as its type has it: a list becomes a tuple, nothing else is converted.

    Raises
    ------
    StructureError
        When the value is of another type or out of its range.
    """
    if isinstance(value, tuple):
        value = list(value)
    try:
        return from_plain(key.annotation, value)
    except StructureError as error:
        raise StructureError(key.key, error.problem, value) from error


def unknown_key(key: str, origin: str, run_keys: Mapping[str, Any]) -> ConfigError:
    """Say that there is no such setting, and which is the nearest."""
    if key in _OF_LATER_BASELINES:
        names = ", ".join(f"{theirs} is {ours}" for theirs, ours in _OF_LATER_BASELINES.items())
        return ConfigError(
            f"{origin}: {key!r} is a setting of the DCASE baselines of 2023 to 2026, whose files "
            "have other names",
            hint=f"rename them: {names}; or write a new file: asd config init",
        )
    known = [*run_keys, *shared_keys(), *(k.key for k in keys_of_detectors())]
    sections = {name.rpartition(".")[0] for name in known} - {""}
    near = difflib.get_close_matches(key, [*known, *sections], n=1, cutoff=0.5)
    wrong = "is a section, not a setting" if key in sections else "is not a setting"
    return ConfigError(
        f"{origin}: {key!r} {wrong}",
        hint=(f"did you mean {near[0]!r}? " if near and key not in sections else "")
        + "all settings: asd config show",
    )


def short_name(key: str, spec: DetectorSpec) -> str:
    """Give a detector's own key without the detector's name; others as they are."""
    prefix = f"{spec.family_name}."
    own = {k.key for k in own_keys(spec.options, spec.family_name)}
    return key.removeprefix(prefix) if key in own else key
