"""Exercises of lesson 05: the price of two searches, and a grid over a builder of one's own."""

import itertools

from gru_tf.exercises.checking import Unsolved, as_number, exercise, require

UNITS, RATES = (4, 8, 16), (1e-3, 1e-2)
COPY_LOSS, NOISE_FLOOR = 0.504, 0.0625  # mean squared errors on the test part


@exercise("05.1", "S = 3 and E = 3; bracket 2 has 9, 3 and 1 trials up to epochs 1, 3 and 9.")
def nine(trials, epoch_runs):
    trials, epoch_runs = as_number(trials, "nine_trials"), as_number(epoch_runs, "nine_epoch_runs")
    require((trials, epoch_runs) != (75, 23), "the two are the wrong way round.")
    causes = {
        22: "is that of the paper: Keras Tuner rounds up, and 5/3 trials are 2.",
        21: "comes from rounding down: 4.5 trials are 5, and 1.5 are 2.",
        17: "counts the first rung of each bracket: a trial on a higher rung is a trial, too.",
        13: "is that of the first bracket alone: there are three.",
        20: "lacks bracket 0: it trains three to the end.",
        6: "is that for R = 3.",
        30: "is that for R = 10.",
    }
    require(trials not in causes, f"nine_trials is {trials:g}, which {causes.get(trials)}")
    require(trials == 23, f"nine_trials is not {trials:g}.")
    causes = {
        87: "trains each rung from its start: a trial goes on from the epoch that it has reached.",
        66: "comes from rounding down: 4.5 trials are 5, and 1.5 are 2.",
        69: "is that of the paper: Keras Tuner rounds up, and 5/3 trials are 2.",
        36: "is the rule of thumb, 9 · 2²: count the rungs.",
        21: "is that of bracket 2 alone: there are three.",
        48: "lacks bracket 0: it trains three to the end.",
        54: "lacks bracket 2, which has most trials.",
        207: "is trials times R: most of them end earlier.",
        120: "is that for R = 10.",
    }
    require(
        epoch_runs not in causes,
        f"nine_trials is right, and nine_epoch_runs is {epoch_runs:g}, which "
        f"{causes.get(epoch_runs)}",
    )
    require(epoch_runs == 75, f"nine_trials is right, and nine_epoch_runs is not {epoch_runs:g}.")


@exercise(
    "05.2", "S = 3 and E = 3; a fit ends after patience + 1 epochs at the soonest, and has up to 4."
)
def four(trials, epoch_runs, patience):
    trials, epoch_runs = as_number(trials, "four_trials"), as_number(epoch_runs, "four_epoch_runs")
    patience = as_number(patience, "largest_patience")
    require((trials, epoch_runs) != (30, 15), "trials and epoch-runs are the wrong way round.")
    causes = {
        10: "is that with the factor 3, or of the first rungs alone: one in two goes on.",
        7: "is that of bracket 2 alone: there are three.",
        12: "lacks bracket 0: it trains three to the end.",
        14: "comes from rounding down: 1.5 trials are 2.",
    }
    require(trials not in causes, f"four_trials is {trials:g}, which {causes.get(trials)}")
    require(trials == 15, f"four_trials is not {trials:g}.")
    causes = {
        38: "trains each rung from its start: a trial goes on from the epoch that it has reached.",
        26: "is that with the factor 3.",
        28: "comes from rounding down: 1.5 trials are 2.",
        16: "is the rule of thumb, 4 · 2²: count the rungs.",
        18: "lacks bracket 0: it trains three to the end.",
        60: "is trials times R: most of them end earlier.",
    }
    require(
        epoch_runs not in causes,
        f"four_trials is right, and four_epoch_runs is {epoch_runs:g}, which "
        f"{causes.get(epoch_runs)}",
    )
    require(epoch_runs == 30, f"four_trials is right, and four_epoch_runs is not {epoch_runs:g}.")
    place = "the price is right, and largest_patience is not:"
    require(
        patience != 3,
        f"{place} with 3 a fit ends after epoch 4 at the soonest, and none is longer.",
    )
    require(
        patience < 3,
        f"{place} a fit without gain ends after {patience + 1:g} epochs; has one so many?",
    )
    require(patience != 1, f"{place} with 1 it saves an epoch, but not only with 1.")
    require(patience != 0, f"{place} with 0 it saves an epoch, but not only with 0.")
    require(patience == 2, f"{place} a patience is 0, 1, 2, ...")
    return "Only bracket 0, which runs 4 epochs in one go, can be stopped early."


