"""The checks of lesson 01: right answers in several forms, and wrong ones."""

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.equations import GRUWeights, gru_step, sigmoid


def test_numbers_to_learn(is_right):
    counts = []
    for reset_after in (False, True):
        layer = gru_tf.GRU(20, reset_after=reset_after)
        layer(np.zeros((1, 1, 10)))
        counts.append(layer.count_params())
    is_right("01.1", *counts)
    is_right("01.1", np.float32(1860), np.array([1920]))


@pytest.mark.parametrize(
    ("tutorials", "keras", "sentence"),
    [
        (1920, 1860, "wrong way round"),
        (1800, 1920, "lacks the biases"),
        (1240, 1920, "two neurons a unit"),
        (2480, 1920, "as in an LSTM"),
        (620, 1920, "one of three"),
        (660, 1920, "weights of the last state"),
        (1260, 1920, "weights of the input"),
        (930, 960, "10 units that read 20"),
        (1920, 1920, "has two biases"),
        (1861, 1920, "not 1,861"),
        (1860, 1860, "same as in the tutorials' form"),
        (1860, 1880, "c_h alone"),
        (1860, 1863, "each unit has its own"),
        (1860, 3720, "only the biases"),
        (1860, 1919, "n_keras is not 1,919"),
    ],
)
def test_numbers_to_learn_refused(is_refused, tutorials, keras, sentence):
    is_refused("01.1", sentence, tutorials, keras)


def bias_for(steps):
    z = 2 ** (-1 / steps)
    return np.log(z / (1 - z))


def in_float32(steps):
    z = np.float32(0.5) ** np.float32(1 / steps)
    return -np.log(1 / z - 1)


def in_closed_form(steps):
    return [-np.log(np.expm1(np.log(2) / steps))]


def by_halving(steps):
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if sigmoid(middle) ** steps < 0.5 else (low, middle)
    return round(low, 2)


@pytest.mark.parametrize("answer", [bias_for, in_float32, in_closed_form, by_halving])
@pytest.mark.parametrize("gradient", [0.4914, np.float32(0.5), [0.497]])
def test_long_memory(is_right, answer, gradient):
    is_right("01.2", answer, gradient)


@pytest.mark.parametrize(
    ("answer", "gradient", "sentence"),
    [
        (lambda steps: -bias_for(steps), 0.495, "sign is wrong"),
        (lambda steps: 0.5 ** (1 / steps), 0.495, "z itself"),
        (lambda steps: np.log(0.5) / steps, 0.495, "ln z"),
        (lambda steps: sigmoid(0.5 ** (1 / steps)), 0.495, "take its inverse"),
        (lambda steps: -np.log(np.expm1(1 / steps)), 0.495, "1/e is left"),
        (lambda steps: bias_for(steps) / np.log(2), 0.495, "base 2"),
        (lambda steps: np.log(2 * steps - 1), 0.495, "the shares multiply"),
        (lambda steps: 0.0, 0.495, "after a single step"),
        (lambda steps: bias_for(steps + 1), 0.495, "one step more"),
        (lambda steps: bias_for(steps - 1), 0.495, "one step less"),
        (lambda steps: 4.27, 0.495, "From it 0.93 of a state is left after 5"),
        (bias_for, 3e-11, "block of z"),
        (bias_for, 6e-6, "block of z"),
        (bias_for, 0.0, "is the bias negative"),
        (bias_for, 4.27, "the bias."),
        (bias_for, 49.5, "in percent"),
        (bias_for, 1.0, "at the end itself"),
        (bias_for, 0.866, "10 steps back"),
        (bias_for, 0.434, "59 steps back"),
        (bias_for, 0.7, "not 0.700"),
    ],
)
def test_long_memory_refused(is_refused, answer, gradient, sentence):
    is_refused("01.2", sentence, answer, gradient)


def mgu(x, W_f, W_h, U_f, U_h, b_f, b_h):
    h, states = np.zeros((len(x), len(U_f))), []
    for t in range(x.shape[1]):
        f_t = sigmoid(x[:, t] @ W_f + h @ U_f + b_f)
        h_hat = np.tanh(x[:, t] @ W_h + (f_t * h) @ U_h + b_h)
        h = (1 - f_t) * h + f_t * h_hat
        states.append(h)
    return np.stack(states, axis=1)


