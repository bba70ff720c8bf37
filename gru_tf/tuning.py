"""Searches for hyperparameters that can be priced, stopped, resumed and read.

Thin over Keras Tuner, whose tuner objects `make_tuner` returns: what its
documentation says of them still holds. Added are a price before the search, trials
that score the same whenever they are run, a search that refuses to go on under
other settings, progress that one can read, and a table.

Source: https://keras.io/keras_tuner/
"""

import contextlib
import gc
import importlib.util
import io
import time
import zlib
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd

from gru_tf import fingerprint
from gru_tf.models import build_sentiment_classifier
from gru_tf.pricing import Price, dry_run, price, without_warnings

__all__ = [
    "Price",
    "build_tunable_sentiment_classifier",
    "leaderboard",
    "make_tuner",
    "price",
]


def build_tunable_sentiment_classifier(
    hp,
    num_words=10_000,
    embedding_dim=128,
    units_step=32,
    max_units=512,
    gru=keras.layers.GRU,
):
    """Build a sentiment classifier whose units, dropout and learning rate are searched.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        num_words: Size of the vocabulary.
        embedding_dim: Length of a word's vector.
        units_step: Smallest number of units, and the step between two numbers.
        max_units: Largest number of units.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model`, as `gru_tf.models.build_sentiment_classifier` gives.

    Example: a smaller space.

    >>> build = functools.partial(build_tunable_sentiment_classifier, max_units=128)
    >>> build(kt.HyperParameters()).output_shape
    (None, 1)
    """
    return build_sentiment_classifier(
        num_words=num_words,
        embedding_dim=embedding_dim,
        units=hp.Int("units", units_step, max_units, step=units_step),
        dropout=hp.Choice("dropout", [0.0, 0.25, 0.5]),
        learning_rate=hp.Choice("learning_rate", [1e-2, 1e-3, 1e-4], default=1e-3),
        gru=gru,
    )


class _Search:
    """What is added to each of Keras Tuner's tuners, through the hooks that it documents."""

    def search(self, *args, verbose=1, **kwargs):
        """Run the trials that are left: Keras Tuner's `search`, with one line a trial."""
        if "epochs" in kwargs:
            raise ValueError(
                f"search() takes no `epochs`. Received: epochs={kwargs['epochs']}. The budget "
                f"of this search is max_epochs={self.max_epochs}, given to make_tuner()."
            )
        validation = {"validation_data", "validation_split"}
        if self.oracle.objective.name.startswith("val_") and not validation & kwargs.keys():
            raise ValueError(
                f"The objective {self.oracle.objective.name!r} needs validation_data= or "
                f"validation_split=. Received only: {sorted(kwargs)}."
            )
        self._say = print if verbose else lambda line: None
        done = len(self.oracle.end_order)
        self._total = done + sum(1 for _ in dry_run(self))
        if done == self._total:
            self._say(f"Nothing left to run: {done} of {done} trials are done, {self._best()}.")
        elif done:
            self._say(f"Going on after {done} of {self._total} trials, {self._best()}.")
        # Keras Tuner collects garbage before each trial. What was there before the search it
        # need not go through every time: that is half a second a trial.
        gc.freeze()
        try:
            with without_warnings():
                super().search(*args, verbose=0, **kwargs)  # 0, or it would clear the screen
        finally:
            gc.unfreeze()

    def run_trial(self, trial, *args, **kwargs):
        # The seed depends on nothing but what the trial is, so a search that was stopped and
        # resumed gives the scores of one that was not.
        keras.utils.set_random_seed(_trial_seed(trial, self.oracle.seed))
        args = [data() if callable(data) else data for data in args]
        start = time.monotonic()
        histories = super().run_trial(trial, *args, **{"epochs": self.max_epochs, **kwargs})
        for history in histories:  # what lies beside the metrics is saved with them
            n = len(history.epoch)
            history.history["epochs_run"] = [n] * n
            history.history["seconds"] = [time.monotonic() - start] * n
        return histories

    def on_trial_end(self, trial):
        super().on_trial_end(trial)
        trial = self.oracle.get_trial(trial.trial_id)
        values = trial.hyperparameters.values
        about = [f"{name}={value}" for name, value in _chosen(values).items()]
        if "tuner/round" in values:
            about.insert(0, f"bracket {values['tuner/bracket']} rung {values['tuner/round']}")
        if trial.status == "COMPLETED":
            result = f"{self.oracle.objective.name} {trial.score:.4f}, {self._best()}"
        else:
            result = "failed: " + (trial.message or "its score is NaN").strip().splitlines()[-1]
        place = f"trial {len(self.oracle.end_order)} of {self._total}"
        self._say(f"{place} | {result} | {' '.join(about)}")

    def _best(self):
        scores = [t.score for t in self.oracle.get_best_trials(1) if t.score is not None]
        return f"best {scores[0]:.4f}" if scores else "no score yet"


