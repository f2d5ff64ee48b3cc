"""From settings to the options of detectors and the parameters of features."""

from dataclasses import fields

from asd_cli.core.errors import ConfigError
from asd_cli.detectors.ensemble_options import EnsembleDetectorOptions, EnsembleOptions
from asd_cli.detectors.options import DetectorOptions, build_options
from asd_cli.detectors.plans import Ensemble, Single, parse_detector
from asd_cli.features.recipe import FeatureParameters
from asd_cli.settings.model import Settings


def feature_parameters(settings: Settings, *, channel: int | None = None) -> FeatureParameters:
    """Give the feature parameters in force.

    Parameters
    ----------
    settings : Settings
        Section ``feature``.
    channel : int or None
        Which channel is used where the settings name none.
    """
    values = settings.for_detector().values
    names = [entry.name for entry in fields(FeatureParameters)]
    found = {name: values[f"feature.{name}"] for name in names}
    if found["channel"] is None:
        found["channel"] = channel
    return FeatureParameters(**found)


def detector_options(
    settings: Settings, *, features: FeatureParameters, device: str, name: str | None = None
) -> DetectorOptions:
    """Give the options of the chosen detector, or of another one of the same run.

    Parameters
    ----------
    settings : Settings
        What was set.
    features : FeatureParameters
        How features are computed.
    device : str
        Where networks compute.
    name : str, optional
        Of the detector; the chosen one by default.

    Raises
    ------
    ConfigError
        When the detector is ``auto``, which has no options of its own.
    """
    plan = settings.plan if name is None else parse_detector(name)
    base = DetectorOptions(features=features, seed=settings.seed, device=device)
    if isinstance(plan, Single):
        values = settings.for_detector(plan.name).values
        return build_options(plan.spec.options, plan.spec.family_name, values, base)
    if isinstance(plan, Ensemble):
        members = tuple(
            (member, detector_options(settings, features=features, device=device, name=member))
            for member in plan.member_names
        )
        return EnsembleDetectorOptions(
            features=features,
            seed=settings.seed,
            device=device,
            ensemble=settings.for_detector(plan.name).section(EnsembleOptions),
            members=members,
        )
    raise ConfigError(
        "auto has no options: it chooses a detector", hint="name one: --detector pooled-speed"
    )
