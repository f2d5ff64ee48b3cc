"""The records of DCASE 2021 Task 2, and one of 2023, small: real names, folders and archives."""

import io
import zipfile
from pathlib import Path

from asd_cli.core.types import Mode
from asd_cli.datasets.dcase.editions import load_edition
from tests.support.editions import write_edition
from tests.support.recordings import write_machine

_TEST = 3


def make_records(
    folder: Path, *, machines: tuple[str, ...] = ("fan", "valve")
) -> dict[int, dict[str, bytes]]:
    """Record id to archive name to bytes."""
    records: dict[int, dict[str, bytes]] = {4562016: {}, 4660992: {}, 4884786: {}, 5257674: {}}
    labels: dict[str, str] = {}
    for machine in machines:
        dev = write_machine(folder / "dev", machine, train=4, test=_TEST, seconds=2.5)
        records[4562016][f"dev_data_{machine}.zip"] = _zip(folder / "dev", dev)
        held = write_machine(
            folder / "eval",
            machine,
            sections=("03", "04"),
            train=4,
            test=_TEST,
            labels=False,
            seconds=2.5,
        )
        records[4660992][f"eval_data_{machine}_train.zip"] = _zip(folder / "eval", held / "train")
        tests = [held / "source_test", held / "target_test"]
        records[4884786][f"eval_data_{machine}_test.zip"] = _zip(folder / "eval", *tests)
        for section in ("03", "04"):
            for domain in ("source", "target"):
                labels[f"ground_truth_{machine}_section_{section}_{domain}_test.csv"] = "".join(
                    f"section_{section}_{domain}_test_{n:04d}.wav,{int(n >= _TEST)}\r\n"
                    for n in range(2 * _TEST)
                )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in labels.items():
            archive.writestr(f"ground_truth_data/{name}", text)
    records[5257674]["dcase2021_task2_ground_truth.zip"] = stream.getvalue()
    later = load_edition("dcase2023")
    write_edition(folder / "dev2023", later, Mode.DEV, machines=("fan",), seconds=2.5)
    records[later.stages["dev"].record] = {
        "dev_fan.zip": _zip(folder / "dev2023", folder / "dev2023" / "fan")
    }
    return records


def _zip(root: Path, *folders: Path) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in folders:
            for path in sorted(folder.rglob("*.wav")):
                archive.write(path, path.relative_to(root))
    return stream.getvalue()
