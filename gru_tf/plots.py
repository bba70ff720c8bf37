"""Figures of the lessons: arrays in, Axes out.

Every function draws on the Axes that it is given, or on a new figure, and returns
what it drew on, so that a caller can add to it. None calls `plt.show()` and none
changes matplotlib's settings.
"""

import matplotlib.pyplot as plt
import numpy as np

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
# By habit the first is the GRU, the second what it is compared with.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


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
    if metric not in curves:
        raise ValueError(f"No metric {metric!r} in this history. It holds: {sorted(curves)}.")
    ax = ax or _new_axes()
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
    return _tidy(ax, title or f"{metric.replace('_', ' ')} by epoch", "epoch", metric)


def plot_gates(gates, labels=None, *, style="heat", title=None, axes=None):
    """Draw what each gate does over time, one panel a gate.

    Args:
        gates: Dict from a gate's name to an array (time, units), such as
            `{"update gate z": z, "reset gate r": r}`. Arrays between 0 and 1 get
            a scale from 0 to 1; those with negative values, as a candidate or a
            hidden state has, one from -1 to 1.
        labels: One text per time step, such as the words of a review, or None to
            number the steps from 1.
        style: `"heat"` for a heat map with one row a unit, or `"lines"` for one
            line a unit, which reads well up to 7 units.
        title: Title above all panels, or None.
        axes: One Axes per gate to draw on, or None for a new figure.

    Returns:
        A NumPy array of `matplotlib.axes.Axes`, one per gate, in the dict's order.

    Raises:
        ValueError: If a gate isn't (time, units), if gates or labels differ in
            their number of steps, or if the style is unknown.

    Example:

    >>> z = np.random.default_rng(0).uniform(size=(10, 4))
    >>> plot_gates({"update gate z": z}).shape
    (1,)
    """
    if style not in ("heat", "lines"):
        raise ValueError(f"style must be 'heat' or 'lines'. Received: {style!r}.")
    gates = {name: np.asarray(values, dtype=float) for name, values in gates.items()}
    shapes = {name: values.shape for name, values in gates.items()}
    if not gates or any(len(shape) != 2 for shape in shapes.values()):
        raise ValueError(f"Each gate must be an array (time, units). Received shapes: {shapes}.")
    n_steps = {shape[0] for shape in shapes.values()} | (
        {len(labels)} if labels is not None else set()
    )
    if len(n_steps) > 1:
        raise ValueError(
            f"Gates and labels must have the same number of time steps. Received shapes: {shapes}"
            + (f" and {len(labels)} labels." if labels is not None else ".")
        )
    if axes is None:
        size = (8, 1.2 + 1.7 * len(gates))
        _, axes = plt.subplots(len(gates), sharex=True, figsize=size, layout="constrained")
    axes = np.atleast_1d(axes)
    if len(axes) != len(gates):
        raise ValueError(f"Received {len(axes)} axes for {len(gates)} gates.")
    for ax, (name, values) in zip(axes, gates.items(), strict=True):
        draw = _draw_heat if style == "heat" else _draw_lines
        draw(ax, values)
        ax.set_title(name, loc="left", fontsize="medium")
    last = axes[-1]
    if labels is None:
        last.set_xlabel("time step")
    else:
        last.set_xticks(np.arange(1, len(labels) + 1), labels, rotation=60, ha="right")
    if title:
        axes[0].figure.suptitle(title)
    return axes


def plot_search(
    table,
    *,
    metric="val_accuracy",
    direction="max",
    label="",
    color=PALETTE[0],
    title=None,
    ax=None,
):
    """Draw a search: each trial's score and the best so far, by epochs spent.

    Call it again with the same `ax`, another `label` and another `color` to lay
    two searches over each other.

    Args:
        table: A table from `gru_tf.tuning.leaderboard`: `trial` is the order in
            which trials were run, `epochs_run` what each cost, `score` what it
            reached. A dict of three arrays will do.
        metric: Name of the score, for the axis.
        direction: `"max"` if a higher score is better, `"min"` if a lower one is.
        label: Name of the search, put before "trials" and "best so far".
        color: Colour of the dots and the line.
        title: Title of the figure, or None for "score by epochs spent".
        ax: Axes to draw on, or None for a new figure.

    Returns:
        The `matplotlib.axes.Axes`.

    Raises:
        ValueError: If a column is missing, or the direction is unknown.

    Example:

    >>> table = {"trial": [2, 1], "epochs_run": [4, 2], "score": [0.8, 0.7]}
    >>> plot_search(table).get_lines()[0].get_xdata().tolist()
    [2.0, 6.0]
    """
    missing = [name for name in ("trial", "epochs_run", "score") if name not in table]
    if missing:
        raise ValueError(f"The table lacks the columns {missing}. It has: {list(table)}.")
    if direction not in ("max", "min"):
        raise ValueError(f"direction must be 'max' or 'min'. Received: {direction!r}.")
    order = np.argsort(np.asarray(table["trial"]))
    spent = np.cumsum(np.asarray(table["epochs_run"], dtype=float)[order])
    score = np.asarray(table["score"], dtype=float)[order]  # NaN where a trial failed
    best = (np.fmax if direction == "max" else np.fmin).accumulate(score)
    ax = ax or _new_axes()
    ax.plot(spent, score, "o", ms=5, alpha=0.5, color=color, label=f"{label} trials".strip())
    ax.step(spent, best, where="post", color=color, label=f"{label} best so far".strip())
    ax.legend(frameon=False)
    return _tidy(ax, title or "score by epochs spent", "epochs spent, all trials together", metric)


def _draw_heat(ax, values):
    signed = values.min() < 0
    steps, units = values.shape
    image = ax.imshow(
        values.T,  # (units, time)
        aspect="auto",
        interpolation="nearest",
        cmap="PuOr" if signed else "cividis",
        vmin=-1 if signed else 0,
        vmax=1,
        extent=(0.5, steps + 0.5, units + 0.5, 0.5),  # steps and units are counted from 1
    )
    ax.set_ylabel("unit")
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.figure.colorbar(image, ax=ax, fraction=0.03, pad=0.01)


def _draw_lines(ax, values):
    steps = np.arange(1, len(values) + 1)
    for unit, series in enumerate(values.T):
        color = PALETTE[unit % len(PALETTE)]
        ax.plot(steps, series, color=color, label=f"unit {unit + 1}")
    ax.set_ylim(-1.05 if values.min() < 0 else -0.05, 1.05)
    if values.shape[1] > 1:
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    _tidy(ax, None, None, "activation")


def _new_axes():
    _, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    return ax


def _tidy(ax, title, xlabel, ylabel):
    if title:
        ax.set_title(title)
    if xlabel:
        ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
