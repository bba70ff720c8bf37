"""The checks of lesson 02: right answers in several forms, and wrong ones."""

import dataclasses

import numpy as np
import pytest

from gru_tf.equations import GRUWeights, gru_backward, gru_forward, gru_step
from gru_tf.exercises.lesson_02 import errors_of_the_cut, gradients, one_step, step_back


def forward(x, w):
    h, memory = np.zeros((len(x), w.n_h)), []
    for t in range(x.shape[1]):
        z, r, h_hat, h_next = gru_step(x[:, t], h, w)
        memory.append((x[:, t], h, z, r, h_hat))
        h = h_next
    return h, memory


def test_numbers_in_memory(is_right):
    _, memory = forward(np.zeros((64, 16, 1)), GRUWeights.random(1, 16, seed=0))
    is_right("02.1", sum(array.size for step in memory for array in step))
    is_right("02.1", np.float32(66560))


@pytest.mark.parametrize(
    ("n", "sentence"),
    [
        (65, "of one step of one window"),
        (1040, "of one window"),
        (4160, "of one step"),
        (65536, "without x_t"),
        (81920, "16 features"),
        (50176, "three arrays"),
        (82944, "with h_next"),
        (62400, "of 15 steps"),
        (70720, "of 17 steps"),
        (532480, "of bytes"),
        (80, "of arrays"),
        (66561, "not 66,561"),
    ],
)
def test_numbers_in_memory_refused(is_refused, n, sentence):
    is_refused("02.1", sentence, n)


@pytest.mark.parametrize("reset_after", [False, True])
def test_the_step_that_answers_are_compared_with(reset_after):
    """One by one, as the gradient of a bias is a sum over the batch."""
    rng = np.random.default_rng(3)
    w = GRUWeights.random(2, 4, reset_after=reset_after, seed=2)
    x, h_0, d_h = rng.normal(size=(1, 2)), rng.normal(size=(1, 4)), rng.normal(size=(1, 4))
    z, r, h_hat, _ = gru_step(x, h_0, w)
    by_step = step_back(d_h, h_0, z, r, h_hat, w)
    _, trace = gru_forward(x[:, None], w, h_0, return_trace=True)
    gradients = gru_backward(d_h[:, None], trace)
    names = {"d_h_prev": "h_0", "d_a_z": "b_z", "d_a_r": "b_r", "d_a_h": "b_h"}
    names |= {"d_q": "c_h"} if reset_after else {}
    for name, gradient in names.items():
        np.testing.assert_allclose(by_step[name].ravel(), gradients[gradient].ravel(), rtol=1e-12)


def test_the_factors_leave_out_what_cut_leaves_out():
    rng = np.random.default_rng(3)
    w = GRUWeights.random(2, 4, seed=2)
    x, h_0, d_h = rng.normal(size=(3, 2)), rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    z, r, h_hat, _ = gru_step(x, h_0, w)
    _, trace = gru_forward(x[:, None], w, h_0, return_trace=True)
    for factors, cut in (
        ({"skip": 0}, "skip"),
        ({"by_z": 0}, "update_gate"),
        ({"by_r": 0}, "reset_gate"),
        ({"product": 0, "by_r": 0}, "candidate"),
    ):
        found = step_back(d_h, h_0, z, r, h_hat, w, **factors)["d_h_prev"]
        right = gru_backward(d_h[:, None], trace, cut=[cut])["h_0"]
        np.testing.assert_allclose(found, right, rtol=1e-12, err_msg=cut)


def cut_step(d_h, h_prev, z, r, h_hat, w):
    d_a_h = d_h * z * (1 - h_hat**2)
    d_r = d_a_h @ w.U_h.T * h_prev
    d_a_z, d_a_r = d_h * (h_hat - h_prev) * z * (1 - z), d_r * r * (1 - r)
    d_h_prev = d_a_z @ w.U_z.T + d_h * (1 - z) + d_a_r @ w.U_r.T
    return d_h_prev, d_a_z, d_a_r, d_a_h


def lower_precision(d_h, h_prev, z, r, h_hat, w):
    arrays = (a.astype("float32") for a in (d_h, h_prev, z, r, h_hat))
    return [a.astype("float32") for a in cut_step(*arrays, w)]


def in_tensorflow(*arguments):
    import tensorflow as tf

    return tuple(tf.constant(a, tf.float32) for a in cut_step(*arguments))


