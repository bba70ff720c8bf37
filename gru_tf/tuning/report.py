"""A page about a search, to be read in a browser without a network.

The figures are matplotlib's, as SVG inside the page, with the value of a line as the
tooltip that every browser shows by itself: no script, and nothing that is loaded.
"""

import html
import io
import os
import re
from pathlib import Path
from types import SimpleNamespace

import keras_tuner as kt
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from gru_tf.atomic import replacing
from gru_tf.checks import check_instance
from gru_tf.plots import plot_search
from gru_tf.plots.axes import PALETTE, new_axes, tidy
from gru_tf.tuning.folder import damaged, read
from gru_tf.tuning.importance import importance
from gru_tf.tuning.pricing import PRICE, dry_run
from gru_tf.tuning.progress import duration
from gru_tf.tuning.promotion import CURVES
from gru_tf.tuning.results import leaderboard
from gru_tf.tuning.search import KINDS
from gru_tf.tuning.trials import describe

PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ margin: 0 auto; max-width: 76rem; padding: 0 1rem 3rem; color: #222; background: #fff;
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }}
h1, h2 {{ line-height: 1.25; }}
h2 {{ margin-top: 2.5rem; }}
p {{ max-width: 46rem; }}
.wide {{ overflow-x: auto; overflow-wrap: normal; }}
.unfinished {{ border-left: 4px solid #d55e00; padding-left: 0.8rem; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
th, td {{ padding: 0.25rem 0.7rem; border-bottom: 1px solid #ddd; text-align: right; }}
th {{ overflow-wrap: normal; }}
.facts th, .facts td {{ text-align: left; vertical-align: top; }}
svg {{ display: block; max-width: 100%; height: auto; }}
svg text {{ font-family: system-ui, sans-serif !important; }}
svg g:hover > path {{ stroke-width: 4 !important; }}
</style>
{body}
</html>
"""


def write_report(folder, path=None):
    """Write a page about a search, finished or not, and return its path.

    It reads the files of the search and nothing else: neither its builder nor its data
    are needed, and a search that is running is not disturbed.

    Args:
        folder: Folder of the search, `directory/name` of `make_tuner`.
        path: File for the page, or None for `report.html` in that folder.

    Returns:
        The `pathlib.Path` of the page. It holds price and time, the rungs, settings and
        scores, the importance of hyperparameters with its error, the learning curves of
        all trials, the leaderboard, and settings and versions.

    Raises:
        ValueError: If there is no search in the folder, none of its trials has begun, or
            its files are damaged.
        TypeError: If `folder` or `path` is no path.

    Example:

    ```python
    tuner.search(x, y, validation_split=0.2)
    write_report(tuner.folder)
    ```
    """
    check_instance("folder", folder, str | os.PathLike, "the path of a search's folder")
    check_instance("path", path, str | os.PathLike | None, "the path of a file, or None")
    folder = Path(folder)
    path = Path(path or folder / "report.html")
    settings, tuner = _read_search(folder)
    page = _page(folder, settings, tuner)
    with replacing(path) as unfinished:
        unfinished.write_text(page, encoding="utf-8")
    return path


def _read_search(folder):
    """Return the settings of a search, and what stands in for its tuner."""
    if not (folder / "search.json").exists():
        raise ValueError(
            "A report needs the folder of a search, that is directory/name of make_tuner(). "
            f"Received: {str(folder)!r}, which holds no search.json."
        )
    settings = read(folder / "search.json")
    if not (folder / "oracle.json").exists():
        raise ValueError(f"No trial of the search in {folder} has begun: there is nothing to show.")
    try:
        kind, given = settings["kind"], ("factor", "hyperband_iterations", "max_trials")
        options = {name: settings[name] for name in given if name in settings}
        if kind == "hyperband":
            options["max_epochs"] = settings["max_epochs"]
        goal = settings["objective"]
        goals = [kt.Objective(*part) for part in (goal if isinstance(goal[0], list) else [goal])]
        oracle = KINDS[kind][1](
            objective=goals if len(goals) > 1 else goals[0], seed=settings["seed"], **options
        )
        oracle._set_project_dir(folder.parent, folder.name)
        oracle.reload()
        tuner = SimpleNamespace(
            oracle=oracle,
            tuner_id="report",
            max_epochs=settings["max_epochs"],
            executions_per_trial=settings["executions_per_trial"],
        )
    except (KeyError, TypeError) as error:
        raise damaged(folder / "search.json", f"{type(error).__name__}: {error}") from error
    return settings, tuner


def _page(folder, settings, tuner):
    table, oracle = leaderboard(tuner), tuner.oracle
    left = list(dry_run(tuner))
    price = read(folder / PRICE) if (folder / PRICE).exists() else None
    metric = oracle.objective.name.replace("multi_objective", "sum of the objectives")
    trials = [oracle.get_trial(trial_id) for trial_id in oracle.start_order]
    tips = {n: f"trial {n}: {describe(t)}, {_score(t)}" for n, t in enumerate(trials, 1)}
    parts = [f"<h1>Search {html.escape(folder.name)}</h1>", _state(oracle, left)]
    parts += ["<h2>Price and time</h2>", _times(table, left, price)]
    options = {"metric": metric, "direction": oracle.objective.direction}
    if table["score"].notna().any():
        ax = plot_search(table, **options, title="")
        parts += ["<h2>What was found by when</h2>", _svg(ax, "score by epochs spent")]
        if "rung" in table:
            shown = table[table["score"].notna()]
            parts += ["<h2>Brackets and promotions</h2>"]
            parts += ["<p>A line joins the rungs of a setting.</p>"]
            parts += [_svg(plot_search(shown, "brackets", **options, title=""), "brackets")]
        parts += ["<h2>Settings and scores</h2>"]
        parts += ["<p>Each setting once, by its longest trial. The darker, the better.</p>"]
        ax = plot_search(table, "parallel", **options, title="")
        parts += [_svg(ax, "parallel coordinates", tips)]
        parts += ["<h2>Importance of the hyperparameters</h2>", *_importance(table, metric)]
    parts += ["<h2>Learning curves</h2>", *_curves(folder, table, oracle, metric, tips)]
    parts += ["<h2>All trials</h2>", _html(table.reset_index())]
    parts += ["<h2>Settings and versions</h2>", _facts(settings)]
    if (folder / "data.json").exists():
        parts += ["<h2>Data</h2>", _facts(read(folder / "data.json"))]
    return PAGE.format(title=f"Search {html.escape(folder.name)}", body="\n".join(parts))


def _score(trial):
    return f"score {trial.score:.4f}" if trial.status == "COMPLETED" else trial.status.lower()


def _state(oracle, left):
    text = f"<p>{html.escape(oracle._display.summary())}.</p>"
    if left:
        epochs = sum(epochs for _, epochs in left)
        text = (
            f'<p class="unfinished"><strong>This search is not finished</strong>: {len(left)} '
            f"trials of {epochs} epochs are still to run, or running.</p>{text}"
        )
    return text


def _times(table, left, price):
    """Return what was run and how long it took, beside its price."""
    keys = ["bracket", "rung"] if "rung" in table else []
    by = keys or (lambda row: 0)
    ended = table[table["status"].isin(["completed", "failed"])]
    sums = {"trials": ("trial", "size"), "epochs": ("epochs_run", "sum")}
    rows = ended.groupby(by).agg(**sums, minutes=("seconds", lambda s: s.sum() / 60))
    took = ended["seconds"].sum() / 60
    n_failed = int(ended["seconds"].isna().sum())
    text = f"The {len(ended) - n_failed} trials that ended took {duration(60 * took)} in all. "
    if n_failed:
        text += f"Of {n_failed} more, which failed, the time is not known. "
    if price:
        priced = pd.DataFrame(price["rungs"]).groupby(by)[["trials", "minutes"]].sum()
        rows = rows.join(priced.add_prefix("priced "), how="outer")
        said = priced["minutes"].sum()
        text += f"The price was {duration(60 * said)}: {html.escape(price['pace'])}. "
        if not left and priced["trials"].sum() == len(ended):
            text += f"The search took {took / said:.2f} times as long. "
    else:
        text += (
            "No price was kept: <code>price</code> with the data, or <code>--price</code>, "
            "keeps one before the first trial. "
        )
    if keys:
        rows = rows.sort_index(ascending=[False, True]).reset_index()
    return f"<p>{text}</p>{_html(rows.round(2))}"


def _importance(table, metric):
    try:
        found = importance(table)
    except ValueError as error:
        return [f"<p>{html.escape(str(error))}</p>"]
    ax, r2 = new_axes(), found.attrs["r2"]
    ax.figure.set_figheight(1.2 + 0.4 * len(found))
    ax.errorbar(
        found["importance"], found.index, xerr=found["error"], fmt="o", color=PALETTE[0], capsize=4
    )
    ax.axvline(0, color="#888", linewidth=1)
    ax.margins(y=0.3)
    ax.invert_yaxis()
    tidy(ax, "", f"what shuffling adds to the error of a predicted {metric}", "")
    verdict = "" if r2 > 0.1 else " So little that the importance says nothing here."
    text = (
        "A random forest predicts the scores of settings that it has not seen; a column is "
        "important if shuffling it makes that worse. Bars are one standard error. The forest "
        f"explains {max(0, r2):.0%} of the variance of those scores.{verdict}"
    )
    return [
        f"<p>{text}</p>",
        _svg(ax, "importance"),
        _html(found.reset_index(names="column"), digits=3),
    ]


def _curves(folder, table, oracle, metric, tips):
    """Return the learning curves of all trials, as far as they were kept."""
    ax, n_drawn, goal = new_axes(), 0, oracle.objective
    order = list(table["trial"])
    colors = dict(zip(order, plt.get_cmap("viridis")(np.linspace(0, 0.9, len(order))), strict=True))
    for number in reversed(order):
        trial_id = oracle.start_order[number - 1]
        file = folder / f"trial_{trial_id}" / CURVES
        if not file.exists():
            continue
        kept = read(file)
        for fit in kept["fits"]:
            by_epoch = [dict(zip(fit, v, strict=True)) for v in zip(*fit.values(), strict=False)]
            epochs = [goal.get_value(logs) for logs in by_epoch if goal.has_value(logs)]
            steps = kept["first"] + 1 + np.arange(len(epochs))
            width = 2.5 if number == order[0] else 1
            style = {"color": colors[number], "linewidth": width, "marker": ".", "markersize": 4}
            (line,) = ax.plot(steps, epochs, **style)
            line.set_gid(f"trial-{number}")
            n_drawn += bool(epochs)
    if not n_drawn:
        plt.close(ax.figure)
        return ["<p>None were kept: this search was run before they were written down.</p>"]
    ax.xaxis.get_major_locator().set_params(integer=True)
    tidy(ax, "", "epochs that the model has seen", metric)
    text = f"{n_drawn} curves. The darker, the better its trial's rank; the best is thick. "
    text += "A promoted trial begins where its parent ended."
    return [f"<p>{text}</p>", _svg(ax, "learning curves", tips)]


def _svg(ax, label, tips=None):
    """Return the figure of Axes as SVG for a page, with a tooltip on each trial's line."""
    text = io.StringIO()
    with plt.rc_context({"svg.fonttype": "none"}):
        metadata = dict.fromkeys(["Creator", "Date", "Format", "Type"])
        ax.figure.savefig(text, format="svg", metadata=metadata)
    plt.close(ax.figure)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{label}"', 1)

    def tip(match):
        return f"<g><title>{html.escape(tips[int(match[1])])}</title>"

    if tips:
        svg = re.sub(r'<g id="trial-(\d+)">', tip, svg)
    # Of the other names, several figures in one page would have the same.
    return re.sub(r'<g id="[\w.]+">', "<g>", svg)


def _html(table, digits=6):
    """Return a table, which is panned by itself where the page is narrower."""
    text = table.to_html(index=False, border=0, na_rep="", float_format=lambda v: f"{v:.{digits}g}")
    return f'<div class="wide">{text}</div>'


def _facts(facts):
    rows = []
    for name, value in facts.items():
        if isinstance(value, dict):
            value = "<br>".join(html.escape(f"{key}: {part}") for key, part in value.items())
        else:
            value = html.escape(str(value))
        rows.append(f"<tr><th>{html.escape(str(name))}</th><td>{value}</td></tr>")
    return f'<table class="facts">{"".join(rows)}</table>'
