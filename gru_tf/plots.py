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
    view="spent",
    *,
    metric="val_accuracy",
    direction="max",
    label="",
    color=PALETTE[0],
    title=None,
    ax=None,
):
    """Draw a search: what was found by when, with which settings, and in which bracket.

    Args:
        table: A table from `gru_tf.tuning.leaderboard`: `trial` is the order in
            which trials were run, `epochs_run` what each cost, `score` what it
            reached. For the view "spent", a dict of these three arrays will do.
        view: `"spent"`: each trial's score and the best so far, by epochs spent. Call
            it again with the same `ax`, another `label` and `color`, to lay two
            searches over each other. `"slices"`: the scores by each hyperparameter, a
            panel each. `"brackets"`: the scores of a Hyperband search by the epochs
            that a model has seen, with lines from each rung to the next.
        metric: Name of the score, for the axis.
        direction: `"max"` if a higher score is better, `"min"` if a lower one is.
        label: Name of the search, put before "trials" and "best so far".
        color: Colour of the dots and the line, in the view "spent".
        title: Title of the figure, or None for one that says what the view is.
        ax: Axes to draw on, or None for a new figure.

    Returns:
        The `matplotlib.axes.Axes`, or an array of them for the view "slices".

    Raises:
        ValueError: If a column is missing, or view or direction are unknown.

    Example:

    >>> table = {"trial": [2, 1], "epochs_run": [4, 2], "score": [0.8, 0.7]}
    >>> plot_search(table).get_lines()[0].get_xdata().tolist()
    [2.0, 6.0]
    """
    needed = {
        "spent": ("trial", "epochs_run", "score"),
        "slices": ("trial", "score"),
        "brackets": ("bracket", "rung", "epochs", "score"),
    }
    if view not in needed:
        raise ValueError(f"view must be one of {list(needed)}. Received: {view!r}.")
    missing = [name for name in needed[view] if name not in table]
    if missing:
        raise ValueError(f"The table lacks the columns {missing}. It has: {list(table)}.")
    if direction not in ("max", "min"):
        raise ValueError(f"direction must be 'max' or 'min'. Received: {direction!r}.")
    if view == "slices":
        return _draw_slices(table, metric, title)
    ax = ax or _new_axes()
    if view == "brackets":
        return _draw_brackets(table, metric, title, ax)
    order = np.argsort(np.asarray(table["trial"]))
    spent = np.cumsum(np.asarray(table["epochs_run"], dtype=float)[order])
    score = np.asarray(table["score"], dtype=float)[order]  # NaN where a trial failed
    best = (np.fmax if direction == "max" else np.fmin).accumulate(score)
    ax.plot(spent, score, "o", ms=5, alpha=0.5, color=color, label=f"{label} trials".strip())
    ax.step(spent, best, where="post", color=color, label=f"{label} best so far".strip())
    ax.legend(frameon=False)
    return _tidy(ax, title or "score by epochs spent", "epochs spent, all trials together", metric)


# What a leaderboard holds beside the hyperparameters.
_NOT_SEARCHED = {"trial", "score", "bracket", "rung", "epochs", "epochs_run", "seconds"} | {
    "parameters",
    "status",
    "why",
}


def _hyperparameters(table):
    return [name for name in table if name not in _NOT_SEARCHED]


def _draw_slices(table, metric, title):
    names = _hyperparameters(table)
    size = (1 + 2.6 * len(names), 3.2)
    _, axes = plt.subplots(
        1, len(names), sharey=True, figsize=size, layout="constrained", squeeze=False
    )
    for ax, name in zip(axes[0], names, strict=True):
        levels = sorted(table[name].dropna().unique())
        places = dict(zip(levels, range(len(levels)) if len(levels) <= 8 else levels, strict=True))
        for rung, part in table.groupby("rung") if "rung" in table else [(0, table)]:
            part = part.dropna(subset=[name])
            x = [places[value] for value in part[name]]
            style = dict(marker="osD^v"[rung % 5], color=PALETTE[rung % 7], alpha=0.7)
            ax.plot(x, part["score"], linestyle="", label=f"rung {rung}", **style)
        if len(levels) <= 8:
            ax.set_xticks(range(len(levels)), [str(level) for level in levels])
            ax.set_xlim(-0.5, len(levels) - 0.5)
        _tidy(ax, None, name, metric if ax is axes[0, 0] else "")
    if "rung" in table:
        axes[0, 0].legend(frameon=False)
    axes[0, 0].figure.suptitle(title or "scores by each hyperparameter")
    return axes[0]


def _draw_brackets(table, metric, title, ax):
    for bracket, trials in table.groupby("bracket", sort=True):
        color, told = PALETTE[bracket % 7], f"bracket {bracket}"
        for _, rungs in trials.groupby(_hyperparameters(table), dropna=False):
            rungs = rungs.sort_values("rung")
            ax.plot(rungs["epochs"], rungs["score"], "o-", ms=5, alpha=0.7, color=color, label=told)
            told = None  # in the legend once
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)
    return _tidy(
        ax, title or "promotion from rung to rung", "epochs that the model has seen", metric
    )


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
