"""A command as an array of Slurm jobs: each job is one rank of the same command.

Nothing has to run between submission and end: ranks find what is done by markers in the cache and
by models and results on the shared disk. The environment variables and options are those of
``sbatch`` (https://slurm.schedmd.com/sbatch.html).
"""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.errors import ResourceError, UsageError
from asd_cli.core.files import write_text
from asd_cli.core.hashing import fingerprint

_OWN_OPTIONS = ("--array", "-a", "--wrap")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmArray:
    """An array of jobs.

    Attributes
    ----------
    arguments : tuple of str
        Of the command, without those that say where it runs: ``("train", "--machine", "fan")``.
    ranks : int
        Number of jobs.
    options : str
        For ``sbatch``, as on its command line: ``--partition short --time 2:00:00``.
    folder : Path
        Where the command is given; jobs run there, and the script and logs are written there.

    Raises
    ------
    UsageError
        When the options name what the array itself sets.

    Examples
    --------
    >>> array = SlurmArray(arguments=("train",), ranks=7, options="--time=60", folder=Path("/run"))
    >>> print(array.script())  # doctest: +ELLIPSIS
    #!/bin/sh
    #SBATCH --job-name=asd-train
    #SBATCH --array=0-6
    #SBATCH --output=asd-train-%A_%a.log
    #SBATCH --time=60
    cd /run || exit 1
    exec ... -m asd_cli train --rank "$SLURM_ARRAY_TASK_ID" --ranks 7
    <BLANKLINE>
    """

    arguments: tuple[str, ...]
    ranks: int
    options: str
    folder: Path

    def __post_init__(self) -> None:
        """Refuse options that contradict the array."""
        for word in self._option_words():
            if word.partition("=")[0] in _OWN_OPTIONS:
                raise UsageError(
                    f"--slurm-options cannot hold {word}: the array is set by --ranks",
                    hint="give the number of jobs: --ranks 8",
                )

    @property
    def path(self) -> Path:
        """The script's file; equal commands have the same."""
        digits = fingerprint([*self.arguments, self.ranks, self.options])[:8]
        return self.folder / f"asd-{self.arguments[0]}-{digits}.sbatch"

    def script(self) -> str:
        """Write the script."""
        name = f"asd-{self.arguments[0]}"
        lines = [
            f"--job-name={name}",
            f"--array=0-{self.ranks - 1}",
            f"--output={name}-%A_%a.log",
            *_directives(self._option_words()),
        ]
        command = shlex.join([sys.executable, "-m", "asd_cli", *self.arguments])
        return (
            "#!/bin/sh\n"
            + "".join(f"#SBATCH {line}\n" for line in lines)
            + f"cd {shlex.quote(str(self.folder))} || exit 1\n"
            + f'exec {command} --rank "$SLURM_ARRAY_TASK_ID" --ranks {self.ranks}\n'
        )

    def submit(self) -> str:
        """Write the script and give it to ``sbatch``; gives what that says.

        Raises
        ------
        ResourceError
            When there is no ``sbatch``, or it refuses the script.
        StorageError
            When the script cannot be written.
        """
        write_text(self.path, self.script())
        program = shutil.which("sbatch")
        if program is None:
            raise ResourceError(
                "there is no sbatch on PATH, so nothing was submitted",
                hint=f"where Slurm is: sbatch {shlex.quote(str(self.path))}; elsewhere run each "
                f"rank by hand: --rank 0 --ranks {self.ranks} and so on",
            )
        done = subprocess.run(  # noqa: S603 - the program that the user asked for
            [program, str(self.path)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ResourceError(
                f"sbatch refused {self.path}: {done.stderr.strip() or done.stdout.strip()}",
                hint="look at --slurm-options",
            )
        return done.stdout.strip()

    def _option_words(self) -> Sequence[str]:
        try:
            return shlex.split(self.options)
        except ValueError as error:
            raise UsageError(f"--slurm-options cannot be read: {error}") from error


def _directives(words: Sequence[str]) -> list[str]:
    """Put each option and its value on a line of its own.

    Examples
    --------
    >>> _directives(["--partition", "short", "--mem=4G", "-c", "2"])
    ['--partition short', '--mem=4G', '-c 2']
    """
    lines: list[str] = []
    for word in words:
        if word.startswith("-") or not lines:
            lines.append(shlex.quote(word) if " " in word else word)
        else:
            lines[-1] += f" {shlex.quote(word)}"
    return lines
