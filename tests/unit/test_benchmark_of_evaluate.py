"""The benchmark must not rot: it runs once at a tiny size; nothing of its times is asserted."""

from tests.benchmarks import evaluate


def test_evaluate() -> None:
    figures = evaluate.run(repeats=1, clips=6, resamples=10, peers=False)
    measured = {name: cost for name, cost in figures.items() if isinstance(cost, dict)}
    assert "generated_a: intervals" in measured
    assert "comparison of two" in measured
    assert all(c["seconds"] > 0 for name, c in measured.items() if name != "targets_seconds")
