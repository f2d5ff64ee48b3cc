"""Every detector and preset of this package keeps the contract that plug-ins are tested by."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from asd_cli import testing
from asd_cli.detectors.catalogue import DETECTORS, NAMED_ENSEMBLES, PRESETS
from tests.support.encoders import write_encoder

_FOLDER = TemporaryDirectory()
NETWORK = {
    "feature.n_frames": 32, "feature.n_hop_frames": 4, "fit.lr": 1e-3, "fit.epochs": 3,
    "fit.batch_size": 8, "fit.batch_norm": "recalibrate",
}  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {
    "mobilenetv2": NETWORK,
    "mobilenetv2-embedding": NETWORK,
    # An autoencoder after few epochs finds what is loud anomalous, and nothing else.
    "autoencoder": {**NETWORK, "fit.epochs": 40},
    "autoencoder-mahalanobis": {**NETWORK, "fit.epochs": 40},
    "discriminative": {
        "fit.epochs": 3, "fit.batch_size": 8, "discriminative.resolutions": (256,),
        "discriminative.sub_clusters": 2, "discriminative.min_batches": 8,
    },
}  # fmt: skip
# Networks depend on the seed; a mixture of few clips finds the same maximum from any start.
SEEDED = {*SMALL, "autoencoder+pooled-knn"}
NAMES = [
    *(spec.name for spec in DETECTORS),
    *(preset.name for preset in PRESETS),
    *(ensemble.name for ensemble in NAMED_ENSEMBLES),
    "pooled-speed+texture",
    "autoencoder+pooled-knn",
]


@cache
def exported_encoder() -> Path:
    return write_encoder(Path(_FOLDER.name) / "encoder.pt2")


def settings_of(name: str) -> dict[str, Any]:
    families = {preset.name: preset.detector for preset in PRESETS}
    if name == "pretrained":
        return {"encoder.checkpoint": str(exported_encoder())}
    if "+" in name:  # the other member is no worse after few epochs
        joined = {k: v for part in name.split("+") for k, v in settings_of(part).items()}
        return {**joined, "fit.epochs": 10}
    return SMALL.get(families.get(name, name), {})


def contract_of(name: str) -> type[testing.DetectorContract]:
    families = {preset.name: preset.detector for preset in PRESETS}
    facts = {
        "detector": name,
        "settings": settings_of(name),
        "uses_seed": bool({name, families.get(name, name)} & SEEDED),
        "__module__": __name__,
    }
    title = "".join(part.capitalize() for part in name.replace("+", "-and-").split("-"))
    return type(f"Test{title}", (testing.DetectorContract,), facts)


for _name in NAMES:
    _contract = contract_of(_name)
    globals()[_contract.__name__] = _contract
del _contract, _name
