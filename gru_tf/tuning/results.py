"""What came of a search: a table of its trials, and the best model, judged.

`gru_tf.tuning` offers both.
"""

import keras
import keras_tuner as kt
import pandas as pd

from gru_tf.checks import check_at_least, check_instance, check_number
from gru_tf.tuning.space import check_validated, has_fit, list_callbacks, objective_names
from gru_tf.tuning.trials import chosen, column, identity, row


def leaderboard(tuner):
    """List the trials of a search, best first.

    Args:
        tuner: A tuner from `make_tuner`, before, amid or after its search.

    Returns:
        A `pandas.DataFrame` with one row per trial, indexed by rank from 1: `trial`, its
        place in the order of the search, from 1; `score`, NaN if it failed or isn't
        finished; each hyperparameter; for Hyperband `bracket` and `rung`; `epochs`
        that its model has been trained for, those of earlier rungs included, counted
        by the steps of its optimizer; `epochs_run` by this trial alone, and its
        `seconds`; `parameters`, the number of its weights; `status`, and `why` it
        failed, if it did. `table.attrs["hyperparameters"]` lists the columns of the
        hyperparameters. One that is named as another column, `rank` or `ties` is found
        under `hp.`, as in `hp.score`.

    Example:

    >>> leaderboard(tuner)[["units", "score"]].head(1)  # doctest: +SKIP
    """
    oracle = getattr(tuner, "oracle", tuner)  # all that a report has of a search
    check_instance("tuner", oracle, kt.Oracle, "a tuner from make_tuner()")
    trials = [oracle.get_trial(trial_id) for trial_id in oracle.start_order]
    if not trials:
        table = pd.DataFrame({"trial": [], "score": []}, dtype=float)
        table.attrs["hyperparameters"] = []
        return table
    rows = [
        row(number, trial) | {"ties": identity(trial.hyperparameters.values)}
        for number, trial in enumerate(trials, 1)
    ]
    ascending = [oracle.objective.direction == "min", True]
    table = pd.DataFrame(rows).sort_values(["score", "ties"], ascending=ascending)
    table.index = pd.RangeIndex(1, len(table) + 1, name="rank")
    table = table.drop(columns="ties")
    names = dict.fromkeys(column(n) for t in trials for n in chosen(t.hyperparameters.values))
    table.attrs["hyperparameters"] = list(names)
    return table


def best_model(
    tuner,
    x,
    y=None,
    *,
    test_data,
    validation_data=None,
    validation_split=0.0,
    epochs=None,
    patience=3,
    **options,
):
    """Train the best setting of a search, and judge it on data that the search has not seen.

    The score of a leaderboard's first place is too good: it is the best of many noisy
    numbers. So the model is trained afresh, with early stopping on the objective, and
    then evaluated once on held-out data. An objective that only `HyperModel.fit` knows, as
    the number that it returns, stops nothing: its model has all of the epochs.

    Args:
        tuner: A tuner from `make_tuner` with at least one completed trial.
        x: Training data, an array, a dataset or a function that makes one.
        y: Labels, unless they are in `x`.
        test_data: A pair (x, y) of arrays, or with sample weights, a dataset or a function
            that makes one, not used for model selection.
        validation_data: Of the same kinds, for early stopping.
        validation_split: Part of the arrays that is set apart in its place.
        epochs: Largest number of epochs, or None for twice those of the search.
        patience: Epochs without a gain after which training stops.
        **options: More arguments of `model.fit`, such as `batch_size`, `callbacks` or `verbose`.

    Returns:
        A pair: the trained `keras.Model`, with the weights of its best epoch, and the
        dict of what `evaluate` measured on the test data.

    Raises:
        ValueError: If no trial of the search is completed, or if the objective needs
            validation data, and neither are there any nor is there a `HyperModel.fit` that
            may set some apart.
        TypeError: If `callbacks` are none of Keras'.

    Example:

    ```python
    model, scores = best_model(tuner, x, y, validation_split=0.2, test_data=(x_test, y_test))
    ```
    """
    check_instance("tuner", tuner, kt.Tuner, "a tuner from make_tuner()")
    check_number("validation_split", validation_split, least=0, below=1)
    check_at_least("epochs", 1 if epochs is None else epochs, 1)
    check_at_least("patience", patience, 0)
    best = tuner.oracle.get_best_trials(1)
    goal = tuner.oracle.objective
    if not best:
        n = len(tuner.oracle.trials)
        raise ValueError(
            f"No trial of {tuner.project_name!r} is completed: search first. Received: {n} trials."
        )
    if not has_fit(tuner.hypermodel):  # which may set data apart by itself
        check_validated(goal, validation_data, validation_split)
    callbacks = list_callbacks(options.pop("callbacks", None))
    keras.utils.set_random_seed(tuner.seed)
    settings = best[0].hyperparameters
    model = tuner.hypermodel.build(settings)
    stop = keras.callbacks.EarlyStopping(
        goal.name, patience=patience, mode=goal.direction, restore_best_weights=True
    )
    # Several objectives are ranked by their sum, which no metric reports.
    total = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.setdefault(goal.name, goal.get_value(logs))
    )
    if objective_names(goal) != ["default_objective"]:  # Keras Tuner's for None
        callbacks += [total, stop]
    x, validation_data, test_data = (
        data() if callable(data) else data for data in (x, validation_data, test_data)
    )
    if validation_data is not None:
        options["validation_data"] = validation_data
    if validation_split:
        options["validation_split"] = validation_split
    tuner.hypermodel.fit(
        settings,
        model,
        x,
        y,
        epochs=epochs or 2 * tuner.max_epochs,
        callbacks=callbacks,
        **{"verbose": 0, **options},
    )
    x, y, weights = keras.utils.unpack_x_y_sample_weight(test_data)
    scores = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    return model, scores
