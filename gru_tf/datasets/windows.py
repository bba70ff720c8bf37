"""From a series to windows of it, each with the value that comes after."""

import numpy as np

from gru_tf.checks import check_at_least, check_flag, check_unmasked


def make_windows(series, window, horizon=1, *, every_step=False):
    """Cut a series into windows, each with the value or the values that come after it.

    Args:
        series: Values in order of time, (time,) or (time, n_features).
        window: Number of steps in a window, at least 1.
        horizon: How many steps after the last of the window the target lies.
        every_step: Whether y holds the values of all steps up to the horizon, such as every
            hour of the next day, in place of the last of them alone.

    Returns:
        x (n, window, n_features) and y (n, n_features) with n = time - window -
        horizon + 1; with every_step y (n, horizon, n_features). Both are copies, of the
        series' dtype: to change them leaves the series as it is.

    Raises:
        ValueError: If the series has another rank, is shorter than window + horizon,
            or holds NaN, infinity, masked values or rows of several lengths; if window or
            horizon is below 1.
        TypeError: If the series doesn't hold numbers.

    Example:

    >>> x, y = make_windows([10, 20, 30, 40, 50], window=3)
    >>> x[:, :, 0].tolist(), y[:, 0].tolist()
    ([[10, 20, 30], [20, 30, 40]], [40, 50])
    >>> x, y = make_windows([10, 20, 30, 40, 50], window=2, horizon=2, every_step=True)
    >>> y[:, :, 0].tolist()
    [[30, 40], [40, 50]]
    """
    check_at_least("window", window, 1)
    check_at_least("horizon", horizon, 1)
    check_flag("every_step", every_step)
    check_unmasked("series", series)
    try:
        series = np.asarray(series)
    except ValueError:
        raise ValueError(
            "series must have as many features at each step. Received: rows of several lengths."
        ) from None
    if series.dtype.kind not in "fiu":
        raise TypeError(f"series must hold numbers. Received dtype: {series.dtype}.")
    if series.ndim not in (1, 2):
        raise ValueError(
            f"series must be (time,) or (time, n_features). Received shape: {series.shape}."
        )
    series = series[:, None] if series.ndim == 1 else series  # (time, n_features)
    bad = np.flatnonzero(~np.isfinite(series).all(axis=1))
    if len(bad):
        raise ValueError(
            f"series must hold finite numbers. Received NaN or infinity in {len(bad)} of its "
            f"{len(series)} steps, the first of them {bad[0]}: fill the gaps or cut them out."
        )
    n = len(series) - window - horizon + 1
    if n < 1:
        raise ValueError(
            f"window + horizon must be at most the length of the series, {len(series)}. "
            f"Received window={window} and horizon={horizon}."
        )
    x = _slide(series, window)[:n]
    y = _slide(series[window:], horizon) if every_step else series[window + horizon - 1 :]
    return x.copy(), y.copy()


def _slide(series, width):
    """Return a view of all stretches of a series: (n, width, n_features)."""
    return np.lib.stride_tricks.sliding_window_view(series, width, axis=0).transpose(0, 2, 1)
