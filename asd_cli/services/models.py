"""`asd models`: which models of own machines there are, and which version is in use."""

from pathlib import Path

from asd_cli.pipeline.own.registry import Registry, Version
from asd_cli.pipeline.own.request import registry_of
from asd_cli.pipeline.own.summaries import ModelSummary, current_summary, summarise
from asd_cli.settings.model import Settings

__all__ = ["ModelSummary", "list_models", "remove_model", "roll_back", "show_model"]


def list_models(settings: Settings) -> tuple[ModelSummary, ...]:
    """List the current model of each machine; where none is in use, the newest and why."""
    registry = registry_of(settings)
    return tuple(current_summary(registry, machine) for machine in registry.machines())


def show_model(settings: Settings, machine: str) -> tuple[ModelSummary, ...]:
    """List all versions of a machine; DataError when there are none."""
    return tuple(summarise(machine, v) for v in registry_of(settings).versions(machine))


def roll_back(settings: Settings, machine: str, version: int | None = None) -> Version:
    """Use an older version; errors as `Registry.rollback`."""
    return registry_of(settings).rollback(machine, version)


def remove_model(settings: Settings, machine: str, version: int | None = None) -> tuple[Path, ...]:
    """Remove a version, or all of a machine; errors as `Registry.remove`."""
    registry: Registry = registry_of(settings)
    return registry.remove(machine, version)
