"""The recordings of an edition of DCASE Challenge Task 2."""

from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.errors import DataError
from asd_cli.core.types import Clip, Mode, Split
from asd_cli.datasets.dcase.editions import TRAIN_ROLE, Edition
from asd_cli.datasets.dcase.folders import find_machines, list_clips
from asd_cli.datasets.trees import tree_of


@dataclass(frozen=True, slots=True)
class DcaseDataset:
    """Folders and names of an edition (`asd_cli.datasets.base.Dataset`).

    Attributes
    ----------
    root : Path
        ``dev_data`` or ``eval_data``.
    edition : Edition
        Names folders and clips.
    mode : Mode
        Test clips have labels in dev mode and none in eval mode.
    """

    root: Path
    edition: Edition
    mode: Mode

    def machines(self) -> tuple[str, ...]:
        """List the machine types; errors as in `find_machines`."""
        return find_machines(self.root, self.edition, mode=self.mode)

    def clips(self, machine: str, split: Split) -> tuple[Clip, ...]:
        """List training clips, or the clips of all test folders one folder after the other."""
        roles = (TRAIN_ROLE,) if split is Split.TRAIN else self.test_roles(machine)
        if not roles:
            stage = "dev" if self.mode is Mode.DEV else "eval-test"
            raise DataError(
                f"{self.root / machine} has no test folder",
                hint=f"fetch the test clips: {self.edition.fetch_command(stage, machine)}",
            )
        return tuple(
            clip
            for role in roles
            for clip in list_clips(self.root, machine, role, mode=self.mode, edition=self.edition)
        )

    def has(self, machine: str, split: Split) -> bool:
        """Whether the folders of a split are there."""
        if split is Split.TEST:
            return bool(self.test_roles(machine))
        train = self.root / machine / self.edition.folders[TRAIN_ROLE]
        return tree_of(self.root).is_dir(train)

    def test_roles(self, machine: str) -> tuple[str, ...]:
        """Test folders that the machine has."""
        folder, folders = self.root / machine, self.edition.folders
        tree = tree_of(self.root)
        return tuple(r for r in self.edition.test_roles if tree.is_dir(folder / folders[r]))

    def missing_test_folders(self, machine: str) -> tuple[Path, ...]:
        """Test folders of the edition that the machine has not."""
        lacking = set(self.edition.test_roles) - set(self.test_roles(machine))
        return tuple(self.root / machine / self.edition.folders[role] for role in sorted(lacking))
