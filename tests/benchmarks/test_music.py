"""The counts that are mixed, on cases by hand."""

import numpy as np
import pytest

import music

PIECE = [(0, 1.0), (2, 0.5), (None, 1.5), (4, 2.0)]  # pitch and quarters


def test_a_length_follows_its_pitch():
    assert music.interleave([1, 7, 8, 2], [1, 4, 5, 2], n_pitches=10) == [1, 7, 14, 8, 15, 2, 12]


@pytest.mark.parametrize(
    ("bar", "places"), [(1, [0, 0, 0, 0]), (12, [4, 6, 0, 8]), (32, [4, 6, 12, 20])]
)
def test_a_length_is_joined_by_the_place_where_it_ends(bar, places):
    lengths = [1, 5, 4, 6, 7, 2]  # the start, four notes, the end
    ids = music.in_bars(lengths, PIECE, bar, n_lengths=10)
    assert [token % 10 for token in ids] == lengths
    assert [token // 10 for token in ids] == [0, *places, 0]
    assert music.in_bars(lengths[:3], PIECE[:2], bar, n_lengths=10) == ids[:3]


def test_the_weights_are_those_that_made_the_tokens():
    rng, models = np.random.default_rng(0), np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [1, 0, 0]])
    tokens = rng.choice(3, 20_000, p=[0.25, 0.75, 0] @ models)
    np.testing.assert_allclose(music.fit_mixture(models[:, tokens]), [0.25, 0.75, 0], atol=0.05)


def test_what_comes_after_a_note_has_at_most_the_whole_probability(monkeypatch):
    """Of all lengths, each with the one place that it can end on."""
    parts, n_lengths = music.columns("relative", 0)[1]
    piece, row = music.read("relative", 0)[2][0], parts[2][0]
    quarters = {n: q for n, (_, q) in zip(row[1:-1], piece, strict=True)}
    streams = music.lengths_in_bars("relative", 0)
    models, p = music.count(streams)
    assert p["test"].shape == (len(music.BARS) * len(music.MIXED), sum(map(len, parts[2])) - 57)
    for model, bar in zip(models, music.BARS, strict=True):
        after = [
            music.in_bars([*row[:5], n], [*piece[:4], (None, q)], bar, n_lengths)
            for n, q in quarters.items()
        ]
        said = np.exp([logs[-1] for logs in model.log_probabilities(after, 3)])
        assert 0.5 < said.sum() <= 1
