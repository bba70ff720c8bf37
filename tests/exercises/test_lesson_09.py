"""The checks of lesson 09: right answers in several forms, and wrong ones."""

import numpy as np
import pytest
from scipy.stats import beta

from gru_tf.exercises.lesson_09 import lower_end


def test_lower_end_is_that_of_the_exact_interval():
    for n in (1, 40, 368):
        assert np.isclose(lower_end(n), beta.ppf(0.025, n, 1))


def test_cases_without_error(is_right):
    is_right("09.1", 368)
    is_right("09.1", np.float32(368))


@pytest.mark.parametrize(
    ("n", "sentence"),
    [
        (299, "on each side"),
        (367, "the lower end of 367 of 367 is 0.989999"),
        (369, "368 would do"),
        (400, "not the fewest"),
        (36, "36 are too few"),
        (0.99, "cases are counted"),
        (367.04, "cases are counted"),
    ],
)
def test_cases_without_error_refused(is_refused, n, sentence):
    is_refused("09.1", sentence, n)


def squared(a, b):
    a, b = (x.reshape(len(x), -1) for x in (a, b))
    return (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T


def plain(a, b):
    return np.array([[np.linalg.norm(one - other) for other in b] for one in a])


def in_float32(a, b):
    return np.sqrt(np.maximum(squared(a.astype("float32"), b.astype("float32")), 0))


@pytest.mark.parametrize("answer", [squared, plain, in_float32])
def test_plain_distance(is_right, answer):
    is_right("09.2", answer, 339 / 370)
    is_right("09.2", answer, np.float32(0.916))
    is_right("09.2", answer, 0.92)


def apart(a, b):
    return a[:, None] - b[None]


@pytest.mark.parametrize(
    ("answer", "accuracy", "sentence"),
    [
        (lambda a, b: squared(b, a), 0.916, "transposed"),
        (lambda a, b: -squared(a, b), 0.916, "wrong sign"),
        (lambda a, b: np.abs(apart(a, b)).sum((2, 3)), 0.916, "without their squares"),
        (lambda a, b: squared(a[:, -1:], b[:, -1:]), 0.916, "only the last frame"),
        (lambda a, b: np.sqrt((apart(a, b) ** 2).sum(3)).sum(2), 0.916, "frame by frame"),
        (lambda a, b: (apart(a, b).sum(2) ** 2).sum(2), 0.916, "before they are compared"),
        (lambda a, b: (apart(a, b) ** 2).mean((2, 3)), 0.916, "don't average"),
        (lambda a, b: (apart(a, b) ** 2).mean((2, 3)) ** 0.5, 0.916, "don't average"),
        (lambda a, b: squared(a, b) + 1, 0.916, "itself are apart"),
        (lambda a, b: squared(a, b).argmin(axis=1), 0.916, "the shape is (4,)"),
        (lambda a, b: squared(a, b) ** 2, 0.916, "these are not the distances"),
        (squared, 0.949, "accuracy of warping"),
        (squared, 1 - 339 / 370, "share of errors"),
        (squared, 91.6, "from 0 to 1"),
        (squared, 339, "from 0 to 1"),
        (squared, 0.93, "raw utterances"),
    ],
)
def test_plain_distance_refused(is_refused, answer, accuracy, sentence):
    is_refused("09.2", sentence, answer, accuracy)


def wilson(k, n, z=1.96):
    centre = (k + z**2 / 2) / (n + z**2)
    half = z * np.sqrt(k * (n - k) / n + z**2 / 4) / (n + z**2)
    return centre - half, centre + half


def by_shares(k, n):
    z, p = 1.959964, k / n
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return [(p + z * z / (2 * n) + sign * half) / (1 + z * z / n) for sign in (-1, 1)]


def ends_in_float32(k, n):
    return np.array(wilson(k, n), "float32")


@pytest.mark.parametrize("answer", [wilson, by_shares, ends_in_float32])
def test_wilson(is_right, answer):
    is_right("09.3", answer)


def wald(k, n):
    half = 1.96 * (k / n * (1 - k / n) / n) ** 0.5
    return k / n - half, k / n + half


def no_root(k, n, z=1.96):
    centre, half = (k + z**2 / 2) / (n + z**2), z * (k * (n - k) / n + z**2 / 4) / (n + z**2)
    return centre - half, centre + half


def centre_of_share(k, n):
    low, high = wilson(k, n)
    return k / n - (high - low) / 2, k / n + (high - low) / 2


def other_centre(k, n, z=1.96):
    low, high = wilson(k, n)
    moved = (k + z**2) / (n + z**2) - (low + high) / 2
    return low + moved, high + moved


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda k, n: wilson(k, n)[::-1], "wrong way round"),
        (lambda k, n: wilson(k, n, 1.645), "z is 1.96, not 1.645"),
        (wald, "plain interval"),
        (no_root, "the centre is right, but the half width"),
        (centre_of_share, "the centre is k/n"),
        (other_centre, "the half width is right"),
        (lambda k, n: (np.mean(wilson(k, n)), np.ptp(wilson(k, n)) / 2), "return the two ends"),
        (lambda k, n: wilson(n - k, n), "but the centre is"),
        (lambda k, n: (0.1, 0.2), "the ends are"),
        (lambda k, n: wilson(k, n)[0], "the shape (), not (2,)"),
    ],
)
def test_wilson_refused(is_refused, answer, sentence):
    is_refused("09.3", sentence, answer)
