"""Gearbox: tooth mesh and its harmonics with sidebands of both shafts.

Teeth mesh `teeth × shaft` times a second; run-out of the wheels modulates the mesh and puts
sidebands at shaft distance around every harmonic. A local defect of one tooth strikes once a turn
and rings at resonances of the housing (McFadden, Detecting fatigue cracks in gears by amplitude and
phase demodulation of the meshing vibration, 1986; Randall, Vibration-based Condition Monitoring).
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asd_cli.synthetic import scene as sc
from asd_cli.synthetic import signals
from asd_cli.synthetic.scene import Change, Defect, MachineModel, Scene, Sound
from asd_cli.synthetic.signals import Wave

_MESHES = 6
_OIL_HZ = (100.0, 400.0, 1200.0, 3000.0, 8000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gearbox:
    shaft_hz: float
    teeth: int
    ratio: float
    mesh: tuple[float, ...]
    runout: tuple[float, float]
    oil_db: tuple[float, ...]
    oil_share: float


def _draw(unit: Generator) -> _Gearbox:
    """Draw an individual: 18 to 30 Hz input, 17 to 31 teeth, reduction of 1.6 to 3.4."""
    oil = np.array([-4.0, 0.0, -5.0, -13.0, -25.0]) + unit.uniform(-2, 2, len(_OIL_HZ))
    return _Gearbox(
        shaft_hz=float(unit.uniform(18, 30)),
        teeth=int(unit.integers(17, 32)),
        ratio=float(unit.uniform(1.6, 3.4)),
        mesh=tuple(float(a) for a in 0.7 ** np.arange(_MESHES) * unit.uniform(0.3, 1.2, _MESHES)),
        runout=(float(unit.uniform(0.1, 0.3)), float(unit.uniform(0.1, 0.3))),
        oil_db=tuple(float(level) for level in oil),
        oil_share=float(unit.uniform(0.4, 0.8)),
    )


def _mesh(gearbox: _Gearbox, scene: Scene, shaft: Wave) -> Wave:
    """Sum the mesh harmonics, before the run-out of the wheels modulates them."""
    return signals.unit_power(
        signals.orders(
            shaft,
            order=[gearbox.teeth * k for k in range(1, _MESHES + 1)],
            amplitude=gearbox.mesh,
            offset=scene.rng.uniform(size=_MESHES),
        )
    )


def _healthy(gearbox: _Gearbox, scene: Scene, shaft: Wave, mesh: Wave) -> Wave:
    fast, slow = gearbox.runout
    modulation = 1.0 + fast * signals.cosine(shaft) + slow * signals.cosine(shaft / gearbox.ratio)
    oil = scene.noise(_OIL_HZ, gearbox.oil_db) * scene.drift(depth=0.07, rate_hz=3.0)
    motor = signals.cosine(scene.turn(100.0)) + 0.5 * signals.cosine(2 * shaft)
    loaded = mesh * modulation * scene.drift(depth=0.06) * scene.load
    return loaded + gearbox.oil_share * scene.speed * oil + 0.15 * motor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    shaft: Wave
    mesh: Wave
    healthy: Wave


def _chipped_tooth(gearbox: _Gearbox, scene: Scene, run: _Running, defect: Defect) -> Change:
    """Strike the housing once a turn of the input shaft."""
    where = sc.whole_clip(scene, defect.kind, 1200.0, 6600.0)
    turns = signals.crossings(run.shaft + 0.3, sample_rate=scene.sample_rate)
    force = defect.rng.uniform(0.6, 1.0, len(turns))
    housing = signals.draw_modes(defect.rng, count=9, low_hz=1300, high_hz=6200, decay_s=0.005)
    y = scene.strike(turns, force, housing)
    return sc.added(scene, y, where, healthy=run.healthy, level_db=-11.5 + defect.severity_db)


def _worn_teeth(gearbox: _Gearbox, scene: Scene, run: _Running, defect: Defect) -> Change:
    """Deepen the sidebands: up to four orders of the shaft around each mesh harmonic."""
    shaft_hz = gearbox.shaft_hz * scene.speed
    low_hz = (gearbox.teeth - 5) * shaft_hz
    high_hz = min((gearbox.teeth * _MESHES + 5) * shaft_hz, 7900.0)
    where = sc.whole_clip(scene, defect.kind, low_hz, high_hz)
    modulation = signals.orders(
        run.shaft,
        order=[1, 2, 3, 4],
        amplitude=defect.rng.uniform(0.5, 1.0, 4),
        offset=defect.rng.uniform(size=4),
    )
    y = run.mesh * modulation
    return sc.added(
        scene,
        y,
        where,
        healthy=run.healthy,
        level_db=-5.0 + defect.severity_db,
        through_body=True,
    )


def _dry_gears(gearbox: _Gearbox, scene: Scene, run: _Running, defect: Defect) -> Change:
    """Take the oil away for a spell: grinding noise that pulses with the output shaft."""
    where = sc.one_spell(scene, defect, 1000.0, 4800.0)
    grind = scene.noise([1000.0, 2200.0, 4800.0], [-4.0, 0.0, -8.0], rng=defect.rng)
    y = grind * (1.0 + 0.7 * signals.cosine(run.shaft / gearbox.ratio))
    return sc.added(scene, y, where, healthy=run.healthy, level_db=-14.0 + defect.severity_db)


_FAULTS = {"chipped_tooth": _chipped_tooth, "worn_teeth": _worn_teeth, "dry_gears": _dry_gears}


def _render(unit: Generator, scene: Scene, defect: Defect | None) -> Sound:
    gearbox = _draw(unit)
    shaft = scene.turn(gearbox.shaft_hz * scene.speed * scene.drift(depth=0.003))
    mesh = _mesh(gearbox, scene, shaft)
    healthy = _healthy(gearbox, scene, shaft, mesh)
    if defect is None:
        return Sound(healthy=healthy)
    run = _Running(shaft=shaft, mesh=mesh, healthy=healthy)
    return Sound(healthy=healthy, change=_FAULTS[defect.kind](gearbox, scene, run, defect))


GEARBOX = MachineModel(
    name="gearbox", attributes=("speed", "load"), faults=tuple(_FAULTS), render=_render
)