def lower_precision(*arrays):
    return mgu(*(a.astype("float32") for a in arrays))


def by_the_package(x, W_f, W_h, U_f, U_h, b_f, b_h):
    arrays = dict(W_z=W_f, W_r=W_f, W_h=W_h, U_z=U_f, U_r=U_f, U_h=U_h, b_z=b_f, b_r=b_f, b_h=b_h)
    w = GRUWeights(**arrays, reset_after=False, update_gate="write")
    h, states = np.zeros((len(x), len(U_f))), np.zeros((*x.shape[:2], len(U_f)))
    for t in range(x.shape[1]):
        h = states[:, t] = gru_step(x[:, t], h, w)[-1]
    return states.tolist()


def in_keras(x, W_f, W_h, U_f, U_h, b_f, b_h):
    x, W_f, W_h, U_f, U_h, b_f, b_h = (
        keras.ops.convert_to_tensor(a, "float32") for a in (x, W_f, W_h, U_f, U_h, b_f, b_h)
    )
    h, states = keras.ops.zeros((len(x), len(U_f))), []
    for t in range(x.shape[1]):
        f = keras.ops.sigmoid(b_f + h @ U_f + x[:, t] @ W_f)
        h = h + f * (keras.ops.tanh(b_h + (h * f) @ U_h + x[:, t] @ W_h) - h)
        states.append(h)
    return keras.ops.stack(states, axis=1)


@pytest.mark.parametrize("answer", [mgu, lower_precision, by_the_package, in_keras])
def test_mgu(is_right, answer):
    is_right("01.3", answer)


def changed(**changes):
    """Return a minimal gated unit in which something is another way."""

    def answer(x, W_f, W_h, U_f, U_h, b_f, b_h):
        h, states = np.zeros((len(x), len(U_f))), []
        for t in range(x.shape[1]):
            f = sigmoid(changes.get("sign", 1) * (x[:, t] @ W_f + h @ U_f + b_f))
            if "after" in changes:
                past = f * (h @ U_h)
            else:
                past = (changes.get("seen", f) * h) @ U_h
            h_hat = np.tanh(x[:, t] @ W_h + past + b_h)
            if "keep" in changes:
                h = f * h + (1 - f) * h_hat
            else:
                h = (1 - f) * h + f * h_hat
            states.append(h)
        return np.stack(states, axis=1)

    return answer


def transposed(*which):
    def answer(x, *arrays):
        return mgu(x, *(a.T if i in which else a for i, a in enumerate(arrays)))

    return answer


def without(which):
    return lambda x, *arrays: mgu(x, *(a * (i != which) for i, a in enumerate(arrays)))


def from_ones(x, W_f, W_h, U_f, U_h, b_f, b_h):
    first = np.ones((len(x), len(U_f)))
    f = sigmoid(x[:, 0] @ W_f + first @ U_f + b_f)
    return mgu(x, W_f, W_h, U_f, U_h, b_f, b_h) + f[:, None]


def late(*arguments):
    h = mgu(*arguments)
    return np.concatenate([np.zeros_like(h[:, :1]), h[:, :-1]], axis=1)


def with_zeros(*arguments):
    h = mgu(*arguments)
    return np.concatenate([np.zeros_like(h[:, :1]), h], axis=1)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (changed(keep=True), "f and 1 - f are the wrong way round"),
        (changed(sign=-1), "wrong sign inside its sigmoid"),
        (changed(after=True), "after the product"),
        (changed(seen=1), "sees h whole"),
        (changed(seen=0), "doesn't see h at all"),
        (transposed(3), "U_h is transposed"),
        (transposed(2), "U_f is transposed"),
        (transposed(1), "W_h is transposed"),
        (transposed(0), "W_f is transposed"),
        (without(4), "b_f is missing"),
        (without(5), "b_h is missing"),
        (late, "off by one"),
        (with_zeros, "one state too many"),
        (lambda *a: mgu(*a)[:, -1], "only the last state"),
        (lambda *a: mgu(*a).swapaxes(0, 1), "time comes first"),
        (lambda *a: mgu(*a)[..., :1], "the shape is (4, 6, 1)"),
        (lambda *a: np.cumsum(mgu(*a), axis=1), "right up to step 1"),
        (from_ones, "wrong from the first step"),
    ],
)
def test_mgu_refused(is_refused, answer, sentence):
    is_refused("01.3", sentence, answer)
