"""Decisions by an exported model; needs numpy, onnxruntime and soundfile alone, may be copied out.

``asd export --machine NAME -o X.onnx`` writes a model. ``python -m asd_cli.lite X.onnx clip.wav``
prints a JSON line for each file, and ``python -m asd_cli.lite X.onnx - --rate 48000`` one for each
clip of 16-bit samples from stdin, with the machine's alarm where the file holds its rule. Exit
status: 9 where something is anomalous, 3 for unusable sound, 2 for a wrong command, or 0.
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


class UnusableError(ValueError):
    """Sound that cannot be scored; says why."""


class Model:
    """An exported model; `meta` holds its metadata, ``asd.sample_rate`` as ``sample_rate``."""

    def __init__(self, path: str, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = threads
        options.enable_cpu_mem_arena, options.log_severity_level = False, 3
        self.session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
        known = self.session.get_modelmeta().custom_metadata_map
        self.meta: Row = {key.removeprefix("asd."): json.loads(known[key]) for key in known}
        self.rate, self.alpha = int(self.meta["sample_rate"]), float(self.meta["alpha"])
        self.clip_seconds = float(self.meta.get("clip_seconds", np.inf))

    def score(self, wave: Any, alpha: float | None = None, **known: str) -> Row:
        """Score samples [n] of full scale 1 at the model's rate; `alpha` asks for another rate.

        `known` is section and domain. Gives score, p_value, anomalous, and what would be a reason.
        """
        samples, needed = np.asarray(wave, np.float32), self.meta["min_samples"]
        if len(samples) < needed or not np.isfinite(samples).all():
            raise UnusableError(f"{len(samples)} samples; {needed} that are finite are needed")
        sections, section = self.meta["sections"], known.get("section", "")
        if len(sections) > 1 and section not in sections:
            raise UnusableError(f"section {section or '(none)'} is none of {', '.join(sections)}")
        domain = ("", "source", "target").index(known.get("domain", ""))
        given: Row = {
            "wave": samples[None],
            "section": np.array([sections.index(section) if len(sections) > 1 else 0], np.int64),
            "domain": np.array([domain], np.int64),
            "alpha": np.array(self.alpha if alpha is None else alpha, np.float64),
        }
        entries = [*self.session.get_inputs(), *self.session.get_overridable_initializers()]
        outputs = [entry.name for entry in self.session.get_outputs()]
        found = self.session.run(outputs, {entry.name: given[entry.name] for entry in entries})
        row: Row = {name: own[0] for name, own in zip(outputs, found, strict=True)}
        excess = row.pop("band_excess", None)
        plain = {name: value.item() for name, value in row.items()}
        return plain if excess is None else {**plain, "reason": self._reason(excess)}

    def _reason(self, excess: Any) -> str:
        """Say which band differs most, in units of what normal clips differ by."""
        spreads = np.abs(excess) / np.maximum(self.meta["band_spread_db"], 1.0)
        band, edges = int(np.argmax(spreads)), self.meta["band_edges_hz"]
        if spreads[band] < 3.0:
            return "no band stands out on average"
        side = "louder" if excess[band] > 0 else "quieter"
        where = f"{edges[band] / 1000:.2g}–{edges[band + 1] / 1000:.2g} kHz"
        return f"{where}: {abs(excess[band]):.0f} dB {side} than normal"

    def score_file(self, path: str, alpha: float | None = None, **known: str) -> Row:
        """Score a file: cut into clips as in training; the worst one decides, as in `asd score`."""
        rate = self.alpha if alpha is None else alpha
        with soundfile.SoundFile(path) as file:
            seconds = file.frames / file.samplerate
            shortest = 0.5 * float(self.meta.get("min_seconds", 0.0))
            if seconds < shortest:
                raise UnusableError(f"{seconds:.2f} s; the model needs {shortest:.2g} s or more")
            parts = []
            for start, length in cuts(seconds, self.clip_seconds):
                file.seek(round(start * file.samplerate))
                frames = file.frames if length is None else round(length * file.samplerate)
                wave = self.prepare(file.read(frames, "float32", always_2d=True), file.samplerate)
                parts.append({"start": round(start, 3), **self.score(wave, rate, **known)})
        # Of several parts one is rare more often, by how independent they are.
        correlation = self.meta.get("part_correlation", 0.0)
        independent = 1.0 + (len(parts) - 1) * (1.0 - correlation**2)
        for part in parts if rate > 0 else ():
            part["anomalous"] = min(1.0, part["p_value"] * independent) <= rate
        worst = min(parts, key=lambda part: part["p_value"])
        corrected = {"p_value": min(1.0, worst["p_value"] * independent)}
        return {"file": path, **worst, **corrected, "parts": parts}

    def prepare(self, samples: Any, rate: int) -> Any:
        """Choose the model's channel of samples [n, channels], and bring them to its rate."""
        channel = self.meta["channel"]
        if channel == "mean" or (channel is None and samples.shape[1] == 1):
            wave = samples.mean(axis=1, dtype=np.float32)
        elif isinstance(channel, int) and channel < samples.shape[1]:
            wave = samples[:, channel]
        else:
            raise UnusableError(f"{samples.shape[1]} channels; the model uses channel {channel}")
        if rate == self.rate:
            return wave
        if rate < self.rate or find_spec("soxr") is None:
            raise UnusableError(f"{rate} Hz; {self.rate} Hz are needed (soxr converts from above)")
        import soxr

        return soxr.resample(np.ascontiguousarray(wave), rate, self.rate, quality="HQ")

    def score_stream(
        self, stream: BinaryIO, rate: int, channels: int = 1, alpha: float | None = None
    ) -> Iterator[Row]:
        """Score each clip of a stream of little-endian 16-bit samples as it is complete."""
        document = self.meta.get("alarm_rule")
        alarm = Alarm(document) if document else None
        number, done = 0, 0
        while True:
            end = round((number + 1) * self.clip_seconds * rate)
            content = stream.read((end - done) * 2 * channels)
            if len(content) < (end - done) * 2 * channels:
                return
            samples = np.frombuffer(content, "<i2").reshape(-1, channels) / np.float32(32768)
            row = self.score(self.prepare(samples, rate), alpha)
            row["start"], number, done = round(number * self.clip_seconds, 3), number + 1, end
            yield {**row, "state": alarm.step(row["score"])} if alarm else row


