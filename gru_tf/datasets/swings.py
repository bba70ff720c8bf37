"""Series made by a rule, whose next value can be predicted up to a known error."""

import dataclasses
import itertools

import numpy as np

from gru_tf.checks import check_array, check_at_least, check_list, check_number, describe

DECAY = 0.95


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


def load_next_value(
    window=16, n_train=4000, n_valid=1000, n_test=2000, noise=0.25, seed=0, periods=(10, 4)
):
    """Make series that follow a rule: the sway of one of two swings, pushed by the wind.

    Each series comes from one swing, slow or quick, and does not say from which. Its
    period P is 10 or 4 steps, or what `periods` says, and its next place follows from
    the last two::

        x[t+1] = 2 * 0.95 * cos(2 pi / P) * x[t] - 0.95**2 * x[t-1] + noise

    For each swing that is a straight line. The wind blurs which of the two lines is
    right, so further steps help to tell, the more so the less the periods differ: see
    `best_guess`. A linear model of the window must make do with a line between them.

    Args:
        window: Number of values seen before the one to predict.
        n_train: Number of windows to train on; each comes from a series of its own.
        n_valid: Number of windows to choose settings by.
        n_test: Number of windows to judge by at the end.
        noise: Standard deviation of the wind's push at each step, from 1e-30 to 1e30.
        seed: Seed, an int. The same arguments give the same numbers.
        periods: Periods of the two swings, in steps, above 2.

    Returns:
        A `NextValue` of float32 arrays. Its `noise_floor` is noise^2: the mean
        squared error, on average, of one who knows the rule and the swing.

    Raises:
        ValueError: If an argument isn't a number as described.
        TypeError: If `periods` is no list.

    Example:

    >>> data = load_next_value(window=16)
    >>> data.x_train.shape, data.y_train.shape, data.noise_floor
    ((4000, 16, 1), (4000, 1), 0.0625)
    """
    numbers = {"window": window, "n_train": n_train, "n_valid": n_valid, "n_test": n_test}
    for name, value in numbers.items():
        check_at_least(name, value, 1)
    check_at_least("seed", seed, 0)
    check_number("noise", noise, least=1e-30, most=1e30)
    _check_periods(periods)
    rng = np.random.default_rng(seed)
    series = _simulate_swings(n_train + n_valid + n_test, window + 1, noise, periods, rng)
    x = series[:, :-1, None].astype("float32")  # (n, window, 1)
    y = series[:, -1:].astype("float32")  # (n, 1)
    cuts = [n_train, n_train + n_valid]
    parts = zip(np.split(x, cuts), np.split(y, cuts), strict=True)
    return NextValue(*itertools.chain.from_iterable(parts), noise_floor=float(noise) ** 2)


def best_guess(x, noise=0.25, periods=(10, 4)):
    """Predict the next value as well as can be done from the values of `x` alone.

    It knows both lines and the wind, weighs how likely the values are for either
    swing, and mixes the two predictions by that. No other guess has a smaller mean
    squared error; so it tells what more steps of a window are worth.

    Args:
        x: The last values of series of `load_next_value`, (n, at least 2, 1).
        noise: Standard deviation of the wind's push, from 1e-30 to 1e30.
        periods: Periods of the two swings, in steps, above 2.

    Returns:
        Predictions, (n, 1).

    Raises:
        ValueError: If an argument isn't as described.
        TypeError: If `periods` is no list, or `x` holds something else than numbers.

    Example:

    >>> data = load_next_value()
    >>> best_guess(data.x_test[:, -4:]).shape  # from the last four values
    (2000, 1)
    """
    check_array("x", x, 3, "(n, at least 2, 1)", kinds="iuf")
    if np.shape(x)[1] < 2 or np.shape(x)[2] != 1:
        raise ValueError(f"x must be (n, at least 2, 1). Received: {describe(x)}.")
    check_number("noise", noise, least=1e-30, most=1e30)
    _check_periods(periods)
    x, n_steps, logs, lines = np.asarray(x, "float64")[..., 0], np.shape(x)[1], [], []
    for period in periods:
        a, b = _line(period)
        correlation = [1, a / (1 - b)]  # of two places, 0, 1, 2, ... steps apart
        while len(correlation) < n_steps:
            correlation.append(a * correlation[-1] + b * correlation[-2])
        variance = noise**2 * (1 - b) / ((1 + b) * ((1 - b) ** 2 - a**2))
        apart = np.abs(np.subtract.outer(range(n_steps), range(n_steps)))
        covariance = variance * np.array(correlation)[apart]
        surprise = np.einsum("ni,ij,nj->n", x, np.linalg.inv(covariance), x)
        logs.append(-(surprise + np.linalg.slogdet(covariance)[1]) / 2)
        lines.append(a * x[:, -1] + b * x[:, -2])
    first = 1 / (1 + np.exp(np.clip(logs[1] - logs[0], -500, 500)))  # how likely the first swing is
    return (first * lines[0] + (1 - first) * lines[1])[:, None]


def _check_periods(periods):
    check_list("periods", periods, "two numbers above 2", least=2)
    for period in periods:
        check_number("Each of periods", period, above=2)
    if len(periods) != 2:
        raise ValueError(f"periods must be two numbers above 2. Received: {periods!r}.")


def _line(period):
    """Return what the last place and the one before it are multiplied with."""
    return 2 * DECAY * np.cos(2 * np.pi / period), -(DECAY**2)


def _simulate_swings(n, n_steps, noise, periods, rng):
    """Return n series (n, n_steps), each in full swing at its first step."""
    warm_up = 60  # 0.95**60 is 0.05: the start at rest is all but forgotten
    from_last, from_last_but_one = _line(rng.choice(periods, n))
    before, now = np.zeros(n), np.zeros(n)
    steps = []
    for _ in range(warm_up + n_steps):
        push = rng.normal(0, noise, n)
        before, now = now, from_last * now + from_last_but_one * before + push
        steps.append(now)
    return np.stack(steps[warm_up:], axis=1)
