"""A search for hyperparameters: by epochs spent, by setting, by bracket."""

import matplotlib.pyplot as plt
import numpy as np

from gru_tf.checks import check_each, check_list, check_one_of, describe
from gru_tf.plots.axes import PALETTE, check_axes, new_axes, tidy


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
    hyperparameters=None,
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
            that a model has seen, with lines from each rung to the next. `"parallel"`:
            a line for each setting through its hyperparameters and the best score of
            its longest trial; the darker, the better. A hyperparameter that never
            differs is left out.
        metric: Name of the score, for the axis.
        direction: `"max"` if a higher score is better, `"min"` if a lower one is.
            The views "slices" and "brackets" don't ask.
        label: Name of the search, put before "trials" and "best so far".
        color: Colour of the dots and the line, in the view "spent".
        title: Title of the figure, or None for one that says what the view is.
        ax: Axes to draw on, or None for a new figure.
        hyperparameters: For all views but "spent", names of the columns that hold
            hyperparameters, or None for those in the attributes of a leaderboard.

    Returns:
        The `matplotlib.axes.Axes`, or an array of them for the view "slices".

    Raises:
        ValueError: If a column or the names of the hyperparameters are missing, or view
            or direction are unknown.

    Example:

    >>> table = {"trial": [2, 1], "epochs_run": [4, 2], "score": [0.8, 0.7]}
    >>> plot_search(table).get_lines()[0].get_xdata().tolist()
    [2.0, 6.0]
    """
    needed = {
        "spent": ("trial", "epochs_run", "score"),
        "slices": ("trial", "score"),
        "brackets": ("bracket", "rung", "epochs", "score"),
        "parallel": ("trial", "epochs", "score"),
    }
    check_one_of("view", view, tuple(needed))
    check_one_of("direction", direction, ("max", "min"))
    check_axes(ax)
    if not isinstance(table, dict) and not hasattr(table, "groupby"):
        raise TypeError(f"table must be one from leaderboard(). Received: {describe(table)}.")
    missing = [name for name in needed[view] if name not in table]
    if missing:
        raise ValueError(f"table must have the columns {missing}. Received: {list(table)}.")
    if hyperparameters is not None:
        check_list("hyperparameters", hyperparameters, "a list of names of columns", least=0)
    if hyperparameters:
        check_each("hyperparameters", hyperparameters, str, "a list of names of columns")
    if view != "spent":
        names = hyperparameters or getattr(table, "attrs", {}).get("hyperparameters")
        if not names or not set(names) <= set(table):
            raise ValueError(
                "hyperparameters must say which columns of the table hold some, unless the table "
                f"does, as one from leaderboard(). Received: {names}, and a table with "
                f"{list(table)}."
            )
        if not hasattr(table, "groupby"):
            raise TypeError(f"table must be a DataFrame. Received: {describe(table)}.")
    if view == "slices":
        return _draw_slices(table, names, metric, title)
    ax = ax or new_axes()
    if view == "parallel":
        return _draw_parallel(table, names, metric, direction, title, ax)
    if view == "brackets":
        return _draw_brackets(table, names, metric, title, ax)
    trial, spent, score = (_column(table, name) for name in needed["spent"])
    if not len(trial) == len(spent) == len(score):
        shapes = [values.shape for values in (trial, spent, score)]
        raise ValueError(f"table must have columns of one length. Received shapes: {shapes}.")
    order = np.argsort(trial)
    spent, score = np.cumsum(spent[order]), score[order]  # NaN where a trial failed
    best = (np.fmax if direction == "max" else np.fmin).accumulate(score)
    ax.plot(spent, score, "o", ms=5, alpha=0.5, color=color, label=f"{label} trials".strip())
    ax.step(spent, best, where="post", color=color, label=f"{label} best so far".strip())
    ax.legend(frameon=False)
    return tidy(ax, title or "score by epochs spent", "epochs spent, all trials together", metric)


def _column(table, name):
    """Return a column as floats, (trials,)."""
    try:
        values = np.asarray(table[name], dtype=float)
    except (TypeError, ValueError):
        values = np.zeros(())
    if values.ndim != 1:
        raise TypeError(
            f"table[{name!r}] must hold one number a trial. Received: {describe(table[name])}."
        )
    return values


def _draw_slices(table, names, metric, title):
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
        tidy(ax, None, name, metric if ax is axes[0, 0] else "")
    if "rung" in table:
        axes[0, 0].legend(frameon=False)
    axes[0, 0].figure.suptitle(title or "scores by each hyperparameter")
    return axes[0]


def _draw_brackets(table, names, metric, title, ax):
    for bracket, trials in table.groupby("bracket", sort=True):
        color, told = PALETTE[bracket % 7], f"bracket {bracket}"
        for _, rungs in trials.groupby(list(names), dropna=False):
            rungs = rungs.sort_values("rung")
            ax.plot(rungs["epochs"], rungs["score"], "o-", ms=5, alpha=0.7, color=color, label=told)
            told = None  # in the legend once
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)
    return tidy(
        ax, title or "promotion from rung to rung", "epochs that the model has seen", metric
    )


def _draw_parallel(table, names, metric, direction, title, ax):
    shown = table[np.isfinite(table["score"])].sort_values("epochs", kind="stable")
    shown = shown.drop_duplicates(list(names), keep="last")
    shown = shown.sort_values("score", ascending=direction == "max")  # the best drawn last
    names = [name for name in names if shown[name].nunique(dropna=False) > 1]
    places = {}
    for i, name in enumerate([*names, "score"]):
        places[name], ticks = _scale(shown[name])
        ax.axvline(i, color="#bbb", linewidth=1, zorder=0)
        for place, text in ticks:
            style = {"size": 8, "va": "center", "bbox": dict(fc="w", ec="none", pad=1, alpha=0.8)}
            ax.annotate(text, (i, place), (4, 0), textcoords="offset points", **style)
    colors = plt.get_cmap("viridis_r")(np.linspace(1, 0.1, len(shown))[::-1])
    for row, (index, color) in enumerate(zip(shown.index, colors, strict=True)):
        height = [places[name][row] for name in places]
        (line,) = ax.plot(height, "-", color=color, linewidth=2 if row + 1 == len(shown) else 1)
        line.set_gid(f"trial-{shown.loc[index, 'trial']}")
    ax.set_xticks(range(len(places)), [*names, metric])
    ax.set_yticks([])
    ax.set_xlim(-0.1, len(names) + 0.4)
    tidy(ax, title or "settings and their scores", None, "")
    ax.spines[["left", "bottom"]].set_visible(False)
    return ax


def _scale(values):
    """Return the heights of values on an axis from 0 to 1, and its ticks (height, text)."""
    if len(values) and all(isinstance(v, int | float | np.number) for v in values):
        numbers = values.to_numpy(float)
        low, high = np.nanmin(numbers), np.nanmax(numbers)
        if not any(isinstance(v, bool) for v in values):
            scale = np.log if low > 0 and high / low >= 100 else np.asarray
            width = scale(high) - scale(low) or 1.0
            ticks = {0.0: f"{low:.4g}", (scale(high) - scale(low)) / width: f"{high:.4g}"}
            return (scale(numbers) - scale(low)) / width, list(ticks.items())
    levels = sorted(values.dropna().unique(), key=lambda v: (str(type(v)), v))
    heights = {level: i / max(1, len(levels) - 1) for i, level in enumerate(levels)}
    return values.map(heights).to_numpy(float), [(h, str(level)) for level, h in heights.items()]
