"""S3 on loopback: moto's server, and the environment that points to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import requests

BUCKET = "recordings"


@contextmanager
def s3_server() -> Iterator[str]:
    """Run a server with an empty bucket; gives its address."""
    import s3fs
    from moto.server import ThreadedMotoServer

    s3fs.S3FileSystem.clear_instance_cache()  # those of another server

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    environment = {
        "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": address,
    }  # fmt: skip
    try:
        with mock.patch.dict(os.environ, environment):
            # Servers of one process have one memory.
            requests.post(f"{address}/moto-api/reset", timeout=30).raise_for_status()
            files().mkdir(BUCKET)
            yield address
    finally:
        server.stop()


def files() -> Any:
    """The file system of the server."""
    import s3fs

    return s3fs.S3FileSystem(skip_instance_cache=True)


def upload(folder: Path, prefix: str) -> str:
    """Copy a folder below a prefix of the bucket; gives its URL."""
    system = files()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            system.pipe_file(f"{BUCKET}/{prefix}/{name}", path.read_bytes())
    return f"s3://{BUCKET}/{prefix}"
