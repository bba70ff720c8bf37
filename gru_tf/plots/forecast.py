"""Forecasts beside what came."""

import numpy as np

from gru_tf.checks import check_array, check_instance
from gru_tf.plots.axes import PALETTE, check_axes, new_axes, tidy


def plot_forecast(
    actual, forecasts, time=None, *, xlabel="time step", ylabel="value", title=None, ax=None
):
    """Draw a series and, over it, what each model has forecast of it.

    Args:
        actual: Values of the series, (time,).
        forecasts: Dict from the name of a model to its forecasts, (time,), with NaN
            where it made none, such as in the window that it had read.
        time: Time of each value, (time,), numbers or datetime64, or None to number the
            steps from 0.
        xlabel: What time is, with its unit.
        ylabel: What the values are, with their unit.
        title: Title of the figure, or None.
        ax: Axes to draw on, or None for a new figure.

    Returns:
        The `matplotlib.axes.Axes`.

    Raises:
        ValueError: If actual isn't (time,), or time or a forecast differs in shape.

    Example:

    >>> ax = plot_forecast([1.0, 2.0, 3.0], {"persistence": [np.nan, 1.0, 2.0]})
    >>> [line.get_label() for line in ax.get_lines()]
    ['actual', 'persistence']
    """
    check_array("actual", actual, 1, "(time,)", finite=False)
    check_instance("forecasts", forecasts, dict, "a dict from a model's name to its forecasts")
    for name, values in forecasts.items():
        check_array(f"forecasts[{name!r}]", values, 1, "(time,)", rows=len(actual), finite=False)
    time = np.arange(len(actual)) if time is None else time
    check_array("time", time, 1, "(time,)", kinds="iufM", rows=len(actual))
    check_axes(ax)
    actual, time = np.asarray(actual, dtype=float), np.asarray(time)
    forecasts = {name: np.asarray(values, dtype=float) for name, values in forecasts.items()}
    ax = ax or new_axes()
    ax.plot(time, actual, color=PALETTE[-1], lw=1, label="actual")
    for i, (name, values) in enumerate(forecasts.items()):
        ax.plot(time, values, color=PALETTE[i % (len(PALETTE) - 1)], lw=1.5, label=name)
    if np.issubdtype(time.dtype, np.datetime64):
        ax.tick_params("x", rotation=30)
    ax.legend(frameon=False)
    return tidy(ax, title, xlabel, ylabel)
