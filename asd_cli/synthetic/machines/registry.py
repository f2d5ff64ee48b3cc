"""All machine models by name."""

from asd_cli.core.errors import UsageError
from asd_cli.synthetic.machines.fan import FAN
from asd_cli.synthetic.machines.gearbox import GEARBOX
from asd_cli.synthetic.machines.pump import PUMP
from asd_cli.synthetic.machines.slider import SLIDER
from asd_cli.synthetic.machines.toy_car import TOY_CAR
from asd_cli.synthetic.machines.toy_train import TOY_TRAIN
from asd_cli.synthetic.machines.valve import VALVE
from asd_cli.synthetic.scene import MachineModel

MODELS = {model.name: model for model in (TOY_CAR, TOY_TRAIN, FAN, GEARBOX, PUMP, SLIDER, VALVE)}


def find_model(machine: str) -> MachineModel:
    """Look a machine type up.

    Raises
    ------
    UsageError
        When there is no model of it.
    """
    if machine not in MODELS:
        raise UsageError(
            f"there is no synthetic machine {machine!r}", hint=f"choose from: {', '.join(MODELS)}"
        )
    return MODELS[machine]
