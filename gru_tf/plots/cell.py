"""One step of a GRU as a graph, in the symbols of its equations."""

import matplotlib.pyplot as plt

from gru_tf.checks import check_flag
from gru_tf.plots.axes import PALETTE, check_axes

WAYS = {
    "skip": ("the mix", PALETTE[0]),
    "candidate": ("through the candidate", PALETTE[1]),
    "update gate": ("through the update gate", PALETTE[2]),
    "reset gate": ("through the reset gate", PALETTE[3]),
    "input": ("from the input", "0.55"),
}

# Each node: place and text. A gate is a box, a product or sum a small circle.
_NODES = {
    "h_prev": (0, 3, "$h_{t-1}$"),
    "x": (5.9, -0.5, "$x_t$"),
    "r": (3, 1, r"$\sigma$ : $r_t$"),
    "z": (8.1, 0.75, r"$\sigma$ : $z_t$"),
    "h_hat": (6, 2, r"$\tanh$ : $\hat h_t$"),
    "keep": (8.1, 3, r"$\odot$"),
    "write": (9.5, 2, r"$\odot$"),
    "sum": (9.5, 3, "$+$"),
    "h": (10.9, 3, "$h_t$"),
}
_RESET = {  # what stands between h_prev and the candidate: the gate, then U_h, or the other way
    False: {"reset": (3, 2, r"$\odot$"), "U_h": (4.2, 2, "$U_h$")},
    True: {"reset": (4.2, 2, r"$\odot$"), "U_h": (3, 2, "$U_h, c_h$")},
}
_ROUND = ("keep", "write", "sum", "reset")

# Each arrow: from, to, the way that it belongs to, its bend, the step of the way back.
_ARROWS = [
    ("h_prev", "keep", "skip", 0, "1"),
    ("keep", "sum", "skip", 0, "1"),
    ("sum", "h", "skip", 0, ""),
    ("h_hat", "write", "candidate", 0, "1"),
    ("write", "sum", "candidate", 0, "1"),
    ("z", "write", "update gate", 0, "1"),
    ("z", "keep", "update gate", 0, "1"),
    ("h_prev", "z", "update gate", 0.45, "5"),
    ("h_prev", "r", "reset gate", 0.25, "5"),
    ("r", "reset", "reset gate", 0, "3"),
    ("x", "r", "input", 0, ""),
    ("x", "h_hat", "input", 0, ""),
    ("x", "z", "input", 0, ""),
]


def plot_cell(*, reset_after=False, backward=False, title=None, ax=None):
    """Draw how one step of a GRU gets from h_{t-1} and x_t to h_t, and the way back.

    Args:
        reset_after: Whether the reset gate acts after the product with U_h.
        backward: Whether the arrows point from h_t back to h_{t-1}, as a gradient
            goes, with the number of the step of the derivation in lesson 02; what
            goes to the input is left out.
        title: Title, or None.
        ax: Axes to draw on, or None for a new figure.

    Returns:
        The `matplotlib.axes.Axes`.

    Example:

    >>> plot_cell(reset_after=True, title="Reset after").get_title()
    'Reset after'
    """
    check_flag("reset_after", reset_after)
    check_flag("backward", backward)
    check_axes(ax)
    if ax is None:
        _, ax = plt.subplots(figsize=(7, 2.9), layout="constrained")
    nodes = _NODES | _RESET[bool(reset_after)]
    first, second = ("U_h", "reset") if reset_after else ("reset", "U_h")
    chain = [("h_prev", first), (first, second), (second, "h_hat")]
    arrows = [(*ends, "candidate", 0, "3" if ends[1] != "h_hat" else "2") for ends in chain]
    for start, end, way, bend, step in arrows + _ARROWS:
        if backward and way == "input":
            continue
        _draw_arrow(ax, nodes, (start, end), WAYS[way][1], bend, step, backward)
    if backward:
        del nodes["x"]
    for name, (x, y, text) in nodes.items():
        shape = "circle,pad=0.15" if name in _ROUND else "round,pad=0.3"
        box = {"boxstyle": shape, "facecolor": "white", "edgecolor": "0.3"}
        ax.text(x, y, text, ha="center", va="center", fontsize=11, bbox=box, zorder=3)
    if not backward:
        ax.text(8.2, 2.4, "$1 - z_t$", fontsize=9, color=WAYS["update gate"][1])
    shown = [way for way in WAYS if not (backward and way == "input")]
    for way in shown:
        ax.plot([], [], color=WAYS[way][1], label=WAYS[way][0])
    ax.legend(frameon=False, ncols=3, fontsize=8, loc="lower left")
    ax.set(xlim=(-0.7, 11.5), ylim=(-1.7, 3.5))
    ax.set_axis_off()
    ax.set_title(title or "")
    return ax


def _draw_arrow(ax, nodes, ends, color, bend, step, backward):
    """Draw an arrow between two nodes; backward, from the second to the first, with its step."""
    (x_0, y_0, _), (x_1, y_1, _) = (nodes[name] for name in ends)
    tail, head = ((x_1, y_1), (x_0, y_0)) if backward else ((x_0, y_0), (x_1, y_1))
    wide = ends[not backward] == "h_hat" and y_0 == y_1  # the head comes in at the side of a box
    ax.annotate(
        "",
        xy=head,
        xytext=tail,
        zorder=2,
        arrowprops={
            "arrowstyle": "-|>",
            "color": color,
            "linewidth": 1.6,
            "shrinkA": 14,
            "shrinkB": 29 if wide else 15,
            "connectionstyle": f"arc3,rad={-bend if backward else bend}",
        },
    )
    if backward and step:
        x = (x_0 + x_1) / 2 - bend * (y_0 - y_1) / 2 + (0.22 if x_0 == x_1 else 0)
        y = (y_0 + y_1) / 2 - bend * (x_1 - x_0) / 2 + (0 if x_0 == x_1 else 0.13)
        ax.text(x, y, f"({step})", ha="center", fontsize=9, color=color, zorder=4)
