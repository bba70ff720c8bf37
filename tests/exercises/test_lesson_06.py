"""The checks of lesson 06: right answers in several forms, and wrong ones."""

import numpy as np
import pytest


def test_weights_and_windows(is_right):
    is_right("06.1", 4824, 4164, 26_247)
    is_right("06.1", np.int64(4824), 4164.0, np.float32(26_247))


def test_the_model_has_as_many_weights():
    from gru_tf.datasets import make_windows
    from gru_tf.models import build_forecaster

    for horizon, n in ((24, 4824), (4, 4164)):
        assert build_forecaster(24, 8, horizon=horizon).count_params() == n
    assert len(make_windows(np.zeros(26_294), 24, horizon=24)[0]) == 26_247


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((4164, 4824, 26_247), "that of the other model"),
        ((4824, 4824, 26_247), "n_fed_back is that of the other model"),
        ((4728, 4164, 26_247), "one bias for each gate"),
        ((4632, 4164, 26_247), "lacks the biases of the GRU"),
        ((4800, 4164, 26_247), "biases of the dense layer"),
        ((4032, 4164, 26_247), "lacks the dense layer"),
        ((4824, 132, 26_247), "n_fed_back lacks the GRU"),
        ((3480, 4164, 26_247), "two blocks"),
        ((6040, 4164, 26_247), "an LSTM"),
        ((4152, 4164, 26_247), "for one column"),
        ((4824, 4000, 26_247), "n_fed_back is not 4,000"),
        ((4824, 4164, 26_246), "one too small"),
        ((4824, 4164, 26_248), "one too large"),
        ((4824, 4164, 26_271), "forgets the targets"),
        ((4824, 4164, 547), "don't overlap"),
        ((4824, 4164, 1), "n_windows is not 1"),
    ],
)
def test_weights_and_windows_refused(is_refused, answer, sentence):
    is_refused("06.1", sentence, *answer)


ERRORS = {"IBM": 14.0, "MSFT": 1.1}


def relative_error(guess, before, after):
    return np.abs(guess - after).mean() / np.abs(before - after).mean()


def by_sums(guess, before, after):
    return sum(map(abs, guess - after)) / sum(map(abs, after - before))


def in_float32(guess, before, after):
    guess, before, after = (part.astype("float32") for part in (guess, before, after))
    return np.array([relative_error(guess, before, after)])


def as_tensor(guess, before, after):
    import keras

    return keras.ops.convert_to_tensor(relative_error(guess, before, after))


@pytest.mark.parametrize("answer", [relative_error, by_sums, in_float32, as_tensor])
def test_relative_error(is_right, answer):
    is_right("06.2", answer, ERRORS)
    is_right("06.2", answer, {"MSFT": np.float32(1.03), "IBM": np.float64(30)})


def rooted(guess, before, after):
    return (((guess - after) ** 2).mean() / ((before - after) ** 2).mean()) ** 0.5


def in_place(guess, before, after):
    guess -= after
    before -= after
    return np.abs(guess).mean() / np.abs(before).mean()


@pytest.mark.parametrize(
    ("answer", "errors", "sentence"),
    [
        (lambda g, b, a: 1 / relative_error(g, b, a), ERRORS, "upside down"),
        (lambda g, b, a: relative_error(g, a, b), ERRORS, "distance to the last price"),
        (lambda g, b, a: abs(g - a).mean() / abs(g - b).mean(), ERRORS, "that is far / near"),
        (lambda g, b, a: abs(g - a).mean(), ERRORS, "the error alone"),
        (lambda g, b, a: abs(g - a).mean() / a.mean(), ERRORS, "relative to the price"),
        (rooted, ERRORS, "squares were taken"),
        (lambda g, b, a: rooted(g, b, a) ** 2, ERRORS, "squares were taken"),
        (lambda g, b, a: (g - a).mean() / (b - a).mean(), ERRORS, "signed"),
        (lambda g, b, a: abs((g - a).mean()) / abs(b - a).mean(), ERRORS, "before the mean"),
        (lambda g, b, a: abs((g - a) / (b - a)).mean(), ERRORS, "mean of ratios"),
        (lambda g, b, a: 1 - relative_error(g, b, a), ERRORS, "that is the gain"),
        (lambda g, b, a: 100 * relative_error(g, b, a), ERRORS, "in percent"),
        (in_place, ERRORS, "changed an array"),
        (lambda g, b, a: 0.123, ERRORS, "the relative error is not 0.123"),
        (relative_error, (14, 1.1), "no dict"),
        (relative_error, {"IBM": 14, "MSFT": None}, "fill in both"),
        (relative_error, {"IBM": 1.1, "MSFT": 14}, "wrong way round"),
        (relative_error, {"IBM": 1.01, "MSFT": 1.02}, "as with returns"),
        (relative_error, {"IBM": 0.1, "MSFT": 0.2}, "far below 1"),
        (relative_error, {"IBM": 1.5, "MSFT": 1.1}, "too good"),
        (relative_error, {"IBM": 14, "MSFT": 40}, "too large"),
    ],
)
def test_relative_error_refused(is_refused, answer, errors, sentence):
    is_refused("06.2", sentence, answer, errors)