class _Hyperband(_Search, kt.Hyperband):
    pass


class _RandomSearch(_Search, kt.RandomSearch):
    pass


class _GridSearch(_Search, kt.GridSearch):
    def reload(self):
        super().reload()
        # Keras Tuner doesn't save how far it is in the grid: a resumed search would end at once.
        previous = None
        for trial_id in self.oracle.start_order:
            self.oracle._ordered_ids.insert(trial_id, previous)
            previous = trial_id
        self.oracle._populate_next = list(self.oracle.start_order)


class _BayesianOptimization(_Search, kt.BayesianOptimization):
    def pre_create_trial(self):
        # Keras Tuner doesn't save this generator: a resumed search would draw other points.
        self.oracle._random_state = np.random.RandomState(
            self.oracle.seed + len(self.oracle.end_order)
        )


_KINDS = {
    "hyperband": _Hyperband,
    "random": _RandomSearch,
    "grid": _GridSearch,
    "bayesian": _BayesianOptimization,
}


def make_tuner(
    kind="hyperband",
    build=build_tunable_sentiment_classifier,
    *,
    max_epochs,
    directory,
    name,
    objective="val_accuracy",
    max_trials=None,
    factor=3,
    seed=1,
    overwrite=False,
):
    """Make a Keras Tuner tuner whose search can be priced, stopped and resumed.

    What identifies the search is written to `directory/name/search.json`. Made again
    with the same arguments, the tuner goes on where it stopped, and each trial is
    seeded from its hyperparameters, so the scores are those of a search that never
    stopped. Made again with other arguments, it is refused.

    Args:
        kind: `"hyperband"`, `"random"`, `"grid"` or `"bayesian"`.
        build: A function of a `keras_tuner.HyperParameters`, or a `functools.partial`
            of one, that returns a compiled `keras.Model`.
        max_epochs: Largest number of epochs that one model is trained for.
        directory: Folder for the files of searches; made if it is missing.
        name: Name of this search, a folder inside `directory`.
        objective: Name of the metric that ranks the trials, such as `"val_accuracy"`
            or `"val_loss"`, or a `keras_tuner.Objective`.
        max_trials: Number of trials: 10 if None for "random" and "bayesian", the whole
            grid if None for "grid". That of "hyperband" follows from its epochs.
        factor: For "hyperband": of each rung, one trial in `factor` goes on.
        seed: Seed, at least 1, of the hyperparameters drawn and of every trial.
        overwrite: Whether to delete a search of this name first.

    Returns:
        A `keras_tuner.Tuner`. Its `search` takes the arguments of `model.fit` but for
        `epochs`, and prints one line a trial, or nothing with `verbose=0`. In place of
        a dataset that draws its batches anew in each pass, as `bucket_by_length` does,
        give it a function that makes one: then no trial depends on those before it.

    Raises:
        ValueError: If an argument isn't one of those above, the builder declares no
            hyperparameters, its model isn't compiled or doesn't report the objective,
            or the folder holds another search, a damaged one, or other files.
        TypeError: If the builder isn't a function or doesn't return a `keras.Model`.
        ImportError: If `tensorboard` is missing: every trial would fail without it.

    Example:

    ```python
    tuner = make_tuner("hyperband", max_epochs=10, directory="searches", name="imdb")
    print(price(tuner))
    tuner.search(x, y, validation_split=0.2)
    print(leaderboard(tuner))
    ```
    """
    if kind not in _KINDS:
        raise ValueError(f"kind must be one of {sorted(_KINDS)}. Received: {kind!r}.")
    for argument, value, least in [
        ("max_epochs", max_epochs, 1),
        ("max_trials", 1 if max_trials is None else max_trials, 1),
        ("factor", factor, 2),
        ("seed", seed, 1),  # Keras Tuner takes 0 for no seed
    ]:
        if not isinstance(value, int) or value < least:
            raise ValueError(f"{argument} must be an int of at least {least}. Received: {value!r}.")
    if not name or Path(name).name != name:
        raise ValueError(f"name must be the name of a folder, without a path. Received: {name!r}.")
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError("Keras Tuner needs tensorboard and does not say so: install tensorboard.")
    options = {}
    if kind == "hyperband":
        if max_trials is not None:
            raise ValueError(
                "hyperband takes no max_trials: their number follows from max_epochs and "
                f"factor. Received: max_trials={max_trials}."
            )
        options = {"max_epochs": max_epochs, "factor": factor}
    elif kind == "grid" or max_trials is not None:
        options = {"max_trials": max_trials}
    goal = kt.Oracle(objective=objective).objective  # its name and direction
    space, builder = fingerprint.describe_builder(build, goal.name)
    settings = {
        "kind": kind,
        "max_epochs": max_epochs,
        **options,
        "objective": [goal.name, goal.direction],
        "seed": seed,
        "hyperparameter": space,
        "builder": builder,
    }
    folder = Path(directory) / name
    fingerprint.claim_folder(folder, settings, overwrite)
    with contextlib.redirect_stdout(io.StringIO()):  # "Reloading Tuner from ..."
        tuner = _KINDS[kind](
            build,
            objective=goal,
            seed=seed,
            directory=directory,
            project_name=name,
            overwrite=overwrite,
            **options,
        )
    tuner.max_epochs = max_epochs
    # Of a trial whose start was cut off between two writes only the folder is left.
    for trial_id in tuner.oracle.trials.keys() - set(tuner.oracle.start_order):
        del tuner.oracle.trials[trial_id]
    fingerprint.write(folder / "search.json", settings)
    return tuner


