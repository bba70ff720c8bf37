"""What a search costs: trials, epochs and minutes, before it is run.

`gru_tf.tuning` offers `price`. It lives here because to count and time a search is
another job than to run one.
"""

import copy
import gc
import itertools
import json
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd

from gru_tf.checks import check_array, check_at_least, check_instance, check_number, describe
from gru_tf.tuning.data import is_array
from gru_tf.tuning.folder import write
from gru_tf.tuning.memory import with_less_to_collect, without_leak, without_warnings
from gru_tf.tuning.progress import Progress
from gru_tf.tuning.space import objective_names
from gru_tf.tuning.trials import budget, place

PRICE = "price.json"  # in a search's folder: what it was to cost


@dataclass(frozen=True)
class Price:
    """What a search has still to run.

    Attributes:
        table: One row per bracket and rung of Hyperband, or a single row for another
            kind: `bracket`, `rung` (both -1 for another kind), `trials`, the `epochs`
            that each of them runs, and the `minutes` of all of them (NaN if unknown).
        pace: How the minutes were found, in words.
    """

    table: pd.DataFrame
    pace: str = ""

    @property
    def trials(self):
        """Number of trials."""
        return int(self.table["trials"].sum())

    @property
    def epoch_runs(self):
        """Epochs of all trials together, if none is stopped early."""
        return int((self.table["trials"] * self.table["epochs"]).sum())

    @property
    def minutes(self):
        """Expected minutes of all that is still to run, NaN if unknown."""
        return float(self.table["minutes"].sum(skipna=False))

    def __str__(self):
        lines = [f"{self.trials} trials, {self.epoch_runs} epoch-runs"]
        for bracket, rungs in self.table.groupby("bracket", sort=False):
            steps = [f"{row.trials} x {row.epochs}" for row in rungs.itertuples()]
            name = f"bracket {bracket}" if bracket >= 0 else "trials x epochs"
            lines.append(f"  {name}: {', then '.join(steps)}")
        if self.pace:
            end = datetime.now() + timedelta(minutes=self.minutes)
            hours = self.minutes >= 120
            about = f"{self.minutes / 60:,.1f} hours" if hours else f"{self.minutes:.1f} minutes"
            lines.append(f"  about {about}: {self.pace}")
            lines.append(f"  started now, it would end by {end:%A %d %B, %H:%M}")
        return "\n".join(lines)


