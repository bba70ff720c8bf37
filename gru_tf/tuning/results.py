"""What came of a search: a table of its trials, and the best model, judged.

`gru_tf.tuning` offers both.
"""

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from gru_tf.tuning.trials import chosen, identity, why


def leaderboard(tuner):
    """List the trials of a search, best first.

    Args:
        tuner: A tuner from `make_tuner`, before, amid or after its search; in a worker
            after it.

    Returns:
        A `pandas.DataFrame` with one row a trial, indexed by rank from 1: `trial`, its
        place in the order of the search, from 1; `score`, NaN if it failed or isn't
        finished; each hyperparameter; for Hyperband `bracket` and `rung`; `epochs`
        that its model has seen, those of earlier rungs included; `epochs_run` by this
        trial alone, and its `seconds`; `parameters`, the number of its weights;
        `status`, and `why` it failed, if it did.

    Example:

    >>> leaderboard(tuner)[["units", "score"]].head(1)  # doctest: +SKIP
    """
    rows = []
    for number, trial_id in enumerate(tuner.oracle.start_order, 1):
        trial = tuner.oracle.get_trial(trial_id)
        values, metrics = trial.hyperparameters.values, trial.metrics
        score = trial.score if trial.status == "COMPLETED" else np.nan
        row = {"trial": number, "score": score, **chosen(values)}
        if "tuner/round" in values:
            row |= {"bracket": values["tuner/bracket"], "rung": values["tuner/round"]}
        done = metrics.exists("epochs_run")
        epochs = int(metrics.get_last_value("epochs_run")) if done else 0
        row["epochs"] = values.get("tuner/initial_epoch", 0) + epochs
        row["epochs_run"] = epochs
        row["seconds"] = metrics.get_last_value("seconds") if done else np.nan
        row["parameters"] = int(metrics.get_last_value("parameters")) if done else 0
        row["status"] = trial.status.lower()
        row["why"] = why(trial) if trial.status == "FAILED" else ""
        rows.append(row | {"ties": identity(values)})
    if not rows:
        return pd.DataFrame(columns=["trial", "score"])
    ascending = [tuner.oracle.objective.direction == "min", True]
    table = pd.DataFrame(rows).sort_values(["score", "ties"], ascending=ascending)
    table.index = pd.RangeIndex(1, len(table) + 1, name="rank")
    return table.drop(columns="ties")


def best_model(
    tuner,
    x,
    y=None,
    *,
    test_data,
    validation_data=None,
    validation_split=0.0,
    from_checkpoint=False,
    epochs=None,
    patience=3,
    **options,
):
    """Train the best setting of a search, and judge it on data that the search has not seen.

    The score of a leaderboard's first place is too good: it is the best of many noisy
    numbers. So the model is trained afresh, with early stopping on the objective, and
    then evaluated once on held-out data.

    Args:
        tuner: A tuner from `make_tuner` with at least one completed trial.
        x: Training data, an array, a dataset or a function that makes one.
        y: Labels, unless they are in `x`.
        test_data: A pair (x, y) of arrays, a dataset or a function that makes one, that
            nothing has been chosen by.
        validation_data: A pair (x, y) of arrays, a dataset or a function that makes one,
            for early stopping.
        validation_split: Part of the arrays that is set apart in its place.
        from_checkpoint: Whether to go on from the weights of the best trial, in place
            of new ones. They stay if no epoch is better.
        epochs: Largest number of epochs, or None for twice those of the search.
        patience: Epochs without a gain after which training stops.
        **options: More arguments of `model.fit`, such as `batch_size` or `verbose`.

    Returns:
        A pair: the trained `keras.Model`, with the weights of its best epoch, and the
        dict of what `evaluate` measured on the test data.

    Raises:
        ValueError: If no trial of the search is completed, or if the objective needs
            validation data and there are none.

    Example:

    ```python
    model, scores = best_model(tuner, x, y, validation_split=0.2, test_data=(x_test, y_test))
    ```
    """
    best = tuner.oracle.get_best_trials(1)
    goal = tuner.oracle.objective
    if not best:
        raise ValueError(f"No trial of {tuner.project_name!r} is completed: search first.")
    if goal.name.startswith("val_") and validation_data is None and not validation_split:
        raise ValueError(f"The objective {goal.name!r} needs validation_data or validation_split.")
    keras.utils.set_random_seed(tuner.seed)
    settings = best[0].hyperparameters
    model = tuner.hypermodel.build(settings)
    if from_checkpoint:
        if not model.built:
            file = tuner._get_build_config_fname(best[0].trial_id)
            model.build_from_config(json.loads(Path(file).read_text()))
        model.optimizer.build(model.trainable_variables)  # its state is in the checkpoint too
        model.load_weights(tuner._get_checkpoint_fname(best[0].trial_id))
    before = model.get_weights()
    stop = keras.callbacks.EarlyStopping(
        goal.name, patience=patience, mode=goal.direction, restore_best_weights=True
    )
    x, validation_data, test_data = (
        data() if callable(data) else data for data in (x, validation_data, test_data)
    )
    history = model.fit(
        x,
        y,
        validation_data=validation_data,
        validation_split=validation_split,
        epochs=epochs or 2 * tuner.max_epochs,
        callbacks=[stop, *options.pop("callbacks", [])],
        **{"verbose": 0, **options},
    )
    best_of = max if goal.direction == "max" else min
    gained = best_of(history.history[goal.name])
    if from_checkpoint and not goal.better_than(gained, best[0].score):
        model.set_weights(before)
    pair = test_data if isinstance(test_data, tuple) else (test_data,)
    return model, model.evaluate(*pair, verbose=0, return_dict=True)
