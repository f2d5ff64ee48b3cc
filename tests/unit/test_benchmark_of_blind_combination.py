"""The bound on ensembles: the likelihood ratio is ahead, and the soft maximum is close to it."""

from tests.benchmarks.blind_combination import run


def test_no_combination_is_ahead_of_the_likelihood_ratio() -> None:
    rows = run(draws=20_000)
    for row in rows:
        assert row.best < row.single
        assert row.soft_maximum < row.best + 0.005
        assert row.soft_maximum > row.best - 0.02
    by_members = {(row.single, row.members): row.best for row in rows}
    assert by_members[0.85, 5] < by_members[0.85, 2]
