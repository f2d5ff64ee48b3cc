"""`asd pack`: recordings into tar shards."""

from contextlib import closing

from asd_cli.core.events import SILENT, Events, progress
from asd_cli.execution.executor import make_executor
from asd_cli.pipeline.packing import PackedShards, PackRequest, pack_recordings

__all__ = ["PackRequest", "PackedShards", "pack"]


def pack(request: PackRequest, events: Events = SILENT) -> PackedShards:
    """Pack recordings, as `asd_cli.pipeline.packing.pack_recordings`."""
    with (
        closing(make_executor(request.jobs)) as executor,
        progress(events, "pack", total=None, unit="files") as advance,
    ):
        return pack_recordings(request, executor, advance)
