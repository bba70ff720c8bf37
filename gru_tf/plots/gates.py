"""What the gates of a GRU do over time."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from gru_tf.checks import check_array, check_each, check_instance, check_list, check_one_of
from gru_tf.plots.axes import PALETTE, tidy


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
    check_one_of("style", style, ("heat", "lines"))
    check_instance("gates", gates, dict, "a dict from a gate's name to an array (time, units)")
    for name, values in gates.items():
        check_array(f"gates[{name!r}]", values, 2, "(time, units)", finite=False)
    if labels is not None:
        check_list("labels", labels, "a list with one text per time step")
    gates = {name: np.asarray(values, dtype=float) for name, values in gates.items()}
    shapes = {name: values.shape for name, values in gates.items()}
    if not gates or any(0 in shape for shape in shapes.values()):
        raise ValueError(f"gates must hold arrays (time, units). Received shapes: {shapes}.")
    n_steps = {shape[0] for shape in shapes.values()} | (
        {len(labels)} if labels is not None else set()
    )
    if len(n_steps) > 1:
        raise ValueError(
            f"gates and labels must have the same number of time steps. Received shapes: {shapes}"
            + (f" and {len(labels)} labels." if labels is not None else ".")
        )
    if axes is None:
        size = (8, 1.2 + 1.7 * len(gates))
        _, axes = plt.subplots(len(gates), sharex=True, figsize=size, layout="constrained")
    axes = np.atleast_1d(axes)
    check_each("axes", axes, Axes, "matplotlib's Axes, one per gate, or None")
    if len(axes) != len(gates):
        raise ValueError(f"axes must be {len(gates)}, one per gate. Received: {len(axes)}.")
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
    tidy(ax, None, None, "activation")