def leaderboard(tuner):
    """List the trials of a search, best first.

    Args:
        tuner: A tuner from `make_tuner`, before, amid or after its search.

    Returns:
        A `pandas.DataFrame` with one row a trial, indexed by rank from 1: `trial`, its
        place in the order of the search, from 1; `score`, NaN if it failed or isn't
        finished; each hyperparameter; for Hyperband `bracket` and `rung`; `epochs`
        that its model has seen, those of earlier rungs included; `epochs_run` by this
        trial alone, and its `seconds`; and `status`.

    Example:

    >>> leaderboard(tuner)[["units", "score"]].head(1)  # doctest: +SKIP
    """
    rows = []
    for number, trial_id in enumerate(tuner.oracle.start_order, 1):
        trial = tuner.oracle.get_trial(trial_id)
        values = trial.hyperparameters.values
        score = trial.score if trial.status == "COMPLETED" else np.nan
        row = {"trial": number, "score": score, **_chosen(values)}
        if "tuner/round" in values:
            row |= {"bracket": values["tuner/bracket"], "rung": values["tuner/round"]}
        done = trial.metrics.exists("epochs_run")
        epochs = int(trial.metrics.get_last_value("epochs_run")) if done else 0
        row["epochs"] = values.get("tuner/initial_epoch", 0) + epochs
        row["epochs_run"] = epochs
        row["seconds"] = trial.metrics.get_last_value("seconds") if done else np.nan
        row["status"] = trial.status.lower()
        rows.append(row)
    table = pd.DataFrame(rows, columns=None if rows else ["trial", "score"])
    ascending = tuner.oracle.objective.direction == "min"
    table = table.sort_values("score", ascending=ascending, kind="stable", ignore_index=True)
    table.index = pd.RangeIndex(1, len(table) + 1, name="rank")
    return table


def _chosen(values):
    """Return the hyperparameters without those that Hyperband keeps for itself."""
    return {name: value for name, value in values.items() if not name.startswith("tuner/")}


def _trial_seed(trial, seed):
    values = {**trial.hyperparameters.values, "seed": seed}
    values.pop("tuner/trial_id", None)  # depends on the order in which trials were run
    return zlib.crc32(repr(sorted(values.items())).encode())
