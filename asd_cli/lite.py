"""Decisions by an exported model; needs numpy, onnxruntime and soundfile alone, may be copied out.

``asd export --machine NAME -o X.onnx`` writes a model. ``python -m asd_cli.lite X.onnx clip.wav``
prints a JSON line for each file, and ``python -m asd_cli.lite X.onnx - --rate 48000`` one for each
clip of 16-bit samples from stdin, with the machine's alarm where the file holds its rule.
"""

import argparse
import json
import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any, BinaryIO

import numpy as np
import onnxruntime
import soundfile

Row = dict[str, Any]
_DOMAINS = ("", "source", "target")


class Model:
    """An exported model; `meta` holds its metadata, ``asd.sample_rate`` as ``sample_rate``."""

    def __init__(self, path: str | bytes, alpha: float | None = None, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.enable_mem_pattern, options.log_severity_level = False, 3
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        known = self.session.get_modelmeta().custom_metadata_map
        self.meta: Row = {key.removeprefix("asd."): json.loads(known[key]) for key in known}
        self.rate: int = self.meta["sample_rate"]
        self.alpha = float(self.meta["alpha"] if alpha is None else alpha)
        self.clip_seconds = float(self.meta.get("clip_seconds", np.inf))

    def score(self, wave: Any, **known: str) -> Row:
        """Score samples [n] of full scale 1 at the model's rate; `known` is section and domain."""
        samples, needed = np.asarray(wave, np.float32), self.meta["min_samples"]
        if len(samples) < needed or not np.isfinite(samples).all():
            raise ValueError(f"{len(samples)} samples; {needed} that are finite are needed")
        sections, section = self.meta["sections"], known.get("section", "")
        if len(sections) > 1 and section not in sections:
            raise ValueError(f"section {section or '(none)'} is none of {', '.join(sections)}")
        given: Row = {
            "wave": samples[None],
            "section": np.array([sections.index(section) if len(sections) > 1 else 0], np.int64),
            "domain": np.array([_DOMAINS.index(known.get("domain", ""))], np.int64),
            "alpha": np.array(self.alpha, np.float64),
        }
        entries = [*self.session.get_inputs(), *self.session.get_overridable_initializers()]
        outputs = [entry.name for entry in self.session.get_outputs()]
        found = self.session.run(outputs, {entry.name: given[entry.name] for entry in entries})
        row: Row = {name: own[0].tolist() for name, own in zip(outputs, found, strict=True)}
        excess = row.pop("band_excess", None)
        return row if excess is None else {**row, "reason": self._reason(np.array(excess))}

    def _reason(self, excess: Any) -> str:
        spreads = np.abs(excess) / np.maximum(self.meta["band_spread_db"], 1.0)
        band = int(np.argmax(spreads))
        if spreads[band] < 3.0:
            return "no band stands out on average"
        low, high = (self.meta["band_edges_hz"][band + n] / 1000 for n in (0, 1))
        side = "louder" if excess[band] > 0 else "quieter"
        return f"{low:.2g}–{high:.2g} kHz: {abs(excess[band]):.0f} dB {side} than normal"

    def score_file(self, path: str, **known: str) -> Row:
        """Score a file: cut into clips as in training; the worst one decides, as in `asd score`."""
        with soundfile.SoundFile(path) as file:
            seconds = file.frames / file.samplerate
            if seconds < (shortest := 0.5 * self.meta.get("min_seconds", 0.0)):
                raise ValueError(f"{seconds:.2f} s; {shortest:.2g} s or more are needed")
            parts = []
            for start, length in cuts(seconds, self.clip_seconds):
                file.seek(round(start * file.samplerate))
                frames = file.frames if length is None else round(length * file.samplerate)
                wave = self.prepare(file.read(frames, "float32", always_2d=True), file.samplerate)
                parts.append({"start": round(start, 3), **self.score(wave, **known)})
        # Of several parts one is rare more often, by how independent they are.
        independent = 1 + (len(parts) - 1) * (1.0 - self.meta.get("part_correlation", 0.0) ** 2)
        for part in parts if self.alpha else ():
            part["anomalous"] = min(1.0, part["p_value"] * independent) <= self.alpha
        worst = min(parts, key=lambda part: part["p_value"])
        p_value = min(1.0, worst["p_value"] * independent)
        return {"file": path, **worst, "p_value": p_value, "parts": parts}

    def prepare(self, samples: Any, rate: int) -> Any:
        """Choose the model's channel of samples [n, channels], and bring them to its rate."""
        count, channel = samples.shape[1], self.meta["channel"]
        mean = channel == "mean"
        if not mean and (count > 1 if channel is None else channel >= count):
            raise ValueError(f"{count} channels; the model uses channel {channel}")
        wave = samples.mean(axis=1, dtype=np.float32) if mean else samples[:, channel or 0]
        if rate < self.rate or (rate > self.rate and find_spec("soxr") is None):
            raise ValueError(f"{rate} Hz; {self.rate} Hz are needed (soxr converts from above)")
        if rate != self.rate:
            from soxr import resample

            wave = resample(np.ascontiguousarray(wave), rate, self.rate, quality="HQ")
        return wave

    def score_stream(self, stream: BinaryIO, rate: int = 0, channels: int = 1) -> Iterator[Row]:
        """Score each clip of a stream of little-endian 16-bit samples as it is complete."""
        rule, rate, number, done = self.meta.get("alarm_rule"), rate or self.rate, 0, 0
        alarm = Alarm(rule) if rule else None
        while True:
            end = round((number + 1) * self.clip_seconds * rate)
            content = stream.read((end - done) * 2 * channels)
            if len(content) < (end - done) * 2 * channels:
                return
            samples = np.frombuffer(content, "<i2").reshape(-1, channels) / np.float32(32768)
            row = self.score(self.prepare(samples, rate))
            row["start"], number, done = round(number * self.clip_seconds, 3), number + 1, end
            yield {**row, "state": alarm.step(row["score"], row.get("level_db"))} if alarm else row


class Alarm:
    """The alarm rule of `asd watch` (``asd.alarm-rule/1``), one clip at a time."""

    def __init__(self, rule: Mapping[str, Any]) -> None:
        self.rule, self.total, self.recent = rule, 0.0, [False]
        self.waited = self.taken = self.calm = self.at_limit = 0
        self.ringing = self.warned = False

    def step(self, score: float | None, level: float | None = None) -> str:
        """Take score and level in dB of a clip, None where unknown; gives the machine's state."""
        rule, self.waited, low = self.rule, self.waited + 1, self.rule["off_below"]
        if score is None or (level is not None and low is not None and level < low):
            return "alarm" if self.ringing else "sensor" if score is None else "off"
        p = rule["p_values"][bisect_left(rule["scores"], score)]
        self.recent = [*self.recent, p <= rule["count_p"]][-(rule["window"] or 1) :]
        if self.taken == 0 or self.waited >= rule["every"]:
            self.waited, self.taken = 0, self.taken + 1
            self._bet(p)
        if rule["p_values"][-1] >= 0.25 and not rule["count"]:
            return "learning"
        rung, ended = self.at_limit >= rule["ring_after"], self.total == 0.0
        self.warned = self.total >= rule["warning_at"] or (self.warned and not ended)
        if rule["window"]:
            rung, ended = sum(self.recent) >= rule["count"], not any(self.recent)
            self.warned = not ended
        self.ringing = rung or (self.ringing and (rule["latch"] or not ended))
        return "alarm" if self.ringing else "warning" if self.warned else "normal"

    def _bet(self, p: float) -> None:
        self.total = min((self.total + 1.0) * 0.5 * p**-0.5, self.rule["alarm_at"])
        self.calm = self.calm + 1 if p > 0.1 else 0
        held = self.ringing and self.rule["latch"]
        if self.calm >= self.rule["clear_after"] and (self.ringing or self.warned) and not held:
            self.total, self.calm = 0.0, 0
        self.at_limit = self.at_limit + 1 if self.total >= self.rule["alarm_at"] else 0


def cuts(seconds: float, clip_seconds: float) -> Iterator[tuple[float, float | None]]:
    """Cut a file into clips: start and length of each, in seconds; None for all of it."""
    complete = int(seconds // clip_seconds) if seconds > clip_seconds * 1.01 else 0
    yield from ((number * clip_seconds, clip_seconds) for number in range(complete))
    if not complete:
        yield 0.0, None
    elif seconds - complete * clip_seconds > 0.01 * clip_seconds:
        yield round(seconds - clip_seconds, 6), clip_seconds


_OPTIONS: Mapping[str, Any] = {
    "model": {"help": "file of asd export"},
    "sounds": {"nargs": "+", "help": "sound files, or - for samples from stdin"},
    "--alpha": {"type": float, "help": "false-alarm rate [that of the model]"},
    "--section": {"default": "", "help": "of the clips, where the model has several"},
    "--domain": {"default": "", "choices": _DOMAINS},
    "--rate": {"type": int, "default": 0, "help": "of stdin, in Hz [that of the model]"},
    "--channels": {"type": int, "default": 1, "help": "of stdin"},
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 9 where something is anomalous, 3 for unusable sound."""
    parser = argparse.ArgumentParser("asd_cli.lite", description="Score by an exported model.")
    for name, facts in _OPTIONS.items():
        parser.add_argument(name, **facts)
    given = parser.parse_args(arguments)
    known, status = {"section": given.section, "domain": given.domain}, 0
    try:
        model = Model(given.model, given.alpha)
    except Exception as error:  # noqa: BLE001 - the runtime has types of its own
        print(f"{given.model}: {error}", file=sys.stderr)
        return 3
    for sound in given.sounds:
        rows = model.score_stream(sys.stdin.buffer, given.rate, given.channels)
        if sound != "-":
            rows = (model.score_file(path, **known) for path in (sound,))
        try:
            for row in rows:
                if not row["anomalous"]:  # normal clips differ among themselves
                    row.pop("reason", None)
                print(json.dumps(row, ensure_ascii=False), flush=True)
                status = max(status, 9 if row["anomalous"] else 0)
        except (ValueError, soundfile.LibsndfileError, OSError) as error:
            print(f"{sound}: {error}", file=sys.stderr)
            status = max(status, 3)
    return status


if __name__ == "__main__":
    sys.exit(main())
