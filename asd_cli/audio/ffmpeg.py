"""Decode with ffmpeg what libsndfile cannot read."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from asd_cli.audio.containers import Container
from asd_cli.core.errors import DataError

_SECONDS = 600
# Only files and pipes: a recording must not make ffmpeg open an address that it names.
_OPTIONS = "-nostdin -v error -xerror -protocol_whitelist file,pipe"
_OUTPUT = "-map 0:a:0 -c:a pcm_f32le -f wav pipe:1"


def to_wav(content: bytes, path: Path, container: Container) -> bytes:
    """Convert a recording to a WAV file of 32-bit float samples.

    Parameters
    ----------
    content : bytes
        The recording.
    path : Path
        Its name, for messages.
    container : Container
        What it is.

    Returns
    -------
    bytes
        A WAV file whose header gives no length, for ffmpeg writes it into a pipe.

    Raises
    ------
    DataError
        When there is no ffmpeg, or it reports an error.
    """
    program = shutil.which("ffmpeg")
    convert = f"ffmpeg -i '{path}' '{path.with_suffix('.wav')}'"
    if program is None:
        raise DataError(
            f"{path} is {container}, which libsndfile cannot decode, and there is no ffmpeg",
            hint=f"install ffmpeg, or convert it where there is one: {convert}",
        )
    # A file, not a pipe: an MP4 may have at its end what is needed at its beginning.
    with tempfile.NamedTemporaryFile(prefix="asd-") as file:
        file.write(content)
        file.flush()
        command = [program, *_OPTIONS.split(), "-i", f"file:{file.name}", *_OUTPUT.split()]
        try:
            # No shell, and the one name in the command is that of our own temporary file.
            done = subprocess.run(  # noqa: S603
                command, capture_output=True, timeout=_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(
                f"{path} cannot be decoded: ffmpeg failed: {error}", hint=f"convert it: {convert}"
            ) from error
    complaint = done.stderr.decode("utf-8", "replace").replace(file.name, str(path)).strip()
    if done.returncode or complaint or not done.stdout:
        reason = complaint.splitlines()[-1] if complaint else f"exit status {done.returncode}"
        raise DataError(
            f"{path} cannot be decoded: ffmpeg says: {reason}", hint="copy or fetch it again"
        )
    return done.stdout
