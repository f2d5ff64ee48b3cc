"""Recordings in an object store give the bytes that they give on a disk."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import asd_cli as asd
from asd_cli.core import remote
from asd_cli.core.errors import DataError, NetworkError, UsageError
from asd_cli.core.remote import list_below, read_object, read_range, url_of, write_object
from asd_cli.core.types import Split
from asd_cli.datasets.folder import FolderDataset
from asd_cli.execution.executor import Engine
from asd_cli.services.pack import PackRequest, pack
from asd_cli.services.score import score
from asd_cli.services.train import train
from tests.support.object_store import BUCKET, s3_server, upload
from tests.support.recordings import tone, write_machine, write_wav
from tests.unit.services.test_several_machines import outputs


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as address:
        yield address


@pytest.fixture(autouse=True)
def _new_lists() -> None:
    remote.forget_listings()


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for machine in ("fan", "pump"):
        write_machine(folder, machine, train=3, test=1, seconds=1.0)
    return folder


def request(data: str, folder: Path, **changes: object) -> asd.RunRequest:
    places = [f"{name}_directory={folder / name}" for name in ("cache", "model", "result", "eval")]
    loaded = asd.load_settings(
        overrides=[*places, f"dev_directory={data}", "detector=pooled-knn", "feature.n_mels=32"]
    )
    return asd.RunRequest(settings=loaded.settings, jobs=1, **changes)  # type: ignore[arg-type]


def run(data: str, folder: Path, **changes: object) -> dict[str, bytes]:
    asked = request(data, folder, **changes)
    executor = asked.make_executor()
    train(asked, executor=executor)
    score(asked, executor=executor)
    executor.close()
    found = outputs(folder)
    return {name: found[name] for name in found if not name.startswith("cache")}


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_folders_and_shards_in_a_store_give_the_bytes_of_the_disk(
    recordings: Path, tmp_path: Path
) -> None:
    alone = run(str(recordings), tmp_path / "disk")
    url = upload(recordings, "data")
    shards = f"s3://{BUCKET}/shards"
    packed = pack(
        PackRequest(
            sources=(Path(url),), output=f"{shards}/{{000..}}.tar", shard_bytes=10**6, jobs=1
        )
    )
    assert len(packed.shards) > 1
    assert not [name for name in list_below(Path(shards)) if name.endswith(".tmp")]
    found = [
        run(url, tmp_path / "objects"),
        run(shards, tmp_path / "shards"),
        run(shards, tmp_path / "dask", engine=Engine.DASK),
    ]
    for left in found:
        other = {name: left[name] for name in left if not name.endswith(".claim")}
        assert other.keys() == alone.keys()
        assert [name for name in alone if other[name] != alone[name]] == []


@pytest.mark.usefixtures("server")
def test_a_folder_is_listed_once(recordings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = Path(upload(recordings, "listed"))
    import s3fs

    listed: list[str] = []
    find = s3fs.S3FileSystem.find

    def counting(self: object, path: str, **options: object) -> object:
        listed.append(path)
        return find(self, path, **options)

    monkeypatch.setattr(s3fs.S3FileSystem, "find", counting)
    layout = asd.pipeline.layout.Layout(request(str(url), Path("unused")).settings, asd.Mode.DEV)
    for machine in layout.machines(()):
        for split in Split:
            assert layout.dataset.clips(machine, split)
    assert listed == [f"{BUCKET}/listed"]


@pytest.mark.usefixtures("server")
def test_own_machines_are_trained_on_and_scored_from_a_store(tmp_path: Path) -> None:
    for number in range(8):
        write_wav(tmp_path / "data" / f"{number}.wav", tone(440.0, seconds=4, seed=number))
    url = upload(tmp_path / "data", "own")
    settings = asd.load_settings(
        overrides=[f"{n}_directory={tmp_path / n}" for n in ("cache", "model", "result")]
    ).settings
    model = asd.train(
        Path(url), machine="fan-3", settings=settings, clip_seconds=2, detector="robust"
    )
    scores = model.score([f"{url}/0.wav"])
    assert len(scores) == 1
    assert len(model.training_scores) == 16


@pytest.mark.usefixtures("server")
def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no recordings"):
        FolderDataset(root=Path(f"s3://{BUCKET}/nothing"), machine="fan").clips("fan", Split.TRAIN)
    with pytest.raises(DataError, match=f"there is no s3://{BUCKET}/a.wav"):
        read_object(Path(f"s3://{BUCKET}/a.wav"))
    with pytest.raises(DataError, match="there is no data folder"):
        train(request("s3://no-such-bucket/x", tmp_path))


def test_a_store_that_does_not_answer_is_a_network_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1",
    }.items():  # fmt: skip
        monkeypatch.setitem(os.environ, name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(NetworkError, match="s3://nowhere/data cannot be reached") as caught:
        list_below(Path("s3://nowhere/data"))
    s3fs.S3FileSystem.clear_instance_cache()
    assert "AWS_ENDPOINT_URL" in str(caught.value.hint)


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_objects_are_written_whole_and_read_in_parts(tmp_path: Path, kind: str) -> None:
    root = Path(f"memory://{tmp_path.name}" if kind == "memory" else f"file://{tmp_path}")
    content = bytes(range(256)) * 10
    write_object(root / "folder" / "object", content)
    (tmp_path / "other").write_bytes(content[::-1])
    write_object(root / "second", tmp_path / "other")
    assert {"folder/object", "second"} <= set(list_below(root))
    assert not [name for name in list_below(root) if name.endswith(".tmp")]
    assert read_object(root / "folder" / "object") == content
    assert read_range(root / "second", 100, 7) == content[::-1][100:107]
    assert read_range(root / "second", 90, 7) == content[::-1][90:97]


def test_an_object_is_read_in_windows_that_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_MIN_WINDOW", 10)
    monkeypatch.setattr(remote, "_MAX_WINDOW", 40)
    content = bytes(range(256)) * 4
    path = Path("memory://windows/object")
    write_object(path, content)
    for start, size in [(0, 3), (3, 20), (23, 100), (500, 7), (507, 400), (20, 5), (1000, 100)]:
        assert read_range(path, start, size) == content[start : start + size], start
    whole = b"".join(read_range(path, start, 13) for start in range(0, len(content), 13))
    assert whole == content


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("s3://bucket/a/b.wav", "s3://bucket/a/b.wav"),
        ("memory://a", "memory://a"),
        ("file:///tmp/a", "file:///tmp/a"),
        ("recordings/s3:/a", None),
        ("C:/a", None),
    ],
)
def test_which_paths_are_urls(text: str, url: str | None) -> None:
    assert url_of(Path(text)) == url


def test_a_store_whose_package_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(UsageError, match="needs a package") as caught:
        list_below(Path("s3://bucket/other"))
    assert caught.value.hint == "pip install 'asd-cli[s3]'"


@pytest.mark.parametrize("key", ["cache_directory", "model_directory", "result_directory"])
def test_folders_that_are_written_to_are_of_this_machine(key: str) -> None:
    with pytest.raises(UsageError, match=f"{key}.*s3://bucket/folder.*shared disk"):
        asd.load_settings(overrides=[f"{key}=s3://bucket/folder"])
