"""The checks of lesson 08: right answers in several forms, and wrong ones."""

import numpy as np
import pytest

from gru_tf.exercises import check


def test_told_end(is_right):
    is_right("08.1", 11, 9)
    is_right("08.1", np.int64(11), np.array(9.0))


@pytest.mark.parametrize(
    ("n_steps", "n_targets", "sentence"),
    [
        (9, 11, "wrong way round"),
        (14, 12, "END is among the ids"),
        (11, 6, "END is a target too"),
        (12, 9, "the whole batch"),
        (9, 9, "only shifted"),
        (10, 9, "two of the texts are shorter"),
        (7, 9, "not 7 steps"),
        (11, 8, "not 8 targets"),
    ],
)
def test_told_end_refused(is_refused, n_steps, n_targets, sentence):
    is_refused("08.1", sentence, n_steps, n_targets)


def test_rounds(is_right):
    is_right("08.2", {1: 40.8, 10: 51.8})
    is_right("08.2", {10: np.float32(51.825), 1: np.float32(40.755)})
    is_right("08.2", {1: 41, 10: 52})


@pytest.mark.parametrize(
    ("chrf", "sentence"),
    [
        ({1: 51.8, 10: 40.8}, "wrong way round"),
        ({1: 0.408, 10: 0.518}, "shares of 1"),
        ({1: 8.0, 10: 10.7}, "BLEU"),
        ({1: 51.8, 10: 51.8}, "both scores are the same"),
        ({1: 23.6, 10: 51.8}, "copying"),
        ({1: 42.1, 10: 53.0}, "the mean of the texts' scores"),
        ({1: 42.1, 10: 51.8}, "after one round chrF is not 42.1"),
        ({1: 40.8, 10: 51.1}, "after ten rounds chrF is not 51.1"),
        ({1: 60.2, 10: 51.8}, "after one round chrF is not 60.2"),
        ({1: 40.8, 10: 70.0}, "after ten rounds chrF is not 70.0"),
        ([40.8, 51.8], "no dict with the keys"),
        ({1: 40.8, 10: None}, "holds a None"),
    ],
)
def test_rounds_refused(is_refused, chrf, sentence):
    is_refused("08.2", sentence, chrf)


def choose(near, far, distances, limit):
    return [a if d <= limit else b for a, b, d in zip(near, far, distances, strict=True)]


LIMITS = {"bleu": 0.5, "chrf": 0.2}


def by_numpy(near, far, distances, limit):
    return np.where(np.asarray(distances, "float32") <= limit, near, far)


def as_a_tuple(near, far, distances, limit):
    return tuple(far[i] if distances[i] > limit else near[i] for i in range(len(near)))


@pytest.mark.parametrize("answer", [choose, by_numpy, as_a_tuple])
@pytest.mark.parametrize(
    "limits",
    [LIMITS, {"chrf": np.float32(0.2), "bleu": np.float32(0.5)}, {"bleu": 0.45, "chrf": 0.25}],
)
def test_choose(is_right, answer, limits):
    is_right("08.3", answer, limits)


def below(near, far, distances, limit):
    return [a if d < limit else b for a, b, d in zip(near, far, distances, strict=True)]


def in_place(near, far, distances, limit):
    for i in np.flatnonzero(distances > limit):
        near[i] = far[i]
    return near


def by_the_mean(near, far, distances, limit):
    return near if np.mean(distances) <= limit else far


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (below, "'at most' takes near"),
        (lambda near, far, d, limit: choose(far, near, d, limit), "wrong way round"),
        (in_place, "changed its arguments"),
        (by_the_mean, "for all texts"),
        (lambda *a: choose(*a)[:-1], "5 translations"),
        (lambda *a: choose(*a)[::-1], "texts' order"),
        (lambda near, far, d, limit: choose(near, far, d, 0.4), "with limit 0.6"),
        (lambda *a: "near", "returns str"),
    ],
)
def test_choose_refused(is_refused, answer, sentence):
    is_refused("08.3", sentence, answer, LIMITS)


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"bleu": 50, "chrf": 20}, "from 0 to 1"),
        (LIMITS | {"chrf": 0.1}, "too strict for chrf"),
        (LIMITS | {"chrf": 0.5}, "too loose for chrf"),
        (LIMITS | {"bleu": 0.2}, "too strict for bleu"),
        (LIMITS | {"bleu": 0.6}, "too loose for bleu"),
        (LIMITS | {"chrf": 3 * 0.1}, "best limit of the test part by chrf"),
        (LIMITS | {"bleu": 0.4}, "best limit of the test part by bleu"),
        ({"bleu": 0.2, "chrf": 0.5}, "the two limits are the wrong way round"),
        (LIMITS | {"chrf": None}, "holds a None"),
        ({"bleu": 0.5}, "no dict with the keys"),
        (0.2, "no dict with the keys"),
    ],
)
def test_limits_refused(is_refused, limits, sentence):
    is_refused("08.3", sentence, choose, limits)


@pytest.mark.parametrize("limits", [LIMITS | {"chrf": 0.5}, LIMITS | {"chrf": "low"}, 0.2])
def test_a_wrong_limit_has_a_hint_about_limits(capsys, limits):
    for _ in range(2):
        check("08.3", choose, limits)
    hint = capsys.readouterr().out.split("Hint: ")[1]
    assert "of the validation part" in hint
    assert "go through near, far" not in hint


def test_a_wrong_choice_has_a_hint_about_the_choice(capsys):
    for _ in range(2):
        check("08.3", below, LIMITS)
    assert "Hint: go through near, far and distances" in capsys.readouterr().out
