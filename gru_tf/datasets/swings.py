"""Series made by a rule, whose next value can be predicted up to a known error."""

import dataclasses
import itertools

import numpy as np

from gru_tf.checks import check_at_least


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
