"""What a search costs: trials, epochs and minutes, before it is run.

`gru_tf.tuning` offers `price`. It lives here because to count and time a search is
another job than to run one.
"""

import contextlib
import copy
import logging
import time
from dataclasses import dataclass

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd


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
        """Expected minutes of the whole search, NaN if unknown."""
        return float(self.table["minutes"].sum(skipna=False))

    def __str__(self):
        lines = [f"{self.trials} trials, {self.epoch_runs} epoch-runs"]
        for bracket, rungs in self.table.groupby("bracket", sort=False):
            steps = [f"{row.trials} x {row.epochs}" for row in rungs.itertuples()]
            name = f"bracket {bracket}" if bracket >= 0 else "trials x epochs"
            lines.append(f"  {name}: {', then '.join(steps)}")
        if self.pace:
            lines.append(f"  about {self.minutes:,.1f} minutes: {self.pace}")
        return "\n".join(lines)


def price(
    tuner,
    x=None,
    y=None,
    *,
    validation_data=None,
    validation_split=0.0,
    batch_size=32,
    seconds_per_epoch=None,
    seconds_per_trial=0.0,
    probe_steps=3,
):
    """Say how many trials and epochs a search has still to run, and how long they take.

    The counts are exactly those of the search: a copy of the tuner's own oracle is
    asked for trials, and told made-up scores, until it has no more. For the minutes,
    the smallest and the largest model of those trials train for a few batches. Between
    the two, an epoch's seconds are taken to grow with the number of weights, as the
    arithmetic of a recurrent layer does.

    Args:
        tuner: A tuner from `gru_tf.tuning.make_tuner`, or any `keras_tuner.Hyperband`.
        x: Training data, an array, a dataset or a function that makes one, as for the
            tuner's `search`; None to count only.
        y: Labels, unless they are in `x`.
        validation_data: A pair (x, y) of arrays, a dataset, or None.
        validation_split: Part of the arrays that is set apart for validation.
        batch_size: Batch size for arrays.
        seconds_per_epoch: Seconds of an epoch that are known already, so that nothing
            is probed: a number, or a pair for the smallest and the largest model.
        seconds_per_trial: With it, the seconds that a trial takes to start.
        probe_steps: Number of batches in the probe, spread evenly from short to long.

    Returns:
        A `Price`, which reads well when printed.

    Raises:
        ValueError: If the tuner doesn't say how many epochs a trial has.

    Example:

    ```python
    print(price(tuner))  # trials and epochs
    print(price(tuner, x, y, validation_split=0.2))  # and minutes on this machine
    ```
    """
    max_epochs = getattr(tuner, "max_epochs", None) or getattr(tuner.oracle, "max_epochs", None)
    if max_epochs is None:
        raise ValueError(
            f"{type(tuner).__name__} doesn't know its epochs: make it by make_tuner()."
        )
    rows, points = [], []
    for trial in dry_run(tuner):
        values = trial.hyperparameters.values
        epochs = values.get("tuner/epochs", max_epochs) - values.get("tuner/initial_epoch", 0)
        rows.append((values.get("tuner/bracket", -1), values.get("tuner/round", -1), epochs))
        points.append(trial.hyperparameters)
    table = pd.DataFrame(rows, columns=["bracket", "rung", "epochs"])
    table["minutes"], pace = np.nan, ""
    if points and (x is not None or seconds_per_epoch is not None):
        build = tuner.hypermodel.build
        weights = np.array([build(hp).count_params() for hp in points])
        if seconds_per_epoch is None:
            training, validation = _as_batches(x, y, validation_data, validation_split, batch_size)
            ends = dict.fromkeys([weights.argmin(), weights.argmax()])  # one, if they are the same
            with without_warnings():
                probes = [
                    _probe(build, points[end], training, validation, probe_steps) for end in ends
                ]
            seconds_per_epoch, seconds_per_trial = zip(*probes, strict=True)
        epoch, start = np.broadcast_to(seconds_per_epoch, 2), np.broadcast_to(seconds_per_trial, 2)
        share = (weights - weights.min()) / max(np.ptp(weights), 1)  # 0 smallest, 1 largest
        seconds = table["epochs"] * (epoch[0] + share * (epoch[1] - epoch[0])) + start.mean()
        table["minutes"] = seconds / 60
        pace = f"{epoch[0]:.1f} to {epoch[1]:.1f} s an epoch, {start.mean():.1f} s to start a trial"
    groups = table.groupby(["bracket", "rung", "epochs"], sort=False)["minutes"]
    table = groups.agg(trials="size", minutes=lambda minutes: minutes.sum(skipna=False))
    return Price(table.reset_index(), pace)


def dry_run(tuner):
    """Yield the trials that a search would still run, without running or saving any."""
    oracle = copy.deepcopy(tuner.oracle)
    oracle.verbose = 0
    oracle.save = oracle._save_trial = lambda *args: None
    random_first = np.inf
    if isinstance(oracle, kt.oracles.BayesianOptimizationOracle):
        # Its Gaussian process is slow to fit and never runs out of trials: draw them instead.
        random_first = oracle.num_initial_points or max(3 * len(oracle.get_space().space), 3)
        oracle.num_initial_points = np.inf
    rng = np.random.default_rng(0)
    while (trial := oracle.create_trial(tuner.tuner_id)).status == "RUNNING":
        yield trial
        oracle.update_trial(trial.trial_id, {oracle.objective.name: rng.uniform()})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
        if len(oracle.end_order) >= random_first:
            oracle._duplicate = lambda values: False


@contextlib.contextmanager
def without_warnings():
    """Silence TensorFlow, which warns of many models traced in a row: that is a search."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _as_batches(x, y, validation_data, validation_split, batch_size):
    """Return training and validation data as lists of batches (x, y), the smallest first."""

    def batches(x, y=None):
        x = x() if callable(x) else x
        if y is not None:
            cuts = [slice(i, i + batch_size) for i in range(0, len(x), batch_size)]
            return [(x[cut], y[cut]) for cut in cuts]
        return [x[i] for i in range(len(x))] if hasattr(x, "__getitem__") else list(x)

    def by_size(batches):
        return sorted(batches, key=lambda batch: np.prod(getattr(batch[0], "shape", 1)))

    if validation_split:
        n_training = int(len(x) * (1 - validation_split))
        validation_data = x[n_training:], y[n_training:]
        x, y = x[:n_training], y[:n_training]
    if validation_data is None:
        return by_size(batches(x, y)), None
    pair = validation_data if isinstance(validation_data, tuple) else (validation_data,)
    return by_size(batches(x, y)), by_size(batches(*pair))


def _probe(build, hp, training, validation, steps):
    """Return the seconds of an epoch, validation included, and of a trial's start."""
    begin = time.perf_counter()
    keras.utils.clear_session()  # as Keras Tuner does before each trial
    model = build(hp)
    x, y = training[0]
    model.fit(x, y, validation_data=validation and validation[0], batch_size=len(x), verbose=0)
    start = time.perf_counter() - begin
    epoch = 0.0
    for step, batches in [(model.train_on_batch, training), (model.test_on_batch, validation)]:
        if batches is None:
            continue
        chosen = ((np.arange(steps) + 0.5) / steps * len(batches)).astype(int)
        first, second = (_time(step, batches, chosen) for _ in range(2))
        epoch += second / steps * len(batches)
        start += first - second  # batches of another length are traced anew
    return epoch, start


def _time(step, batches, chosen):
    begin = time.perf_counter()
    for i in chosen:
        step(*batches[i])
    return time.perf_counter() - begin