def walk_forward(n, first, n_folds):
    size = (n - first) // n_folds
    begins = [first + k * size for k in range(n_folds)]
    return [(slice(0, begin), slice(begin, begin + size)) for begin in begins]


def from_none(n, first, n_folds):
    size = int((n - first) / n_folds)
    for begin in range(first, first + n_folds * size, size):
        yield [slice(begin), slice(begin, begin + size, 1)]


def from_numpy(n, first, n_folds):
    edges = first + np.arange(n_folds + 1) * ((n - first) // n_folds)
    return tuple((slice(None, a), slice(a, b)) for a, b in zip(edges[:-1], edges[1:], strict=True))


@pytest.mark.parametrize("answer", [walk_forward, from_none, from_numpy])
def test_walk_forward(is_right, answer):
    is_right("06.3", answer, 8)
    is_right("06.3", answer, np.int64(8))


def changed(change):
    """Return an answer whose begins and ends (a, b, c, d) of each fold are changed."""

    def answer(n, first, n_folds):
        folds = walk_forward(n, first, n_folds)
        size = (n - first) // n_folds
        found = []
        for train, test in folds:
            a, b, c, d = change(train.start, train.stop, test.start, test.stop, size)
            found.append((slice(a, b), slice(c, d)))
        return found

    return answer


def to_the_end(n, first, n_folds):
    folds = walk_forward(n, first, n_folds)
    return [*folds[:-1], (folds[-1][0], slice(folds[-1][1].start, n))]


def from_the_end(n, first, n_folds):
    return walk_forward(n, n - (n - first) // n_folds * n_folds, n_folds)


def overlapping(n, first, n_folds):
    size = (n - first) // n_folds
    begins = [first + k * max(size // 2, 1) for k in range(n_folds)]
    return [(slice(0, begin), slice(begin, begin + size)) for begin in begins]


@pytest.mark.parametrize(
    ("answer", "n_won", "sentence"),
    [
        (lambda *a: [pair[::-1] for pair in walk_forward(*a)], 8, "changed places"),
        (changed(lambda a, b, c, d, size: (a, b + 1, c, d)), 8, "trained on and tested"),
        (changed(lambda a, b, c, d, size: (a, b - 1, c, d)), 8, "training ends before"),
        (changed(lambda a, b, c, d, size: (a, min(d + 1, 100), c, d)), 8, "comes after its test"),
        (changed(lambda a, b, c, d, size: (max(0, b - size), b, c, d)), 8, "not all"),
        (changed(lambda a, b, c, d, size: (a, b + 1, c + 1, d)), 8, "the first test begins at 41"),
        (changed(lambda a, b, c, d, size: (a, b, c, d - 1)), 8, "there is a gap"),
        (overlapping, 8, "two tests overlap"),
        (to_the_end, 8, "all are to have one size"),
        (from_the_end, 8, "the first test begins at 42"),
        (lambda n, first, k: walk_forward(n + 9, first, k), 8, "after the last step"),
        (lambda n, first, k: walk_forward(n, first, k)[:-1], 8, "there are 2 folds"),
        (lambda n, first, k: walk_forward(n, first, k + 1)[:-1], 8, "20 would fit"),
        (lambda n, first, k: walk_forward(n, first, k)[0], 8, "no list of pairs"),
        (lambda n, first, k: [(range(first), range(first, n))] * k, 8, "range, not a slice"),
        (walk_forward, 0, "folds that yesterday wins"),
        (walk_forward, 5, "more than 5 of 8"),
        (walk_forward, 1.0001, "count folds"),
    ],
)
def test_walk_forward_refused(is_refused, answer, n_won, sentence):
    is_refused("06.3", sentence, answer, n_won)