def errors_of(step, size=1e-5):
    """Return the errors by differences, as the exercise asks for them."""
    w, errors = GRUWeights.random(3, 5, seed=1), {}
    for steps in (1, 2, 8):
        x = np.random.default_rng(0).normal(size=(4, steps, 3))
        h, memory = forward(x, w)
        d_h, gradients = np.ones_like(h), {"U_r": 0, "W_z": 0}
        for x_t, h_prev, *gates in reversed(memory):
            d_h, d_a_z, d_a_r, _ = step(d_h, h_prev, *gates, w)
            gradients["U_r"] = gradients["U_r"] + h_prev.T @ d_a_r
            gradients["W_z"] = gradients["W_z"] + x_t.T @ d_a_z
        for name, gradient in gradients.items():
            right = np.zeros_like(gradient)
            for i in np.ndindex(right.shape):
                nudge = np.zeros_like(right)
                nudge[i] = size
                up, down = (
                    dataclasses.replace(w, **{name: w.arrays()[name] + e}) for e in (nudge, -nudge)
                )
                right[i] = (forward(x, up)[0].sum() - forward(x, down)[0].sum()) / (2 * size)
            size_of_right = np.linalg.norm(right)
            gap = np.linalg.norm(gradient - right)
            errors[name, steps] = gap / size_of_right if size_of_right else gap
    return errors


PATTERN = {(name, steps): 0.0 for name in ("U_r", "W_z") for steps in (1, 2, 8)}
PATTERN |= {("W_z", 2): 0.0839, ("U_r", 8): 0.1818, ("W_z", 8): 0.112}


@pytest.mark.parametrize("answer", [cut_step, lower_precision, in_tensorflow])
def test_a_way_cut(is_right, answer):
    is_right("02.2", answer, PATTERN)


@pytest.mark.parametrize("size", [1e-3, 1e-5, 1e-6])
def test_errors_by_differences(is_right, size):
    errors = errors_of(cut_step, size)
    is_right("02.2", cut_step, errors)
    is_right("02.2", cut_step, {key: np.float32(error) for key, error in errors.items()})
    is_right("02.2", cut_step, {key: round(error, 2) for key, error in errors.items()})


def test_gradients_of_which_errors_are_taken():
    x, w = np.random.default_rng(5).normal(size=(4, 6, 3)), GRUWeights.random(3, 5, seed=2)
    h, trace = gru_forward(x, w, return_trace=True)
    d_h = np.zeros_like(h)
    d_h[:, -1] = 1
    by_package = gru_backward(d_h, trace)
    for name, gradient in gradients(x, w).items():
        np.testing.assert_allclose(gradient, by_package[name], rtol=1e-10)


def of(reset_after, names, **changes):
    """Return a step in which something is changed, by the lesson's own formulas."""

    def answer(*arguments):
        found = step_back(*arguments, **changes)
        return tuple(found[name] for name in names)

    return answer


FOUR = ("d_h_prev", "d_a_z", "d_a_r", "d_a_h")
FIVE = (*FOUR, "d_q")


def whole(d_h, h_prev, z, r, h_hat, w):
    d_a_h = d_h * z * (1 - h_hat**2)
    d_h_prev, *others = cut_step(d_h, h_prev, z, r, h_hat, w)
    return d_h_prev + (d_a_h @ w.U_h.T) * r, *others


def other_way(d_h, h_prev, z, r, h_hat, w):
    flipped = dataclasses.replace(w, U_h=w.U_h.T)
    return cut_step(d_h, h_prev, z, r, h_hat, flipped)


def without_d_r(d_h, h_prev, z, r, h_hat, w):
    d_h_prev, d_a_z, d_a_r, d_a_h = cut_step(d_h, h_prev, z, r, h_hat, w)
    return d_h_prev - d_a_r @ w.U_r.T, d_a_z, 0 * d_a_r, d_a_h


def in_place(d_h, h_prev, z, r, h_hat, w):
    results = cut_step(d_h, h_prev, z, r, h_hat, w)
    d_h *= 1 - z
    return results


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (whole, "d_p * r is still in d_h_prev."),
        (without_d_r, "gone from d_r too"),
        (other_way, "U_h is transposed"),
        (of(False, FOUR, product=-1), "is subtracted"),
        (of(False, FOUR, by_r=0), "is still there, and the way through the reset gate"),
        (of(False, FOUR, reset=0), "is still in d_h_prev, and d_r is gone"),
        (of(False, FOUR, product=0, skip=0), "way of the mix is gone"),
        (of(False, FOUR, product=0, by_r=0), "through the reset gate is gone"),
        (of(False, FOUR, product=0, by_z=0, by_r=0), "ways of step (5) are gone"),
        (of(False, FOUR, product=0, sign=-1), "d_z has the wrong sign"),
        (of(False, FOUR, product=0, keep=True), "z and 1 - z"),
        (of(False, FOUR, product=0, tanh=False), "of the tanh is missing"),
        (of(False, FOUR, product=0, sigmoids=False), "of the sigmoids are missing"),
        (of(False, FOUR[::-1], product=0), "in another order"),
        (of(False, FOUR[:3], product=0), "3 arrays are returned"),
        (lambda *a: cut_step(*a)[0], "no tuple"),
        (lambda *a: [2 * b for b in cut_step(*a)], "only d_h_prev loses a part"),
        (in_place, "changed an argument"),
    ],
)
def test_a_way_cut_refused(is_refused, answer, sentence):
    is_refused("02.2", sentence, answer, PATTERN)


