"""Benchmarks must not rot: each runs once at a tiny size; nothing of their times is asserted."""

from tests.benchmarks import compute


def test_compute() -> None:
    comparisons = compute.run(tiny=True)
    assert [c.step for c in comparisons] == ["extraction", "training step", "scoring"]
    assert all(c.ours_s > 0 and c.theirs_s > 0 for c in comparisons)
    assert "| extraction |" in compute.as_markdown(comparisons)