class Alarm:
    """The alarm rule of `asd watch` (``asd.alarm-rule/1``), for clips that could be scored."""

    def __init__(self, rule: Mapping[str, Any]) -> None:
        self.rule, self.total = rule, 0.0
        self.waited = self.taken = self.calm = self.at_limit = 0
        self.ringing = self.warned = False
        self.recent: list[bool] = []

    def step(self, score: float) -> str:
        """Take the score of the next clip; gives learning, normal, warning or alarm."""
        rule, self.waited = self.rule, self.waited + 1
        p = rule["p_values"][bisect_left(rule["scores"], score)]
        if rule["window"]:
            self.recent = [*self.recent, p <= rule["count_p"]][-rule["window"] :]
        if self.taken == 0 or self.waited >= rule["every"]:
            self.waited, self.taken = 0, self.taken + 1
            self._bet(p)
        if rule["p_values"][-1] >= 0.25 and not rule["count"]:
            return "learning"
        if rule["window"]:
            rung, ended = sum(self.recent) >= rule["count"], not any(self.recent)
            self.warned = any(self.recent)
        else:
            rung, ended = self.at_limit >= rule["ring_after"], self.total == 0.0
            self.warned = self.total >= rule["warning_at"] or (self.warned and self.total > 0.0)
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
    if seconds <= clip_seconds * 1.01:
        yield 0.0, None
        return
    complete = int(seconds // clip_seconds)
    yield from ((number * clip_seconds, clip_seconds) for number in range(complete))
    if seconds - complete * clip_seconds > 0.01 * clip_seconds:
        yield round(seconds - clip_seconds, 6), clip_seconds


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser("asd_cli.lite", description="Score by an exported model.")
    parser.add_argument("model", help="file of asd export")
    parser.add_argument("sounds", nargs="+", help="sound files, or - for samples from stdin")
    parser.add_argument("--alpha", type=float, help="false-alarm rate [that of the model]")
    parser.add_argument("--section", default="", help="of the clips, where the model has several")
    parser.add_argument("--domain", default="", choices=("", "source", "target"))
    parser.add_argument("--rate", type=int, help="of stdin, in Hz [that of the model]")
    parser.add_argument("--channels", type=int, default=1, help="of stdin")
    given = parser.parse_args(arguments)
    model, status, known = Model(given.model), 0, {"section": given.section, "domain": given.domain}
    stream = (sys.stdin.buffer, given.rate or model.rate, given.channels, given.alpha)
    for sound in given.sounds:
        try:
            file = sound != "-"
            rows: Iterator[Row] = (
                model.score_file(sound, given.alpha, **known) for _ in range(file)
            )
            for row in rows if file else model.score_stream(*stream):
                print(json.dumps(row, ensure_ascii=False), flush=True)
                status = max(status, 9 if row["anomalous"] else 0)
        except (UnusableError, soundfile.LibsndfileError, OSError) as error:
            print(f"{sound}: {error}", file=sys.stderr)
            status = max(status, 3)
    return status


if __name__ == "__main__":
    sys.exit(main())
