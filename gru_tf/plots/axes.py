"""What all figures share: colours, and how Axes look."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from gru_tf.checks import check_instance

# Okabe and Ito's colours, which people with any kind of colour vision can tell apart.
# By habit the first is the GRU, the second what it is compared with.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def check_axes(ax):
    """Raise a TypeError unless `ax` are Axes, or None."""
    check_instance("ax", ax, Axes | None, "matplotlib's Axes, or None")


def new_axes():
    """Return the Axes of a new figure."""
    _, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    return ax


def tidy(ax, title, xlabel, ylabel):
    """Give Axes a title, labels, a grid and no box, and return them."""
    if title:
        ax.set_title(title)
    if xlabel:
        ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
