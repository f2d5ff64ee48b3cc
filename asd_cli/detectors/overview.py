"""All that can be chosen with ``--detector``, described for people."""

from collections.abc import Mapping
from dataclasses import dataclass

from asd_cli.detectors.catalogue import BEST_ENSEMBLE, NAMED_ENSEMBLES
from asd_cli.detectors.measured import measured_scores
from asd_cli.detectors.plans import AUTO, AUTO_SUMMARY
from asd_cli.detectors.registry import all_detectors
from asd_cli.detectors.spec import DetectorSpec, NamedEnsemble


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen.

    Attributes
    ----------
    name, summary, needs, cost, published, source : str
        As of a `DetectorSpec`.
    reads : str
        ``recordings`` or ``log-mel``.
    measured : str
        What it reached in our benchmark, in per cent; empty where it was not measured.
    """

    name: str
    summary: str
    needs: str
    reads: str
    cost: str
    published: str
    measured: str
    source: str


def all_choices() -> tuple[Choice, ...]:
    """List detectors and presets, ensembles with a name, one without, and ``auto``."""
    specs = all_detectors()
    single = [_choice(spec) for spec in specs.values() if spec.listed]
    named = [_named_choice(ensemble, specs) for ensemble in NAMED_ENSEMBLES]
    members = [specs[name] for name in BEST_ENSEMBLE.split("+")]
    ensemble = Choice(
        name=BEST_ENSEMBLE,
        summary=f"ensemble of {', '.join(spec.name for spec in members)}",
        needs="",
        reads=_reads(any(spec.needs_audio for spec in members)),
        cost="as its members",
        published="",
        measured=_measured(BEST_ENSEMBLE),
        source="",
    )
    auto = Choice(
        name=AUTO,
        summary=AUTO_SUMMARY,
        needs="",
        reads=_reads(False),
        cost="as the candidates",
        published="",
        measured=_measured(AUTO),
        source="after Wilkinghoff and Tan",
    )
    return (*single, *named, ensemble, auto)


def _named_choice(ensemble: NamedEnsemble, specs: Mapping[str, DetectorSpec]) -> Choice:
    members = [specs[name] for name in ensemble.members]
    return Choice(
        name=ensemble.name,
        summary=ensemble.summary,
        needs="",
        reads=_reads(any(spec.needs_audio for spec in members)),
        cost="seconds",
        published="",
        measured=_measured(ensemble.name),
        source=ensemble.source,
    )


def _choice(spec: DetectorSpec) -> Choice:
    return Choice(
        name=spec.name,
        summary=spec.summary,
        needs=spec.needs,
        reads=_reads(spec.needs_audio),
        cost=spec.cost,
        published=spec.published,
        measured=_measured(spec.name),
        source=spec.source,
    )


def _reads(audio: bool) -> str:
    return "recordings" if audio else "log-mel"


def _measured(name: str) -> str:
    return str(measured_scores()[name]) if name in measured_scores() else ""
