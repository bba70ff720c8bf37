"""Exercises of lesson 03: where the weights are, a larger learning rate, and a single step."""

import numpy as np

from gru_tf.exercises.checking import Wrong, as_array, as_number, close, exercise, require

UNITS = 32
MEAN_MSE = 70.3  # of always saying the mean, of the validation part, (1000 USD)²
NEAR = 74  # near enough to it: a model that says nearly the same of all has a little more or less
# Test errors over the twelve splits, in (1000 USD)², the mean of ten runs and of four. Between
# runs one of them differs by up to a sixth.
ONE_STEP = np.array([20.1, 9.4, 7.1, 8.8, 13.9, 8.9, 13.6, 23.2, 15.4, 9.5, 14.6, 21.9])
TWELVE_STEPS = np.array([29.5, 17.2, 13.1, 13.1, 18.8, 17.7, 20.4, 23.9, 20.2, 16.0, 23.1, 23.7])


@exercise("03.1", "a gate has n_x weights, 32 weights and two biases for each of its 32 units.")
def weights(n_gru, n_dense, n_twelve):
    n_gru, n_dense = as_number(n_gru, "n_gru"), as_number(n_dense, "n_dense")
    n_twelve = as_number(n_twelve, "n_twelve")

    def gru(n_x, biases=2, neurons=3):
        return neurons * UNITS * (n_x + UNITS + biases)

    require((n_gru, n_dense) != (UNITS + 1, gru(1)), "n_gru and n_dense are the wrong way round.")
    causes = {
        gru(1) + UNITS + 1: "is the whole model: leave Dense out.",
        gru(1, biases=1): "is 96 too few: a neuron has one weight of the input and two biases.",
        gru(1, biases=0): "lacks the biases: two for each neuron.",
        gru(1, neurons=2): "has two neurons a unit: the candidate is a third.",
        gru(1, neurons=4): "has four neurons a unit, as in an LSTM.",
        gru(1, neurons=1): "is one of three: update gate, reset gate, candidate.",
        13 * gru(1): "counts each of 13 steps: all steps use the same weights.",
        gru(13): "reads 13 features: it reads one, in 13 steps.",
    }
    require(n_gru not in causes, f"n_gru {causes.get(n_gru)}")
    require(n_gru == gru(1), f"n_gru is not {n_gru:,.0f}.")
    before = "n_gru is right, but n_dense"
    require(n_dense != UNITS, f"{before} lacks the bias.")
    require(n_dense != 13 * UNITS + 1, f"{before} reads all steps: it reads the last state alone.")
    require(n_dense == UNITS + 1, f"{before} is not {n_dense:,.0f}.")
    causes = {
        gru(12): "lacks those of Dense.",
        gru(1) + UNITS + 1: "is as before: each neuron reads 12 numbers now, not one.",
        12 * (gru(1) + UNITS + 1): "is 12 times the model: only the weights of the input grow.",
        12 * gru(1) + UNITS + 1: "is 12 times the GRU: only the weights of the input grow.",
        gru(13) + UNITS + 1: "reads 13 features: there are 12.",
        gru(12, biases=1) + UNITS + 1: "has one bias for each neuron: there are two.",
        gru(1) + UNITS + 1 + 11 * UNITS: "has the new inputs for one neuron a unit: there are 3.",
    }
    require(n_twelve not in causes, f"the first two are right, but n_twelve {causes.get(n_twelve)}")
    right = gru(12) + UNITS + 1
    require(n_twelve == right, f"the first two are right, but n_twelve is not {n_twelve:,.0f}.")
    return "The number of steps does not matter: every step uses the same weights."


