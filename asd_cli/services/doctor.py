"""`asd doctor`: what this installation has and sees."""

import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asd_cli.artifacts.manifest import library_versions
from asd_cli.core.errors import AsdError
from asd_cli.core.types import Mode
from asd_cli.core.version import package_version
from asd_cli.execution.cores import available_cores
from asd_cli.pipeline.layout import Layout
from asd_cli.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Facts about an installation, by topic."""

    facts: dict[str, dict[str, Any]]


def diagnose(settings: Settings) -> Diagnosis:
    """Look at versions, devices, codecs, disk, data and models; changes nothing."""
    import soundfile

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Diagnosis(
        {
            "versions": {"asd": package_version(), **library_versions(torch=True)},
            "system": {
                "platform": platform.platform(),
                "cores": available_cores(),
                "memory_gib": round(memory / 2**30, 1),
            },
            "torch": _torch_facts(),
            "audio": {
                "libsndfile": soundfile.__libsndfile_version__,
                "wav_subtypes": sorted(soundfile.available_subtypes("WAV")),
                "formats": sorted(soundfile.available_formats()),
                "ffmpeg": shutil.which("ffmpeg"),
            },
            "disk": {
                "free_gib": round(shutil.disk_usage(Path.cwd()).free / 2**30, 1),
                "writable": os.access(Path.cwd(), os.W_OK),
            },
            **{mode.value: _found(Layout(settings, mode)) for mode in Mode},
        }
    )


def _torch_facts() -> dict[str, Any]:
    try:
        import torch
    except (ImportError, OSError):  # OSError: a shared library of it is missing
        return {"available": False, "threads": None, "cuda": None, "mps": False}
    return {
        "available": True,
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "mps": torch.backends.mps.is_available(),
    }


def _found(layout: Layout) -> dict[str, Any]:
    try:
        machines = layout.machines(())
    except AsdError:
        machines = ()
    return {
        "data": str(layout.data_directory),
        "machines": list(machines),
        "models": [machine for machine in machines if layout.model(machine).is_file()],
        "results": layout.manifest.is_file(),
    }
