"""Real data for the lessons: checked against its checksum at every load, and offline.

Numbers lie in the folder `data`, beside the package in a clone and inside it once
installed. Text is read, as a file, from an installed package that carries it. Each
`load_*` returns a small frozen dataclass of arrays; `make_windows`, `pad_left` and
`bucket_by_length` turn arrays into what a GRU is trained on.
"""

import dataclasses
import itertools

import numpy as np

from gru_tf.batches import bucket_by_length, check_at_least, make_windows, pad_left
from gru_tf.files import open_data, read_results
from gru_tf.reviews import Reviews, load_imdb, load_review_sentences

__all__ = [
    "NextValue",
    "Reviews",
    "Table",
    "bucket_by_length",
    "load_boston_housing",
    "load_imdb",
    "load_next_value",
    "load_results",
    "load_review_sentences",
    "make_windows",
    "pad_left",
]

# Row, counted from 0, and the target that a later proofreading found for it.
_BOSTON_CORRECTIONS = {
    7: 22.1, 38: 24.2, 190: 33.0, 240: 27.0, 437: 8.2, 442: 14.8, 454: 14.4, 505: 19.0,
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class Table:
    """A table of numbers and the column to predict from them."""

    x: np.ndarray  # (n, n_features)
    y: np.ndarray  # (n,)
    feature_names: tuple
    target_name: str


@dataclasses.dataclass(frozen=True, eq=False)
class NextValue:
    """Windows of a series, the value after each, and the error that nobody can beat."""

    x_train: np.ndarray  # (n_train, window, 1)
    y_train: np.ndarray  # (n_train, 1)
    x_valid: np.ndarray
    y_valid: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    noise_floor: float  # mean squared error


def load_boston_housing(include_b=False, corrected=False):
    """Load the Boston housing table: 506 districts, and what a home costs there.

    Three things to know before you use it. Column B was computed from the share of
    Black residents, as 1000(Bk - 0.63)^2, on the premise that segregation moves
    prices; scikit-learn removed the table for that in its release 1.2. It is left
    out here unless you ask for it, to compare with figures from the full table. The
    target is censored: 16 districts say 50.0, which means 50 or more. And the table
    in common use has eight misprinted targets.

    Args:
        include_b: Whether to keep column B, for 13 columns in place of 12.
        corrected: Whether to put the eight corrected targets in place of the misprints.

    Returns:
        A `Table` with x (506, 12) or (506, 13) and y (506,), the median value of a
        home in 1000 USD of 1970, both float64. `data/README.md` has the columns.

    Raises:
        FileNotFoundError: If the file is missing.
        ValueError: If the file is damaged.

    Example:

    >>> load_boston_housing().x.shape
    (506, 12)

    Source: Harrison and Rubinfeld 1978, doi:10.1016/0095-0696(78)90006-2; corrections
    by Gilley and Pace 1996, doi:10.1006/jeem.1996.0052.
    """
    import pandas as pd

    table = pd.read_csv(open_data("boston_housing.csv"))
    y = table.pop("MEDV").to_numpy(dtype="float64", copy=True)
    if corrected:
        y[list(_BOSTON_CORRECTIONS)] = list(_BOSTON_CORRECTIONS.values())
    if not include_b:
        del table["B"]
    return Table(table.to_numpy("float64"), y, tuple(table.columns), "MEDV")


def load_next_value(window=16, n_train=4000, n_valid=1000, n_test=2000, noise=0.25, seed=0):
    """Make series that follow a rule: the sway of one of two swings, pushed by the wind.

    Each series comes from one swing, slow or quick, and does not say from which. Its
    period P is 10 or 4 steps, and its next place follows from the last two:

        x[t+1] = 2 * 0.95 * cos(2 pi / P) * x[t] - 0.95**2 * x[t-1] + noise

    For each swing that is a straight line; which of the two lines is right can only
    be told from several steps, and has to be kept in mind. A linear model of the
    window must make do with a line between them.

    Args:
        window: Number of values seen before the one to predict.
        n_train: Number of windows to train on; each comes from a series of its own.
        n_valid: Number of windows to choose settings by.
        n_test: Number of windows to judge by at the end.
        noise: Standard deviation of the wind's push at each step, above 0.
        seed: Seed, an int. The same arguments give the same numbers.

    Returns:
        A `NextValue` of float32 arrays. Its `noise_floor` is noise^2: the mean
        squared error, on average, of one who knows the rule and the swing.

    Raises:
        ValueError: If an argument isn't a number as described.

    Example:

    >>> data = load_next_value(window=16)
    >>> data.x_train.shape, data.y_train.shape, data.noise_floor
    ((4000, 16, 1), (4000, 1), 0.0625)
    """
    numbers = {"window": window, "n_train": n_train, "n_valid": n_valid, "n_test": n_test}
    for name, value in numbers.items():
        check_at_least(name, value, 1)
    check_at_least("seed", seed, 0)
    if not 0 < noise < np.inf:
        raise ValueError(f"noise must be a number above 0. Received: {noise!r}.")
    rng = np.random.default_rng(seed)
    series = _simulate_swings(n_train + n_valid + n_test, window + 1, noise, rng)
    x = series[:, :-1, None].astype("float32")  # (n, window, 1)
    y = series[:, -1:].astype("float32")  # (n, 1)
    cuts = [n_train, n_train + n_valid]
    parts = zip(np.split(x, cuts), np.split(y, cuts), strict=True)
    return NextValue(*itertools.chain.from_iterable(parts), noise_floor=float(noise) ** 2)


def load_results(name):
    """Load what a comparison too long for a lesson has measured, and how.

    Args:
        name: Name of a file in `data/results`, without `.json`.

    Returns:
        A dict: `"command"`, which runs the comparison again and writes the file anew;
        `"date"`; `"machine"`, with its cores, its processor and the versions of what ran;
        and `"rows"`, a list of dicts, one a run.

    Raises:
        FileNotFoundError: If there are no results of that name; those there are get named.
        ValueError: If the file is damaged.

    Example:

    >>> sorted(load_results("imdb_layers"))
    ['command', 'date', 'machine', 'rows']
    """
    return read_results(name)


def _simulate_swings(n, n_steps, noise, rng):
    """Return n series (n, n_steps), each in full swing at its first step."""
    decay, warm_up = 0.95, 60  # 0.95**60 is 0.05: the start at rest is all but forgotten
    period = rng.choice([10, 4], n)
    from_last, from_last_but_one = 2 * decay * np.cos(2 * np.pi / period), -(decay**2)
    before, now = np.zeros(n), np.zeros(n)
    steps = []
    for _ in range(warm_up + n_steps):
        push = rng.normal(0, noise, n)
        before, now = now, from_last * now + from_last_but_one * before + push
        steps.append(now)
    return np.stack(steps[warm_up:], axis=1)
