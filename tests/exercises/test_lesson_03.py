"""The checks of lesson 03: right answers in several forms, and wrong ones."""

import numpy as np
import pandas as pd
import pytest

from gru_tf.exercises.lesson_03 import ONE_STEP, TWELVE_STEPS
from gru_tf.models import build_next_value_regressor, build_tabular_regressor


def test_weights(is_right):
    model = build_tabular_regressor(13)
    n_gru, n_dense = (model.get_layer(name).count_params() for name in ("gru", "target"))
    n_twelve = build_next_value_regressor(1, 12).count_params()
    is_right("03.1", n_gru, n_dense, n_twelve)
    is_right("03.1", np.float32(n_gru), [n_dense], np.array([n_twelve]))


@pytest.mark.parametrize(
    ("n_gru", "n_dense", "n_twelve", "sentence"),
    [
        (33, 3360, 4449, "wrong way round"),
        (3393, 33, 4449, "whole model"),
        (3264, 33, 4449, "is 96 too few"),
        (3168, 33, 4449, "lacks the biases"),
        (2240, 33, 4449, "two neurons a unit"),
        (4480, 33, 4449, "as in an LSTM"),
        (3264 + 1, 33, 4449, "not 3,265"),
        (43680, 33, 4449, "counts each of 13 steps"),
        (4512, 33, 4449, "reads 13 features"),
        (3360, 32, 4449, "lacks the bias"),
        (3360, 417, 4449, "the last state alone"),
        (3360, 34, 4449, "n_dense is not 34"),
        (3360, 33, 4416, "lacks those of Dense"),
        (3360, 33, 3393, "is as before"),
        (3360, 33, 40716, "12 times the model"),
        (3360, 33, 40353, "12 times the GRU"),
        (3360, 33, 4545, "there are 12"),
        (3360, 33, 4353, "there are two"),
        (3360, 33, 3745, "for one neuron a unit"),
        (3360, 33, 4450, "n_twelve is not 4,450"),
    ],
)
def test_weights_refused(is_refused, n_gru, n_dense, n_twelve, sentence):
    is_refused("03.1", sentence, n_gru, n_dense, n_twelve)


# As a training at the rate 0.01 went, and one that stayed at the error of the mean.
LOSSES = np.r_[259.6, 165.4, 107.0, 79.0, 73.0, np.linspace(70, 40, 45)]
STUCK = np.r_[250.9, 155.6, 99.0, 72.0, np.full(46, 70.3)]
# Never as low as half below 74.
BARELY = np.r_[np.linspace(250, 90, 8), np.full(42, 73.7)]
SLOW = np.r_[np.linspace(520, 76, 45), np.full(5, 74.0)]


def test_larger_rate(is_right):
    is_right("03.2", LOSSES, 5)
    is_right("03.2", list(STUCK), np.float32(4))
    is_right("03.2", BARELY, 9)
    is_right("03.2", LOSSES.astype("float32")[:, None], [5])


@pytest.mark.parametrize(
    ("losses", "n", "sentence"),
    [
        (LOSSES / 84, 5, "standardised units"),
        (LOSSES * 1e6, 5, "in USD²"),
        (np.sqrt(LOSSES), 5, "are roots"),
        (np.linspace(80, 15, 50), 5, "at the error of the mean, or below it"),
        (np.linspace(30, 10, 50), 1, "leave the target as it is"),
        (SLOW, 46, "was the learning rate 0.01?"),
        (np.r_[250, 70, np.full(48, 60)], 2, "that rate is above 0.01"),
        (LOSSES[:10], 5, "holds 10 numbers"),
        ({"val_loss": LOSSES}, 5, 'take its list "val_loss"'),
        (np.full(50, np.nan), 5, "no number"),
        (LOSSES, 4, "is an index"),
        (LOSSES, 6, "one too many"),
        (LOSSES, 50, "all of them"),
        (LOSSES, 46, "counts those below 74"),
        (LOSSES, 20, "is not 20"),
        (BARELY, 1, "is not 1"),
    ],
)
def test_larger_rate_refused(is_refused, losses, n, sentence):
    is_refused("03.2", sentence, losses, n)


