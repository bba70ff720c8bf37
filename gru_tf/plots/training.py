"""A training run by epoch."""

import numpy as np

from gru_tf.checks import check_array, check_instance, describe
from gru_tf.plots.axes import PALETTE, check_axes, new_axes, tidy


def plot_history(history, metric="loss", *, label="", color=PALETTE[0], title=None, ax=None):
    """Draw one metric by epoch: training dashed, validation solid.

    Call it again with the same `ax`, another `label` and another `color` to lay
    the curves of several models over each other.

    Args:
        history: What `model.fit` returned, or a dict from metric name to one
            value per epoch.
        metric: Name of the metric, such as `"loss"` or `"accuracy"`. Its
            validation curve is drawn if `"val_" + metric` is there too.
        label: Name of the model, put before "training" and "validation".
        color: Colour of both curves.
        title: Title of the figure, or None for the metric's name by epoch.
        ax: Axes to draw on, or None for a new figure.

    Returns:
        The `matplotlib.axes.Axes`.

    Raises:
        ValueError: If the history doesn't hold the metric.

    Example:

    >>> ax = plot_history({"loss": [0.7, 0.4], "val_loss": [0.6, 0.5]})
    >>> ax.get_xlabel()
    'epoch'
    """
    curves = getattr(history, "history", history)
    check_axes(ax)
    accepted = "what fit() returned, or a dict from metric to one value per epoch"
    check_instance("history", curves, dict, accepted)
    if not isinstance(metric, str) or metric not in curves:
        raise ValueError(
            f"metric must be one that history holds, {sorted(curves)}. "
            f"Received: {describe(metric)}."
        )
    for name in {metric, f"val_{metric}"} & set(curves):
        check_array(f"history[{name!r}]", curves[name], 1, "one value per epoch", finite=False)
    ax = ax or new_axes()
    drawn = [(metric, "training", "--")]
    if f"val_{metric}" in curves:
        drawn.append((f"val_{metric}", "validation", "-"))
    for name, part, style in drawn:
        values = np.asarray(curves[name], dtype=float)
        epochs = np.arange(1, len(values) + 1)
        ax.plot(
            epochs, values, style, marker="o", ms=3, color=color, label=f"{label} {part}".strip()
        )
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)
    return tidy(ax, title or f"{metric.replace('_', ' ')} by epoch", "epoch", metric)
