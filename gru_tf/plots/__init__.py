"""Figures of the lessons: arrays in, Axes out.

Every function draws on the Axes that it is given, or on a new figure, and returns
what it drew on, so that a caller can add to it. None calls `plt.show()` and none
changes matplotlib's settings.
"""

from gru_tf.plots.axes import PALETTE
from gru_tf.plots.cell import plot_cell
from gru_tf.plots.confusion import plot_confusion
from gru_tf.plots.forecast import plot_forecast
from gru_tf.plots.gates import plot_gates
from gru_tf.plots.search import plot_search
from gru_tf.plots.training import plot_history

__all__ = [
    "PALETTE",
    "plot_cell",
    "plot_confusion",
    "plot_forecast",
    "plot_gates",
    "plot_history",
    "plot_search",
]