def as_one_step(x):
    return x[:, :, None]


def by_reshape(x):
    return x.reshape(*x.shape[:2], 1, -1).astype("float32")


def by_reshape_to_12(x):
    return np.reshape(x, (len(x), -1, 1, 12))


def by_a_list(x):
    return [[[list(district)] for district in part] for part in x]


def in_tensorflow(x):
    import tensorflow as tf

    return tf.expand_dims(tf.constant(x, tf.float32), 2)


ANOTHER_RUN = ONE_STEP * np.random.default_rng(0).uniform(0.85, 1.15, 12)


@pytest.mark.parametrize(
    "answer", [as_one_step, by_reshape, by_reshape_to_12, by_a_list, in_tensorflow]
)
@pytest.mark.parametrize("errors", [ONE_STEP, ANOTHER_RUN.astype("float32"), list(ANOTHER_RUN)])
def test_one_step(is_right, answer, errors):
    n_better = int(np.sum(np.array(errors) < TWELVE_STEPS))
    is_right("03.3", answer, errors, TWELVE_STEPS, n_better)
    is_right("03.3", answer, errors, pd.Series(TWELVE_STEPS.astype("float32")), n_better)


def mixed(x):
    return x.transpose(0, 2, 1).reshape(*x.shape[:2], 1, -1)


@pytest.mark.parametrize(
    ("answer", "errors", "n_better", "sentence"),
    [
        (lambda x: x[..., None], ONE_STEP, 11, "steps of one feature"),
        (lambda x: x[:, None], ONE_STEP, 11, "The districts became steps"),
        (lambda x: x[None], ONE_STEP, 11, "in front"),
        (lambda x: x, ONE_STEP, 11, "An axis is missing"),
        (lambda x: x[:, :, :, None, None], ONE_STEP, 11, "It should be (3, 4, 1, 12)"),
        (mixed, ONE_STEP, 11, "not where they were"),
        (lambda x: x[:, ::-1, None], ONE_STEP, 11, "not where they were"),
        (as_one_step, ONE_STEP / 80, 11, "standardised units"),
        (as_one_step, np.sqrt(ONE_STEP), 11, "are roots"),
        (as_one_step, ONE_STEP * 1e6, 11, "in USD²"),
        (as_one_step, ONE_STEP + 90, 11, "as large as those of the mean"),
        (as_one_step, ONE_STEP[::-1], 11, "splits' order"),
        (as_one_step, TWELVE_STEPS, 11, "those of 12 steps"),
        (as_one_step, ONE_STEP / 2, 11, "not those of 50 epochs"),
        (as_one_step, ONE_STEP * 0.88, 11, "not those of 50 epochs"),
        (as_one_step, ONE_STEP * np.nan, 11, "no error: nan"),
        (as_one_step, ONE_STEP[:11], 11, "holds 11 numbers"),
        (as_one_step, ONE_STEP, 0, "on which 12 steps are better"),
        (as_one_step, ONE_STEP, 11 / 12, "count splits"),
        (as_one_step, ONE_STEP, 6, "split by split"),
        (as_one_step, ONE_STEP, 11, "split by split"),
    ],
)
def test_one_step_refused(is_refused, answer, errors, n_better, sentence):
    is_refused("03.3", sentence, answer, errors, TWELVE_STEPS, n_better)


@pytest.mark.parametrize(
    ("twelve_steps", "sentence"),
    [
        (TWELVE_STEPS[:11], "holds 11 numbers"),
        (ONE_STEP, "is not what section 7 made"),
        (TWELVE_STEPS / 2, "is not what section 7 made"),
    ],
)
def test_other_errors_of_twelve_steps_refused(is_refused, twelve_steps, sentence):
    is_refused("03.3", sentence, as_one_step, ONE_STEP, twelve_steps, 12)
