"""Record or check what whole runs write: every CSV, model tensor, feature and JSON document.

Run it before and after a change of the code that must not change a result::

    python -m tests.golden.whole_runs record   # writes tests/golden/whole_runs.json
    python -m tests.golden.whole_runs check    # compares with it; exit 1 where anything differs

The recordings are made here from a seed, and the command line alone is used, so that the script
works on any version. Floating-point results depend on the processor and the libraries; both are
recorded, and a check on another platform says so instead of comparing.

Recorded again since version 0.1, each time with the differences looked at: decisions, precision,
recall and F1 of all detectors but the baselines (thresholds of the kind ``interval``), scores and
thresholds of the autoencoders (double precision), and what ``auto`` chooses (``robust``). Scores of
all other detectors are those of 0.1 to the last bit.

Not compared: models hold mel filters and a few normal clips as well (`ADDED`), ``asd detectors``
describes two of them in other words and lists others (`NEW_DETECTORS`), and ``asd select`` draws
its proxy outliers by the names of the clips alone and keeps the first candidate unless another is
better beyond chance.

What is left out on purpose: times, the manifest, the report's layout, the facts in a model file's
header, and the signature (it names versions and digests of settings).
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RECORD = Path(__file__).with_suffix(".json")
RATE = 16000
SECONDS = 1.5
LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "soundfile", "soxr")

# Tensors that models did not hold when the results were recorded.
ADDED = ("mel_filters", "normal.")
# Detectors that there were none of then.
NEW_DETECTORS = ("level", "level-octave", "fingerprint", "robust")
QUICK = (
    "fit.epochs=2", "fit.lr=0.001", "fit.batch_norm=recalibrate", "feature.n_frames=32",
    "feature.n_mels=64", "feature.n_hop_frames=4", "fit.batch_size=8",
    "discriminative.resolutions=[256]", "discriminative.sub_clusters=2",
)  # fmt: skip
NUMPY_DETECTORS = ("pooled-knn", "pooled-gmm", "pooled-speed", "texture", "pooled-speed,texture")
TORCH_DETECTORS = (
    "mobilenetv2", "mobilenetv2-knn", "mobilenetv2-lof", "mobilenetv2-gmm",
    "mobilenetv2-mahalanobis", "autoencoder", "autoencoder-mahalanobis", "discriminative",
    "pretrained", "autoencoder,pooled-knn", "auto",
)  # fmt: skip
VARIANTS = (
    ("pooled-knn", ("pooling.kind=max", "backend.density=4")),
    ("pooled-knn", ("backend.kind=lof", "backend.neighbors=3", "backend.distance=euclidean")),
    ("pooled-knn", ("backend.kind=mahalanobis", "backend.references=machine")),
    ("pooled-knn", ("backend.kind=kmeans", "backend.components=2", "backend.smote=0.5")),
    ("pooled-knn", ("backend.domains=minimum", "threshold=gamma", "threshold_groups=section")),
    ("pooled-knn", ("backend.domains=own", "seed=7", "feature.scale=linear")),
    ("pooled-knn,texture", ("ensemble.weights=[1,2]", "ensemble.normalization=rank")),
)


def run(*words: str) -> str:
    """Run one `asd` command in this process and give what it prints to stdout."""
    from asd_cli.__main__ import main

    out, err = io.StringIO(), io.StringIO()
    arguments, sys.argv = sys.argv, ["asd", *words]
    status: object = 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as ended:
        status = ended.code
    finally:
        sys.argv = arguments
    if status not in (0, None):
        raise RuntimeError(f"asd {' '.join(words)} ended with {status}:\n{err.getvalue()}")
    return out.getvalue()


def sound(seed: int, pitch: float, *, faulty: bool = False) -> npt.NDArray[np.int16]:
    """Make a tone in noise; a faulty one whistles and knocks as well."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(SECONDS * RATE)) / RATE
    samples = 0.3 * np.sin(2 * np.pi * pitch * time) + 0.05 * generator.standard_normal(len(time))
    samples *= 1 + 0.2 * np.sin(2 * np.pi * (7 + seed % 3) * time)
    if faulty:
        samples += 0.1 * np.sin(2 * np.pi * 3100 * time)
        samples[:: RATE // 10] += 0.4
    return np.asarray(np.clip(samples, -1, 1) * 16000, np.int16)


def write_wav(path: Path, samples: npt.NDArray[np.int16]) -> None:
    """Write 16-bit mono with the standard library."""
    import wave

    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def write_2021(root: Path, machine: str, sections: Sequence[str], *, labels: bool) -> None:
    """Write the recordings of a machine as DCASE 2021 names them, and their labels."""
    seed = sum(machine.encode())
    for section in sections:
        for domain, shift, count in (("source", 1.0, 8), ("target", 1.1, 3)):
            pitch = (400 + 300 * int(section)) * shift
            stem = f"section_{section}_{domain}"
            for number in range(count):
                seed += 1
                name = f"{stem}_train_normal_{number:04}_speed_{number % 2}.wav"
                write_wav(root / machine / "train" / name, sound(seed, pitch))
            rows = []
            for number in range(6):
                seed += 1
                faulty = number >= 3
                label = f"_{'anomaly' if faulty else 'normal'}" if labels else ""
                name = f"{stem}_test{label}_{number:04}.wav"
                write_wav(
                    root / machine / f"{domain}_test" / name, sound(seed, pitch, faulty=faulty)
                )
                rows.append(f"{name},{int(faulty)}\n")
            if not labels:
                truth = root / "ground_truth" / f"ground_truth_{machine}_{stem}_test.csv"
                truth.parent.mkdir(parents=True, exist_ok=True)
                truth.write_text("".join(rows))


def write_2020(root: Path) -> None:
    """Write the recordings of one machine type as DCASE 2020 names them."""
    seed = 2020
    for section in ("00", "02"):
        for number in range(8):
            seed += 1
            name = f"normal_id_{section}_{number:08}.wav"
            write_wav(root / "pump" / "train" / name, sound(seed, 500 + 200 * int(section)))
        for number in range(6):
            seed += 1
            faulty = number >= 3
            name = f"{'anomaly' if faulty else 'normal'}_id_{section}_{number:08}.wav"
            samples = sound(seed, 500 + 200 * int(section), faulty=faulty)
            write_wav(root / "pump" / "test" / name, samples)


def write_2023(root: Path) -> None:
    """Write the recordings of one machine type as DCASE 2023 names them, with attributes."""
    seed, rows = 2023, ["file_name,d1p,d1v"]
    for domain, count in (("source", 8), ("target", 3)):
        for number in range(count):
            seed += 1
            name = f"section_00_{domain}_train_normal_{number:04}_m-n_{'WX'[number % 2]}.wav"
            write_wav(root / "fan" / "train" / name, sound(seed, 450))
            rows.append(f"fan/train/{name},m-n,{'WX'[number % 2]}")
        for number in range(6):
            seed += 1
            faulty = number >= 3
            label = "anomaly" if faulty else "normal"
            name = f"section_00_{domain}_test_{label}_{number:04}_m-n_W.wav"
            write_wav(root / "fan" / "test" / name, sound(seed, 450, faulty=faulty))
            rows.append(f"fan/test/{name},m-n,W")
    (root / "fan" / "attributes_00.csv").write_text("\n".join(rows) + "\n")


def write_encoder(path: Path) -> None:
    """Export a tiny encoder: levels of eight pieces of a fixed projection."""
    import torch

    class Encoder(torch.nn.Module):
        def forward(self, waveform: torch.Tensor) -> torch.Tensor:
            spectrum = torch.fft.rfft(waveform[:, :16000]).abs()[:, :8000]
            return spectrum.reshape(len(waveform), 16, 500).mean(dim=2).log1p()

    example = (torch.zeros(1, int(SECONDS * RATE)),)
    program = torch.export.export(Encoder(), example, dynamic_shapes=({1: torch.export.Dim.AUTO},))
    torch.export.save(program, path)


def digest(content: bytes) -> str:
    """Give the first 16 hexadecimal digits of the SHA-256."""
    return hashlib.sha256(content).hexdigest()[:16]


def hash_tensors(path: Path) -> dict[str, str]:
    """Hash every tensor of a safetensors file by name."""
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        names = [name for name in file.keys() if not name.startswith(ADDED)]  # noqa: SIM118
        tensors = {name: file.get_tensor(name) for name in names}
    return {
        name: digest(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        for name, array in sorted(tensors.items())
    }


def hash_files(name: str, folders: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Hash every CSV and every tensor below some folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            place = f"{name}/{path.relative_to(folder.parent)}"
            if path.suffix == ".csv":
                yield place, digest(path.read_bytes())
            elif path.suffix == ".safetensors":
                for tensor, value in hash_tensors(path).items():
                    yield f"{place}:{tensor}", value


def hash_features(cache: Path) -> str:
    """Hash the rows of all clips, whatever the stores are called and which clips share one."""
    found = []
    for path in cache.rglob("*.npy"):
        rows = np.load(path, allow_pickle=False)
        index = json.loads(path.with_suffix(".json").read_text())
        for entry in index["entries"]:
            own = rows[entry["offset"] : entry["offset"] + entry["frames"]]
            found.append(f"{entry['name']} {entry['sha256']} {digest(own.tobytes())}")
    return digest("\n".join(sorted(found)).encode())


def without_changing_parts(text: str) -> str:
    """Remove from printed results what depends on versions, times and digests."""
    text = re.sub(r'"signature": "[^"]*"', '"signature": ""', text)
    text = re.sub(r'"seconds": [0-9.]+', '"seconds": 0', text)
    lines = [line for line in text.splitlines() if "edition:" not in line]
    return "\n".join(re.sub(r"\d+(\.\d+)? s\b", "", line).rstrip() for line in lines)


def by_score(printed: str) -> str:
    """Order candidates by score alone, without the keys that say which was chosen and why."""
    document = json.loads(printed)
    rows = sorted(document["candidates"], key=lambda row: (row["machine"], -row["score"]))
    ranks: dict[str, int] = {}
    for row in rows:
        del row["tied"], row["outcome"]
        row["rank"] = ranks[row["machine"]] = ranks.get(row["machine"], 0) + 1
    return json.dumps({**document, "candidates": rows}, indent=2)


def one_run(
    name: str, folder: Path, options: Sequence[str], detector: str
) -> Iterator[tuple[str, str]]:
    """Train, score and evaluate in folders of their own; give the hashes."""
    own = folder / name.replace("/", "_").replace(",", "_")
    common = [
        *options, "--set", f"model_directory={own / 'model'}", "--set",
        f"result_directory={own / 'result'}", "--detector", detector,
    ]  # fmt: skip
    run("train", *common, "--jobs", "1", "-q")
    run("score", *common, "--jobs", "1", "-q")
    # What a terminal shows is stored by itself: tests/cli/test_terminal.py.
    for form in ("json", "csv", "md", "latex"):
        printed = run("evaluate", *common, "--format", form)
        yield f"{name}/evaluate.{form}", digest(without_changing_parts(printed).encode())
    printed = run(
        "evaluate", *common, "--format", "json", "--confidence", "0.9", "--resamples", "50"
    )
    yield f"{name}/intervals.json", digest(without_changing_parts(printed).encode())
    run("report", *common, "--no-audio", "-q")
    yield from hash_files(name, [own / "model", own / "result"])


def whole_runs(folder: Path, *, torch_too: bool) -> Iterator[tuple[str, str]]:
    """Run everything in an empty folder; give the hash of each result by name."""
    dev, held_out = folder / "dev_data", folder / "eval_data"
    for machine in ("fan", "valve"):
        write_2021(dev, machine, ("00", "01"), labels=True)
    write_2021(held_out, "fan", ("03", "04"), labels=False)
    write_2020(folder / "dev_2020")
    write_2023(folder / "dev_2023")
    quick = [word for value in QUICK for word in ("--set", value)]
    places = [
        "--set", f"dev_directory={dev}", "--set", f"eval_directory={held_out}",
        "--set", f"cache_directory={folder / 'cache'}",
    ]  # fmt: skip
    base = [*quick, *places]
    run("extract", *base, "--jobs", "1", "-q")
    yield "features/2021", hash_features(folder / "cache")
    detectors = [*NUMPY_DETECTORS, *(TORCH_DETECTORS if torch_too else ())]
    for detector in detectors:
        options = list(base)
        if detector == "pretrained":
            write_encoder(folder / "encoder.pt2")
            options += ["--set", f"encoder.checkpoint={folder / 'encoder.pt2'}"]
        if detector == "auto":
            few = "['pooled-speed,texture','pooled-knn:pooling.kind=max','discriminative']"
            options += ["--set", f"select.candidates={few}"]
        yield from one_run(f"2021/{detector}", folder, options, detector)
    for number, (detector, settings) in enumerate(VARIANTS):
        options = [*base, *(word for value in settings for word in ("--set", value))]
        yield from one_run(f"variant{number}/{detector}", folder, options, detector)
    yield from one_run("2021-eval", folder, [*base, "--mode", "eval"], "pooled-speed,texture")
    for year, root in (("2020", folder / "dev_2020"), ("2023", folder / "dev_2023")):
        options = [
            *quick, "--edition", f"dcase{year}", "--set", f"dev_directory={root}",
            "--set", f"cache_directory={folder / 'cache'}",
        ]  # fmt: skip
        for detector in ("pooled-knn", "pooled-speed,texture"):
            yield from one_run(f"{year}/{detector}", folder, options, detector)
    few = "select.candidates=['pooled-speed','texture','pooled-knn:pooling.kind=max']"
    printed = run("select", *base, "--set", few, "--format", "json", "--jobs", "1")
    yield "select.json", digest(without_changing_parts(by_score(printed)).encode())
    listed = json.loads(run("detectors", "--format", "json"))["detectors"]
    kept = [
        {k: v for k, v in row.items() if k != "summary"}
        for row in listed
        if row["name"] not in NEW_DETECTORS
    ]
    yield "detectors.json", digest(json.dumps(kept, sort_keys=True).encode())


def this_platform() -> dict[str, str]:
    """Name what floating-point results depend on."""
    flags = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        found = re.search(r"^flags\s*:(.*)$", cpuinfo.read_text(), re.MULTILINE)
        wanted = {"avx2", "avx512f", "avx512_bf16", "fma"}
        flags = " ".join(sorted(wanted & set(found[1].split()))) if found else ""
    return {
        "machine": f"{platform.machine()} {flags}",
        **{name: version(name) for name in LIBRARIES},
    }


def differences(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """Say what differs, is missing or new, one line each."""
    lines = []
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            state = "missing" if name not in found else "new" if name not in wanted else "differs"
            lines.append(f"{state}: {name}")
    return lines


def collect(*, torch_too: bool) -> dict[str, str]:
    """Run everything in a temporary folder."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        try:
            return dict(whole_runs(Path(place), torch_too=torch_too))
        finally:
            os.chdir(before)


def main() -> int:
    """Record or check; gives the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("record", "check"))
    parser.add_argument("--numpy-only", action="store_true", help="leave detectors with torch out")
    chosen = parser.parse_args()
    found = collect(torch_too=not chosen.numpy_only)
    if chosen.what == "record":
        content: dict[str, Any] = {"platform": this_platform(), "results": found}
        RECORD.write_text(json.dumps(content, indent=0, sort_keys=True) + "\n")
        print(f"{len(found)} results recorded in {RECORD}")
        return 0
    known = json.loads(RECORD.read_text())
    if known["platform"] != this_platform():
        print(f"recorded on another platform, not compared: {known['platform']}")
        return 2
    wanted = known["results"]
    if chosen.numpy_only:
        wanted = {name: value for name, value in wanted.items() if name in found}
    lines = differences(wanted, found)
    print("\n".join(lines) or f"all {len(wanted)} results are equal")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
