"""N-grams against a case worked by hand, and against the formulas written down naively."""

import collections

import numpy as np
import pytest

from gru_tf.text import NGrams

SEQUENCES = [[1, 4, 5, 4, 5], [1, 4, 4, 5]]
RNG = np.random.default_rng(0)
LONG = [[1, *RNG.integers(3, 9, RNG.integers(0, 30)) ** 2 // 10] for _ in range(60)]


def naive(sequences, order, n_tokens, smoothing, history, token):
    """Return the probability by dictionaries, one formula a line."""
    counts, before = collections.Counter(), collections.defaultdict(set)
    for sequence in sequences:
        sequence = [int(t) for t in sequence]
        for t in range(1, len(sequence)):
            for k in range(min(order, t + 1)):
                gram = tuple(sequence[t - k : t + 1])
                counts[gram] += 1
                if t - k > 0:
                    before[gram].add(sequence[t - k - 1])

    def table(k, top):
        grams = {g: c for g, c in counts.items() if len(g) == k + 1}
        if smoothing == "kneser-ney" and not top:
            grams = {g: len(before[g]) or c for g, c in grams.items()}
        return grams

    def p(k, top):
        if k < 0:
            return 1 / n_tokens
        grams, h = table(k, top), tuple(history[len(history) - k :])
        after = {g[-1]: c for g, c in grams.items() if g[:-1] == h}
        if k > len(history) or not after:
            return p(k - 1, False)
        total, c = sum(after.values()), after.get(token, 0)
        if smoothing == "witten-bell":
            return (c + len(after) * p(k - 1, False)) / (total + len(after))
        n = [sum(count == i for count in grams.values()) for i in range(5)]
        if 0 in n[1:]:
            d = [0, 0.5, 0.5, 0.5]
        else:
            y = n[1] / (n[1] + 2 * n[2])
            d = [0] + [min(max(i - (i + 1) * y * n[i + 1] / n[i], 0), i) for i in (1, 2, 3)]
        kept = sum(d[min(count, 3)] for count in after.values()) / total
        return (c - d[min(c, 3)]) / total + kept * p(k - 1, False)

    return p(order - 1, True)


def test_two_tokens_by_hand():
    # All: 4 four times, 5 three times. After a 4: 5 three times, 4 once.
    alone = (3 + 2 / 6) / (7 + 2)
    after_4 = (3 + 2 * alone) / (4 + 2)
    model = NGrams(2, 6, "witten-bell").fit(SEQUENCES)
    assert model.distribution([1, 4])[5] == pytest.approx(after_4)
    assert model.distribution([1, 4], order=1)[5] == pytest.approx(alone)


@pytest.mark.parametrize("smoothing", ["kneser-ney", "witten-bell"])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_equals_the_formulas(smoothing, order):
    model = NGrams(5, 9, smoothing).fit(LONG)
    held_out = [1, 3, 6, 4, 0, 8, 8, 1, 3, 2, 4]
    found = model.log_probabilities([held_out, [1, 6]], order)
    expected = [
        np.log(naive(LONG, order, 9, smoothing, held_out[:t], held_out[t])) for t in range(1, 11)
    ]
    np.testing.assert_allclose(found[0], expected, rtol=1e-12)
    assert found[1].shape == (1,)


@pytest.mark.parametrize("smoothing", ["kneser-ney", "witten-bell"])
@pytest.mark.parametrize("history", [[1], [1, 3, 6, 4], [1, 7, 7, 7], [2] * 9])
def test_sums_to_one(smoothing, history):
    model = NGrams(4, 9, smoothing).fit(LONG)
    for order in (1, 2, 3, 4):
        assert model.distribution(history, order).sum() == pytest.approx(1)


@pytest.mark.parametrize("smoothing", ["kneser-ney", "witten-bell"])
@pytest.mark.parametrize("sequences", [[[1]], [[1, 2], [1, 3]], [[1, 4, 5, 4]]])
def test_an_order_above_the_longest_sequence_is_that_of_what_was_seen(smoothing, sequences):
    model, history = NGrams(5, 6, smoothing).fit(sequences), [1, 4, 5, 4, 5]
    for order in (1, 3, 5):
        expected = [naive(sequences, order, 6, smoothing, history, token) for token in range(6)]
        found = model.distribution(history, order)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        assert found.sum() == pytest.approx(1)


def test_refuses():
    with pytest.raises(ValueError, match="order must be an int of at least 1. Received: 0"):
        NGrams(0, 5)
    with pytest.raises(ValueError, match="smoothing must be .* Received: 'laplace'"):
        NGrams(2, 5, "laplace")
    with pytest.raises(
        ValueError, match="sequences must hold ids of at least 0 and below 5. Received: 1 to 5"
    ):
        NGrams(2, 5).fit(SEQUENCES)
    with pytest.raises(ValueError, match="sequences must hold 1 or more"):
        NGrams(2, 5).fit([[1], []])
    with pytest.raises(
        ValueError, match="order must be an int of at least 1 and at most 2. Received: 3"
    ):
        NGrams(2, 6).fit(SEQUENCES).log_probabilities(SEQUENCES, 3)
    with pytest.raises(ValueError, match="sequence must hold 1 or more"):
        NGrams(2, 6).fit(SEQUENCES).distribution([])
    with pytest.raises(ValueError, match="fit must be called before probabilities are asked for"):
        NGrams(2, 6).log_probabilities(SEQUENCES)
