"""Extraction of a long list of clips in units, each a small store of its own, merged at the end.

A unit is the features of some consecutive clips. Its key is a hash of the feature parameters and of
the names, sizes and times of the recordings as they are listed: nothing is read to find out that a
unit is done. A run of one process compares the bytes of recordings as always
(`asd_cli.features.extraction`), and finds a change that sizes and times do not show.

The merged store is the one that a single process would have made, byte for byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from asd_cli.core.errors import DataError
from asd_cli.core.events import Events
from asd_cli.core.hashing import fingerprint
from asd_cli.core.places import place_signature
from asd_cli.core.types import Clip
from asd_cli.execution.executor import SerialExecutor
from asd_cli.execution.markers import Markers
from asd_cli.execution.units import Unit
from asd_cli.features.extraction import (
    Extraction,
    extract_features,
    locked_store,
    require_names,
    suspicions_of,
)
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import (
    StoreWriter,
    discard_partial,
    find_stores,
    read_index,
    remove_store,
    write_store,
)

CLIPS_PER_UNIT = 2000
"""Six seconds of computing clips of 10 s, half a minute where recordings are in a slow store."""
_KEY_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePart:
    """What one unit extracts.

    Attributes
    ----------
    clips : tuple of Clip
        Consecutive clips of a store.
    name : Path
        Of the unit's own store.
    recipe : FeatureParameters
        How to compute features.
    """

    clips: tuple[Clip, ...]
    name: Path
    recipe: FeatureParameters


@dataclass(frozen=True, kw_only=True)
class StoreUnits:
    """A store that is made in units.

    Attributes
    ----------
    title : str
        Whose features: ``fan train``.
    clips : tuple of Clip
        All of them, in the order of the rows.
    name : Path
        Folder and name of the store, without the part that stands for its content.
    recipe : FeatureParameters
        How to compute features.
    clips_per_unit : int
        At least 1; all processes of a run use the same number.
    """

    title: str
    clips: tuple[Clip, ...]
    name: Path
    recipe: FeatureParameters
    clips_per_unit: int = field(default_factory=lambda: CLIPS_PER_UNIT)

    @property
    def folder(self) -> Path:
        """Where the units' stores and markers are."""
        return self.name.with_name(f"{self.name.name}.units")

    @property
    def markers(self) -> Markers:
        """Which units are done."""
        return Markers(self.folder)

    @cached_property
    def units(self) -> tuple[Unit[StorePart], ...]:
        """The units; the same in every process that sees the same recordings.

        Raises
        ------
        ProblemsError
            When clips have the same name.
        """
        require_names(self.clips)
        found = []
        starts = range(0, len(self.clips), self.clips_per_unit)
        for number, start in enumerate(starts, start=1):
            clips = self.clips[start : start + self.clips_per_unit]
            listed = [[clip.name, place_signature(clip.path)] for clip in clips]
            key = fingerprint([self.recipe.fingerprint, start, listed])[:_KEY_DIGITS]
            part = StorePart(clips=clips, name=self.folder / key, recipe=self.recipe)
            label = f"{self.title} {number} of {len(starts)}"
            found.append(Unit(key, label, len(clips), self.folder, part))
        return tuple(found)

    def missing(self) -> tuple[Unit[StorePart], ...]:
        """Give the units whose result is not there.

        None is where the complete store is, also where a single process made it: whoever uses that
        one compares it with the recordings.
        """
        if self._merged_store() is not None or self._made_at_once():
            return ()
        done = self.markers.keys()
        return tuple(u for u in self.units if u.key not in done or not self._has_result(u))

    def forget_lost(self) -> None:
        """Remove the markers of units whose results are gone."""
        done = self.markers.keys()
        lost = [u for u in self.units if u.key in done and not self._has_result(u)]
        if lost and self._merged_store() is None:
            for unit in lost:
                self.markers.remove(unit.key)

    def seconds_per_clip(self) -> float | None:
        """Give what a clip took in units that are done; None where none is."""
        timed = [content for content in self._contents().values() if content["computed"]]
        clips = sum(content["size"] for content in timed)
        return sum(content["seconds"] for content in timed) / clips if clips else None

    def discard(self) -> None:
        """Forget all results, so that everything is computed again."""
        with locked_store(self.name):
            for path in (*find_stores(self.name), *self.folder.glob("*")):
                if path.suffix not in {".lock", ".claim"}:
                    path.unlink(missing_ok=True)

    def merge(self) -> Extraction | None:
        """Make the store of all units; None while some are missing, or it was made at once.

        Whoever comes first merges; another process waits and finds the store.

        Raises
        ------
        DataError
            When the result of a unit is damaged; it is forgotten, and done again by the next run.
        StorageError
            When the store cannot be written.
        """
        with locked_store(self.name):
            known = self._merged_store()
            contents = self._contents()
            if known is not None:
                index = read_index(known)
                skipped = tuple(text for c in contents.values() for text in c["skipped"])
                return Extraction(
                    known,
                    computed=0,
                    reused=len(self.clips) - len(skipped),
                    skipped=skipped,
                    suspicions={} if index is None else suspicions_of(index.entries),
                )
            if len(contents) < len(self.units) or self._made_at_once():
                return None
            return self._write(contents)

    def _write(self, contents: Mapping[str, Mapping[str, Any]]) -> Extraction:
        path, recipe = None, self.recipe
        discard_partial(self.name)
        with write_store(self.name, parameters=recipe.fingerprint, n_mels=recipe.n_mels) as writer:
            for unit in self.units:
                self._append(writer, unit, contents[unit.key])
            if writer.entries:
                path = writer.finish()
        if path is None:
            discard_partial(self.name)
        else:
            self._replace_parts(path)
        return Extraction(
            path,
            computed=sum(content["computed"] for content in contents.values()),
            reused=sum(content["reused"] for content in contents.values()),
            skipped=tuple(text for content in contents.values() for text in content["skipped"]),
            suspicions=suspicions_of(writer.entries),
        )

    def _replace_parts(self, path: Path) -> None:
        """Keep the complete store alone, marked as that of these units."""
        for old in find_stores(self.name):
            if old != path:
                remove_store(old)
        self.markers.write(self._merged_key, {"store": path.name})
        for unit in self.units:
            for part in find_stores(unit.item.name):
                remove_store(part)
        # Who waits for one of them finds the unit's marker, whatever it has locked.
        for lock in (*self.folder.glob("*.lock"), *self.folder.glob("*.claim")):
            lock.unlink(missing_ok=True)

    def _append(
        self, writer: StoreWriter, unit: Unit[StorePart], content: Mapping[str, Any]
    ) -> None:
        if content["store"] is None:
            return
        path = self.folder / content["store"]
        index = read_index(path)
        if index is None or not writer.append_store(path, index):
            self.markers.remove(unit.key)
            raise DataError(
                f"the features of {unit.label} in {path} are damaged",
                hint="run the command again: it computes them again",
            )

    def _contents(self) -> dict[str, Mapping[str, Any]]:
        read = {unit.key: self.markers.read(unit.key) for unit in self.units}
        return {key: content for key, content in read.items() if content is not None}

    def _has_result(self, unit: Unit[StorePart]) -> bool:
        content = self.markers.read(unit.key)
        if content is None:
            return False
        return content["store"] is None or (self.folder / content["store"]).is_file()

    @property
    def _merged_key(self) -> str:
        return f"merged.{fingerprint([unit.key for unit in self.units])[:_KEY_DIGITS]}"

    def _merged_store(self) -> Path | None:
        content = self.markers.read(self._merged_key)
        path = None if content is None else self.name.with_name(str(content.get("store")))
        return path if path is not None and read_index(path) is not None else None

    def _made_at_once(self) -> bool:
        """Whether one process made a store of just these names."""
        if self._merged_store() is not None:
            return False
        names = [clip.name for clip in self.clips]
        for path in find_stores(self.name)[:1]:
            index = read_index(path)
            same = index is not None and index.parameters == self.recipe.fingerprint
            if index is not None and same and [entry.name for entry in index.entries] == names:
                return True
        return False


def extract_part(part: StorePart, _: Events) -> dict[str, Any]:
    """Extract one unit; what its marker shall hold. May run in a worker."""
    extraction = extract_features(
        part.clips, part.name, recipe=part.recipe, executor=SerialExecutor(), skip_bad=True
    )
    return {
        "store": None if extraction.path is None else extraction.path.name,
        "computed": extraction.computed,
        "reused": extraction.reused,
        "skipped": list(extraction.skipped),
    }