SWAPPED = {("W_z" if name == "U_r" else "U_r", n): error for (name, n), error in PATTERN.items()}


@pytest.mark.parametrize(
    ("errors", "sentence"),
    [
        (SWAPPED, "the wrong way round"),
        (dict.fromkeys(PATTERN, 0.0), "all errors are next to 0"),
        (dict.fromkeys(PATTERN, 0.2), "all six errors are large"),
        (PATTERN | {("W_z", 1): 0.3}, "reaches only the steps before"),
        (PATTERN | {("U_r", 2): 0.3}, "the state before it is zero"),
        (PATTERN | {("W_z", 2): 0.0}, "step 1 gets a d_h"),
        (PATTERN | {("U_r", 8): 0.0}, "handed on from step to step"),
        (PATTERN | {("U_r", 1): np.nan}, "0 / 0"),
        (PATTERN | {("U_r", 8): -0.3}, "is negative"),
        (PATTERN | {("U_r", 8): None}, "is None"),
        ({key: 100 * error for key, error in PATTERN.items()}, "in hundredths"),
        (errors_of_the_cut("undivided"), "not divided by the norm"),
        (errors_of_the_cut("by the wrong"), "norm of the wrong gradient"),
        (errors_of_the_cut("maxima"), "the largest numbers"),
        (errors_of_the_cut("sums"), "the norm is the root of squares"),
        (errors_of_the_cut("squares"), "are squared"),
        (errors_of_the_cut(anew=False), "one rng for all lengths"),
        (PATTERN | {("U_r", 8): 0.3}, "the error of U_r with 8 steps is not 0.3: is x"),
        ({("U_r", 7): 0.3}, "no dict with the keys"),
        ([0, 0, 0, 0.1, 0.3, 0.2], "no dict with the keys"),
    ],
)
def test_errors_refused(is_refused, errors, sentence):
    is_refused("02.2", sentence, cut_step, errors)


def after(d_h, h_prev, z, r, h_hat, w):
    d_a_h = z * d_h * (1 - h_hat) * (1 + h_hat)
    d_q = r * d_a_h
    d_a_r = d_a_h * (w.c_h + h_prev @ w.U_h) * r * (1 - r)
    d_a_z = (h_hat - h_prev) * d_h * z * (1 - z)
    d_h_prev = d_q @ w.U_h.T + d_a_r @ w.U_r.T + d_a_z @ w.U_z.T + d_h - z * d_h
    return d_h_prev, d_a_z, d_a_r, d_a_h, d_q


def after_in_float32(*arguments):
    return [a.astype("float32") for a in after(*arguments)]


def after_in_tensorflow(*arguments):
    import tensorflow as tf

    return tuple(map(tf.constant, after(*arguments)))


def after_stacked(*arguments):
    return np.stack(after(*arguments))


@pytest.mark.parametrize("answer", [after, after_in_float32, after_in_tensorflow, after_stacked])
def test_reset_after(is_right, answer):
    is_right("02.3", answer)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (of(True, FIVE, before=True), "that is reset before"),
        (of(True, FIVE, c_h=0), "d_r lacks c_h"),
        (of(True, FIVE, through_r=False), "d_q lacks r"),
        (of(True, FIVE, reset=0), "d_r is missing"),
        (of(True, FIVE, product=0), "way through U_h is gone"),
        (of(True, FIVE, skip=0), "way of the mix is gone"),
        (of(True, FIVE, by_z=0), "through the update gate is gone"),
        (of(True, FIVE, transposed=True), "U_h is transposed"),
        (of(True, FIVE, sign=-1), "d_z has the wrong sign"),
        (of(True, FIVE, keep=True), "z and 1 - z"),
        (of(True, ("d_h_prev", "d_a_z", "d_a_r", "d_q", "d_a_h")), "in another order"),
        (of(True, ("d_h_prev", "d_a_z", "d_a_r", "d_a_h", "d_a_h")), "d_q is wrong"),
        (of(True, ("d_h_prev", "d_a_z", "d_a_r", "d_q", "d_q")), "d_a_h is wrong"),
        (of(True, FOUR), "4 arrays are returned"),
        (lambda *a: (*after(*a)[:4], after(*a)[4].sum(axis=0)), "the shape (4,), not (4, 4)"),
        (lambda *a: (*after(*a)[:4], -after(*a)[4]), "d_q is wrong"),
    ],
)
def test_reset_after_refused(is_refused, answer, sentence):
    is_refused("02.3", sentence, answer)


def test_the_arguments_tell_all_mistakes_apart():
    for reset_after in (False, True):
        arguments = one_step(reset_after)
        right = step_back(*arguments)
        for factor in ("skip", "product", "reset", "by_z", "by_r"):
            changed = step_back(*arguments, **{factor: 0})
            assert np.abs(changed["d_h_prev"] - right["d_h_prev"]).max() > 0.01
