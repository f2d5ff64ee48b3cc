"""The state of a training run on disk: weights, optimiser, history. Safe to load: no pickle.

A SHA-256 of everything is kept with it and checked on reading: safetensors has none, and a changed
weight would be trained on without a word.
"""

import glob
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asd_cli.core.errors import IntegrityError, UsageError
from asd_cli.core.files import write_bytes

if TYPE_CHECKING:
    import torch

_MODEL, _OPTIMIZER = "model.", "optimizer."
_RESTART = "begin from scratch: asd train --force"


@dataclass
class Progress:
    """How far a training run has come.

    Attributes
    ----------
    epoch : int
        Epochs that are done.
    batch : int
        Batches done of the next epoch; more than 0 only after an interruption.
    loss_sum : float
        Sum of the losses of those batches' windows.
    history : list of dict
        One row an epoch: ``epoch``, ``loss``, ``val_loss``.
    computed_with : str
        Device and threads: others add in another order. Empty before the first step.
    """

    epoch: int = 0
    batch: int = 0
    loss_sum: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    computed_with: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """Where a run keeps its state, and what the run is.

    Attributes
    ----------
    path : Path
        The file.
    identity : mapping of str to str or number
        Everything that decides the result: settings, data fingerprint, seed, versions. A state is
        resumed only when all of it is the same.
    """

    path: Path
    identity: Mapping[str, Any]

    def save(
        self, model: "torch.nn.Module", optimizer: "torch.optim.Optimizer", progress: Progress
    ) -> None:
        """Write the state; StorageError when the disk is full."""
        from safetensors.torch import save

        tensors = {
            f"{_MODEL}{name}": tensor.detach().cpu().contiguous()
            for name, tensor in model.state_dict().items()
        }
        for number, state in optimizer.state_dict()["state"].items():
            for name, tensor in state.items():
                tensors[f"{_OPTIMIZER}{number}.{name}"] = tensor.detach().cpu().contiguous()
        metadata = {
            "identity": json.dumps(dict(self.identity), sort_keys=True),
            "progress": json.dumps(asdict(progress)),
        }
        metadata["sha256"] = _digest(tensors, metadata)
        write_bytes(self.path, save(tensors, metadata=metadata))

    def load(self, model: "torch.nn.Module", optimizer: "torch.optim.Optimizer") -> Progress | None:
        """Restore a saved state.

        Returns
        -------
        Progress or None
            None when there is no state to restore.

        Raises
        ------
        UsageError
            When the state belongs to other settings or data; names what differs.
        IntegrityError
            When the file is damaged.
        """
        if not self.path.exists():
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="pt") as file:
                metadata = dict(file.metadata())
                identity = json.loads(metadata["identity"])
                progress = Progress(**json.loads(metadata["progress"]))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            digest = metadata.pop("sha256")
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"the checkpoint {self.path} is damaged: {error}",
                hint=_RESTART,
            ) from error
        if _digest(tensors, metadata) != digest:
            raise IntegrityError(
                f"the content of the checkpoint {self.path} is not what was written (SHA-256 "
                "differs)",
                hint=_RESTART,
            )
        self._require_same(identity)
        model.load_state_dict(_with_prefix(tensors, _MODEL))
        _load_optimizer(optimizer, _with_prefix(tensors, _OPTIMIZER))
        return progress

    def part(self, name: str) -> "Checkpoint":
        """Give one of several trainings of a run a state of its own, beside this one."""
        path = self.path.with_name(f"{self.path.name}.{name}")
        return Checkpoint(path, {**self.identity, "part": name})

    def discard(self) -> None:
        """Remove the state, and those of its parts."""
        self.path.unlink(missing_ok=True)
        for part in self.path.parent.glob(f"{glob.escape(self.path.name)}.*"):
            part.unlink()

    def _require_same(self, identity: Mapping[str, Any]) -> None:
        identity = _flat(identity)
        wanted = _flat(json.loads(json.dumps(dict(self.identity))))
        different = sorted(
            key for key in {*identity, *wanted} if identity.get(key) != wanted.get(key)
        )
        if different:
            changes = ", ".join(
                f"{key} was {identity.get(key)!r} and is {wanted.get(key)!r}" for key in different
            )
            raise UsageError(
                f"{self.path} is the state of another run: {changes}",
                hint="resume with the settings it was begun with, or begin from scratch: "
                "asd train --force",
            )


def _digest(tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(dict(metadata), sort_keys=True).encode())
    for name in sorted(tensors):
        array = tensors[name].numpy()
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Put nested entries (settings, versions) beside the others, under their own keys."""
    found: dict[str, Any] = {}
    for key, value in identity.items():
        found.update(_flat(value) if isinstance(value, dict) else {key: value})
    return found


def _with_prefix(tensors: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def _load_optimizer(optimizer: "torch.optim.Optimizer", tensors: Mapping[str, Any]) -> None:
    import torch

    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        number, name = key.split(".", 1)
        weight = weights[int(number)]
        # A fused optimizer goes through memory, so that a moment must lie there as its weight does.
        same = tensor.shape == weight.shape
        laid_out = torch.empty_like(weight).copy_(tensor) if same else tensor
        state.setdefault(int(number), {})[name] = laid_out
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