@exercise(
    "05.3",
    "hp.Choice('units', [4, 8, 16]) and another for the rate go to the builder; "
    "make_tuner('grid', ..., max_epochs=3, objective='val_loss').",
)
def grid(function, table, loss):
    check_builder(function)
    check_table(table)
    require(not isinstance(loss, dict), "grid_loss is all scores of `best_model`: take its loss.")
    loss = as_number(loss, "grid_loss")
    require(
        loss > 0.8 * NOISE_FLOOR,
        f"grid_loss is {loss:.3f}, less than the noise leaves to anybody: is it of the test part?",
    )
    require(
        loss < COPY_LOSS,
        f"grid_loss is {loss:.3f}, and a forecast that copies the last value has {COPY_LOSS}: was "
        "the winner trained?",
    )
    best = float(table.score.iloc[0])
    require(
        all(abs(loss - score) > 1e-6 for score in table.score),
        "grid_loss is a score of grid_table, of the validation part that chose: take the loss of "
        "the winner, trained afresh, on the test part.",
    )
    require(
        loss < 2.5 * best,
        f"grid_loss is {loss:.3f}, and the winner's validation loss {best:.3f}: take the loss "
        "itself, not its root or the mean absolute error.",
    )
    return "The winner is below copying."


def check_builder(function):
    import keras_tuner

    hp = keras_tuner.HyperParameters()
    model = function(hp)
    names = sorted(parameter.name for parameter in hp.space)
    require(names, "the builder asks hp for nothing: use hp.Choice for both.")
    require(
        names == ["learning_rate", "units"],
        f"the builder tunes {' and '.join(names)}, not learning_rate and units.",
    )
    for name, right in (("units", UNITS), ("learning_rate", RATES)):
        values = next(parameter.values for parameter in hp.space if parameter.name == name)
        values = sorted(float(value) for value in values)
        shown = ", ".join(f"{value:g}" for value in values[:6]) + ", ..." * (len(values) > 6)
        same = len(values) == len(right) and all(
            abs(a - b) < 1e-6 for a, b in zip(values, right, strict=True)
        )
        require(same, f"{name} is chosen from {shown}, not from {', '.join(map(str, right))}.")
    check_model(model, hp.get("units"), hp.get("learning_rate"))
    others = {"units": UNITS, "learning_rate": RATES}
    for name, values in others.items():
        hp.values[name] = next(value for value in values[::-1] if value != hp.get(name))
    check_model(function(hp), hp.get("units"), hp.get("learning_rate"))


def check_model(model, units, rate):
    import keras

    require(
        isinstance(model, keras.Model), f"the builder returns {type(model).__name__}, not a model."
    )
    require(model.compiled, "the model is not compiled.")
    window = model.input_shape[1]
    require(
        window in (16, None),
        f"the model reads {window} values, and a window of load_next_value() has 16.",
    )
    n, right = model.count_params(), 3 * (units + units**2 + 2 * units) + units + 1
    require(
        n == right,
        f"for {units} units the model has {n} weights, not {right}: give hp's units to the "
        "builder.",
    )
    found = float(model.optimizer.learning_rate)
    require(
        abs(found - rate) < 1e-6,
        f"for the rate {rate:g} the optimizer has {found:g}: give hp's rate to the builder.",
    )


def check_table(table):
    columns = {"units", "learning_rate", "epochs_run", "score"}
    require(
        hasattr(table, "columns") and columns <= {*table.columns},
        "grid_table is no leaderboard: take what `leaderboard` gives of the tuner.",
    )
    if not len(table):
        raise Unsolved
    require(table.score.notna().all(), "a trial of grid_table has no score: was the search ended?")
    require("rung" not in table, "grid_table is of a Hyperband search: the kind is 'grid'.")
    tried = sorted(zip(table.units.astype(int), table.learning_rate.astype(float), strict=True))
    require(
        len(tried) == 6,
        f"grid_table has {len(tried)} trials: the grid of 3 and 2 values has 6.",
    )
    require(tried == [*itertools.product(UNITS, RATES)], "a setting of the grid was not tried.")
    epochs = sorted({int(n) for n in table.epochs_run})
    require(epochs == [3], f"trials ran {epochs} epochs, not 3 each.")
    require(
        table.score.is_monotonic_increasing,
        "the largest score stands first: val_loss is better the smaller it is.",
    )
    require(
        table.score.iloc[0] > 0.8 * NOISE_FLOOR,
        "the best score is below what the noise leaves to anybody: the objective is val_loss.",
    )
