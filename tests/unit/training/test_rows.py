"""Rows that are kept are those that are gathered; kept on a CPU here, where no CUDA device is."""

import numpy as np
import pytest
import torch

from asd_cli.training.rows import Rows

CPU = torch.device("cpu")
DATA = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)


@pytest.mark.parametrize("data", [DATA, DATA[:, ::-1]])
def test_kept_rows_are_the_gathered_ones(data: np.ndarray) -> None:
    chosen = np.array([[3, 4, 5], [19, 0, 3]])
    kept, gathered = Rows(data, CPU, keep=True)[chosen], Rows(data, CPU, keep=False)[chosen]
    assert kept.shape == (2, 3, 6)
    torch.testing.assert_close(kept, gathered, rtol=0, atol=0)
    np.testing.assert_array_equal(kept.numpy(), data[chosen])


def test_a_cpu_keeps_nothing_and_a_graphics_processor_what_it_has_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from asd_cli.training.rows import _has_room

    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1000, 4000))
    assert not _has_room(CPU, 1)
    assert _has_room(torch.device("cuda"), 499)
    assert not _has_room(torch.device("cuda"), 501)