@exercise(
    "03.2", 'build_tabular_regressor(..., learning_rate=0.01), fit on y_train, history["val_loss"].'
)
def larger_rate(val_losses, n_epochs):
    if isinstance(val_losses, dict):
        raise Wrong('val_losses is a dict: take its list "val_loss".')
    losses = as_array(val_losses, "val_losses")
    require(losses.size == 50, f"val_losses holds {losses.size} numbers, not one for each epoch.")
    losses = losses.ravel()
    require(np.isfinite(losses).all(), "val_losses holds what is no number.")
    require(losses[0] > 4, "these losses are in standardised units: leave the target as it is.")
    require(losses[0] < 5000, "these losses are in USD²: count in 1000 USD, as the target does.")
    require(losses[0] > 25, "these are roots, or absolute errors: take the squared ones.")
    require(
        losses[0] > 2 * MEAN_MSE,
        "the first loss is at the error of the mean, or below it: leave the target as it is.",
    )
    below = losses < NEAR
    if not below[:15].any():
        raise Wrong("it takes more than 15 epochs to get below 74: was the learning rate 0.01?")
    require(not below[1], "it is below 74 after two epochs: that rate is above 0.01.")
    n, right = as_number(n_epochs, "n_epochs"), int(np.argmax(below)) + 1
    levels = [level for level in (NEAR - 0.5, NEAR, NEAR + 0.5) if losses.min() < level]
    about = [int(np.argmax(losses < level)) + 1 for level in levels]
    if n in about:
        return "Section 5 needed about ten times as many, with a tenth of the rate."
    before = "val_losses are right, but n_epochs"
    require(n != right - 1, f"{before} is an index: the first epoch has the index 0.")
    require(n != right + 1, f"{before} is one too many: it is below 74 after {right}.")
    require(n != 50, f"{before} is all of them: when is the loss below 74 for the first time?")
    require(n != below.sum(), f"{before} counts those below 74: count up to the first of them.")
    raise Wrong(f"{before} is not {n:g}.")


@exercise(
    "03.3", "x[:, :, None] puts the new axis in front of the columns; standardise y as before."
)
def as_one_step(function, one_step, twelve_steps, n_better):
    for models, batch, columns in ((3, 4, 12), (1, 5, 12), (12, 12, 12)):
        x = np.arange(models * batch * columns, dtype="float32").reshape(models, batch, columns)
        found = as_array(function(x.copy()), "the result")
        if found.shape != (models, batch, 1, columns):
            raise Wrong(f"of {x.shape} as_one_step makes {found.shape}. {what_axis(found, x)}")
        require(
            close(found[:, :, 0], x.astype("float64")),
            "the shape of as_one_step is right, but the numbers are not where they were.",
        )
    errors, others = of_splits(one_step, "one_step"), of_splits(twelve_steps, 'districts["GRU"]')
    before = "as_one_step is right, but the errors are"
    require(errors.max() > 2, f"{before} in standardised units: turn the predictions back.")
    require(errors.max() > 8, f"{before} roots: leave them squared.")
    require(errors.max() < 1e5, f"{before} in USD²: count in 1000 USD, as the target does.")
    require(errors.min() < 60, f"{before} as large as those of the mean: standardise the target.")
    if not alike(errors, ONE_STEP):
        require(
            not alike(np.sort(errors), np.sort(ONE_STEP)), f"{before} not in the splits' order."
        )
        require(
            not alike(errors, TWELVE_STEPS), f"{before} those of 12 steps: was as_one_step used?"
        )
        raise Wrong(f"{before} not those of 50 epochs with the rate 0.001 on splits 0 to 11.")
    require(
        alike(others, TWELVE_STEPS),
        'one_step is right, but districts["GRU"] is not what section 7 made: run that again.',
    )
    n, right = as_number(n_better, "n_better"), int((errors < others).sum())
    before = "one_step is right, but n_better"
    require(n == int(n) and 0 <= n <= 12, f"{before} is {n:g}: count splits, 0 to 12.")
    require(n != 12 - right, f"{before} counts the splits on which 12 steps are better.")
    require(n == right, f"{before} is not {n:g}: compare split by split.")
    return "No column is forgotten, as all are read at once."


def of_splits(errors, name):
    errors = as_array(errors, name)
    require(errors.size == 12, f"{name} holds {errors.size} numbers, not one for each split.")
    require((errors > 0).all(), f"{name} holds what is no error: {errors.min():g}.")
    return errors.ravel()


def alike(errors, expected):
    """Return whether errors are those expected, but for the start and the order of the batches.

    By these the mean of the ratios moved by 1.07 at most. Twice the rate, or the epochs, moves it
    by 1.13 or more.
    """
    ratios = np.log(errors / expected)
    return bool(abs(ratios.mean()) < np.log(1.12) and (np.abs(ratios) < np.log(1.4)).all())


def what_axis(found, x):
    models, batch, columns = x.shape
    if found.shape == (models, batch, columns, 1):
        return "Those are steps of one feature: put the new axis before the columns."
    if found.shape == (models, 1, batch, columns):
        return "The districts became steps: put the new axis before the columns."
    if found.shape == (1, models, batch, columns):
        return "The new axis is in front: put it before the columns."
    if found.ndim == 3:
        return "An axis is missing."
    return f"It should be {(models, batch, 1, columns)}."