def price(
    tuner,
    x=None,
    y=None,
    *,
    validation_data=None,
    validation_split=0.0,
    batch_size=32,
    steps_per_epoch=None,
    validation_steps=None,
    seconds_per_epoch=None,
    seconds_per_trial=0.0,
    probe_steps=3,
    probe_seconds=1.5,
):
    """Estimate the remaining trials, epochs and minutes of a search.

    The counts are exactly those of the search: a copy of the tuner's own oracle is
    asked for trials, and told made-up scores, until it has no more. For the minutes,
    the smallest and the largest model of those trials, and one from the middle, train
    on some of the batches. Between them, an epoch's seconds are taken to grow with the
    number of weights, as the arithmetic of a recurrent layer does. Trials that fail or
    stop early make a search cheaper than that. The price of a whole search is kept in its
    folder, for `gru_tf.tuning.report`.

    Args:
        tuner: A tuner from `gru_tf.tuning.make_tuner`, or any `keras_tuner.Hyperband`.
        x: Training data as for the tuner's `search`: an array, a sparse one too, or a list or
            a dict of them, a dataset, which is read whole, or a function that makes one; None
            to count only.
        y: Labels, unless they are in `x`.
        validation_data: A pair (x, y) of arrays, or with sample weights, a dataset, a
            function that makes one, or None.
        validation_split: Part of the arrays that is set apart for validation, unless there
            is `validation_data`.
        batch_size: Batch size for arrays.
        steps_per_epoch, validation_steps: Number of batches of a dataset that never ends, or
            of which an epoch, or the validation, takes a part.
        seconds_per_epoch: Seconds of an epoch that are known already, so that nothing
            is probed: a number, or a pair for the smallest and the largest model.
        seconds_per_trial: With it, the seconds that a trial takes to start.
        probe_steps: Least number of batches in a probe, spread evenly from short to long.
        probe_seconds: Seconds that a probe may last: a whole epoch, if that is enough.

    Returns:
        A `Price`, which reads well when printed.

    Raises:
        ValueError: If the tuner doesn't say how many epochs a trial has, its builder fails
            for every trial, a dataset never ends and has no number of steps, or there is
            a `validation_split` of data that are no arrays.

    Example:

    ```python
    print(price(tuner))  # trials and epochs
    print(price(tuner, x, y, validation_split=0.2))  # and minutes on this machine
    ```
    """
    check_instance("tuner", tuner, kt.Tuner, "a tuner from make_tuner(), or keras_tuner's")
    check_number("validation_split", validation_split, least=0, below=1)
    check_at_least("batch_size", batch_size, 1)
    check_at_least("steps_per_epoch", 1 if steps_per_epoch is None else steps_per_epoch, 1)
    check_at_least("validation_steps", 1 if validation_steps is None else validation_steps, 1)
    check_number("seconds_per_trial", seconds_per_trial, least=0)
    check_at_least("probe_steps", probe_steps, 1)
    check_number("probe_seconds", probe_seconds, least=0)
    if seconds_per_epoch is not None:
        check_array("seconds_per_epoch", seconds_per_epoch, (0, 1), "a number or two", kinds="iuf")
        if np.size(seconds_per_epoch) not in (1, 2) or np.min(seconds_per_epoch) < 0:
            raise ValueError(
                "seconds_per_epoch must be a number of at least 0, or two. "
                f"Received: {seconds_per_epoch!r}."
            )
    rows, points = [], []
    for trial, epochs in dry_run(tuner):
        rows.append((*(place(trial.hyperparameters.values) or (-1, -1)), epochs))
        points.append(trial.hyperparameters)
    table = pd.DataFrame(rows, columns=["bracket", "rung", "epochs"])
    table["minutes"], pace = np.nan, ""
    if points and (x is not None or seconds_per_epoch is not None):
        build = tuner.hypermodel.build
        data = None
        if x is not None:
            steps = steps_per_epoch, validation_steps
            data = as_batches(x, y, validation_data, validation_split, batch_size, *steps)
        weights = np.array([_count_weights(build, hp, data) for hp in points])
        order = np.argsort(weights, kind="stable")[: np.isfinite(weights).sum()]
        if not len(order):
            raise ValueError(
                "The builder fails for all of the trials, or its model doesn't know its weights: "
                "let it begin with a keras.Input, or give the training data. Received: "
                f"{tuner.hypermodel.build!r}."
            )
        if seconds_per_epoch is None:
            probed = order[[0, len(order) // 2, -1]]
            probed = probed[np.unique(weights[probed], return_index=True)[1]]
            with without_warnings(), with_less_to_collect():
                limits = probe_steps, probe_seconds
                probe(build, points[probed[0]], *data, 1, 0)  # TensorFlow wakes up slowly
                times = [probe(build, points[i], *data, *limits) for i in probed]
            seconds_per_epoch, seconds_per_trial = zip(*times, strict=True)
        else:
            seconds_per_epoch = np.broadcast_to(seconds_per_epoch, 2)
            probed = order[[0, -1]]
        epoch = np.interp(weights, weights[probed], seconds_per_epoch)
        start = np.mean(seconds_per_trial)
        table["minutes"] = np.nan_to_num(table["epochs"] * epoch + start) / 60  # NaN: no model
        ends = f"{min(seconds_per_epoch):.1f} to {max(seconds_per_epoch):.1f}"
        pace = f"{ends} s an epoch, {start:.1f} s to start a trial"
    groups = table.groupby(["bracket", "rung", "epochs"], sort=False)["minutes"]
    table = groups.agg(trials="size", minutes=lambda minutes: minutes.sum(skipna=False))
    cost = Price(table.reset_index(), pace)
    if pace and hasattr(tuner, "folder") and not tuner.oracle.end_order:
        rungs = json.loads(cost.table.to_json(orient="records"))
        write(tuner.folder / PRICE, {"rungs": rungs, "pace": pace})
    return cost


def dry_run(tuner):
    """Yield the trials that a search would still run, each with its number of epochs.

    None is run or saved: a copy of the tuner's oracle is asked for them.
    """
    max_epochs = getattr(tuner, "max_epochs", None) or getattr(tuner.oracle, "max_epochs", None)
    if max_epochs is None:
        raise ValueError(
            "The tuner doesn't know its epochs: make it by make_tuner(). Received: "
            f"{type(tuner).__name__}."
        )
    oracle = copy.deepcopy(tuner.oracle)
    oracle.save = oracle._save_trial = oracle.prune = lambda *args: None
    oracle._display = Progress(oracle)
    random_first = np.inf
    if isinstance(oracle, kt.oracles.BayesianOptimizationOracle):
        # Its Gaussian process is slow to fit and never runs out of trials: draw them instead.
        random_first, oracle.num_initial_points = oracle.num_initial_points, np.inf
    rng = np.random.default_rng(0)
    while (trial := oracle.create_trial(tuner.tuner_id)).status == "RUNNING":
        executions = getattr(tuner, "executions_per_trial", 1)
        yield trial, executions * budget(trial.hyperparameters.values, max_epochs)
        names = {oracle.objective.name, *objective_names(oracle.objective)}
        oracle.update_trial(trial.trial_id, dict.fromkeys(names, rng.uniform()))
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
        if len(oracle.end_order) >= random_first:
            oracle._duplicate = lambda values: False


def _count_weights(build, hp, data):
    try:
        model = build(hp)
        if not model.built and data is not None:
            model(data[0].first())
        return model.count_params()
    except Exception:  # the search will say why
        return np.nan


class _Arrays:
    """Arrays x and y, or lists or dicts of arrays, as `fit` takes them."""

    def __init__(self, x, y, batch_size, steps=None):
        self.x, self.y, self.batch_size = x, y, batch_size
        n_rows = _count_rows(x)
        self.n_rows = min(n_rows, (steps or n_rows) * batch_size)

    def __len__(self):
        return -(-self.n_rows // self.batch_size)

    def some(self, n):
        """Return n batches of them, the last of which is as short as it is in all of them."""
        n_rows = n * self.batch_size - (len(self) * self.batch_size - self.n_rows)
        return _rows(self.x, slice(n_rows)), _rows(self.y, slice(n_rows))

    def first(self):
        """Return the inputs of the first batch."""
        return _rows(self.x, slice(self.batch_size))


def _count_rows(arrays):
    first = keras.tree.flatten(arrays)[0]
    return first.shape[0] if hasattr(first, "shape") else len(first)  # sparse ones have no len()


def _with_rows(array):
    """Return an array as it is, but a sparse one in the form of which one can take rows."""
    if hasattr(array, "dense_shape"):  # TensorFlow's
        from scipy.sparse import coo_matrix

        places = tuple(np.transpose(array.indices))
        array = coo_matrix((array.values.numpy(), places), tuple(array.shape))
    return array.tocsr() if hasattr(array, "tocsr") else array


def _rows(arrays, rows):
    return keras.tree.map_structure(lambda array: None if array is None else array[rows], arrays)


class _Batches(keras.utils.PyDataset):
    """Batches of a list, as `fit` takes them."""

    batch_size = None

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, i):
        return self.batches[i]

    def some(self, n):
        """Return n of them, spread evenly from short to long."""

        def size(batch):
            return sum(np.size(part) for part in keras.tree.flatten(batch[0]))

        by_size = sorted(self.batches, key=size)
        chosen = ((np.arange(n) + 0.5) / n * len(by_size)).astype(int)
        return (_Batches([by_size[i] for i in chosen]),)

    def first(self):
        """Return the inputs of the first batch."""
        return self.batches[0][0]


def as_batches(
    x, y, validation_data, validation_split, batch_size, steps_per_epoch=None, validation_steps=None
):
    """Return training and validation data as batches (x, y), of which one can take some."""

    def batches(x, y, steps, name, limit):
        if y is not None or isinstance(x, list | tuple | dict) or is_array(x):
            return _Arrays(x, y, batch_size, steps)
        if hasattr(x, "__getitem__"):
            return _Batches([x[i] for i in range(min(len(x), steps or len(x)))])
        if steps is None and hasattr(x, "cardinality") and x.cardinality() == -1:
            raise ValueError(
                f"{name} never ends: give price() {limit}=, as search() has it. Received: {x!r}."
            )
        return _Batches(list(itertools.islice(x, steps)))

    x, validation_data = (data() if callable(data) else data for data in (x, validation_data))
    x, y, validation_data = keras.tree.map_structure(_with_rows, (x, y, validation_data))
    if validation_split and validation_data is None:
        if not all(part is None or is_array(part) for part in keras.tree.flatten((x, y))):
            raise ValueError(
                "validation_split must be 0 of what is no array, such as a dataset: give "
                f"validation_data. Received: validation_split={validation_split} of {describe(x)}."
            )
        n_training = int(_count_rows(x) * (1 - validation_split))
        validation_data = _rows((x, y), slice(n_training, None))
        x, y = _rows((x, y), slice(n_training))
    training = batches(x, y, steps_per_epoch, "x", "steps_per_epoch")
    if validation_data is None:
        return training, None
    # Sample weights change no price.
    x, y, _ = keras.utils.unpack_x_y_sample_weight(validation_data)
    return training, batches(x, y, validation_steps, "validation_data", "validation_steps")


def probe(build, hp, training, validation, least_steps, seconds):
    """Return the seconds of an epoch, validation included, and of a trial's start."""
    parts = [training] if validation is None else [training, validation]
    clock = _Clock()

    def fit_twice(n):
        """Return the seconds of n batches with all that a first epoch needs, and of an epoch."""
        sizes = [max(1, round(n / len(training) * len(part))) for part in parts]
        given, *held = [part.some(size) for part, size in zip(parts, sizes, strict=True)]
        held = (held[0] if len(held[0]) == 2 else held[0][0]) if held else None
        options = {"batch_size": training.batch_size, "callbacks": [clock], "verbose": 0}
        begin = time.perf_counter()
        model.fit(*given, validation_data=held, epochs=2, **options)
        # Few batches stand for many, and of validation one for more than its share.
        scales = [len(part) / size for part, size in zip(parts, sizes, strict=True)]
        took = sum(clock.seconds)
        return clock.ends[-2] - begin - took, took, np.dot(scales, clock.seconds[: len(parts)])

    n = min(least_steps, len(training))
    begin = time.perf_counter()
    keras.utils.clear_session()  # as Keras Tuner does before each trial
    gc.collect()
    with without_leak(), tempfile.TemporaryDirectory() as folder:
        model = build(hp)
        building = time.perf_counter() - begin
        more_of_first, second, epoch = fit_twice(n)
        start = building + more_of_first
        begin = time.perf_counter()
        model.save_weights(Path(folder, "checkpoint.weights.h5"))
        saving = time.perf_counter() - begin
        more = min(len(training), int(n * seconds / max(second, 1e-9)))
        if more > n:
            _, _, epoch = fit_twice(more)
    return epoch + saving, start


class _Clock(keras.callbacks.Callback):
    """When the epochs ended, and the seconds of the last one's training and validation."""

    def __init__(self):
        super().__init__()
        self.ends, self.seconds = [], [0.0, 0.0]

    def on_epoch_begin(self, epoch, logs=None):
        self._begin, self._validating = time.perf_counter(), 0.0

    def on_test_begin(self, logs=None):
        self._validating = time.perf_counter()

    def on_test_end(self, logs=None):
        self._validating = time.perf_counter() - self._validating

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(time.perf_counter())
        total = self.ends[-1] - self._begin
        self.seconds = [total - self._validating, self._validating]
