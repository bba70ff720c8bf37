"""Which classes a classifier takes for which."""

import numpy as np

from gru_tf.checks import check_array, check_each, check_list
from gru_tf.plots.axes import check_axes, new_axes


def plot_confusion(actual, predicted, class_names, *, title=None, ax=None):
    """Draw how often each class was taken for each: a row per class, a column per prediction.

    Numbers are counts. Colours are shares of a row, so that rare classes read as
    common ones do.

    Args:
        actual: Class of each case, int (n,), from 0 to len(class_names) - 1.
        predicted: Class predicted for each case, int (n,).
        class_names: One text per class.
        title: Title of the figure, or None.
        ax: Axes to draw on, or None for a new figure.

    Returns:
        The `matplotlib.axes.Axes`.

    Raises:
        ValueError: If actual and predicted aren't integers of the same shape (n,) in
            that range.

    Example:

    >>> ax = plot_confusion([0, 0, 1], [0, 1, 1], ["walking", "running"])
    >>> [text.get_text() for text in ax.texts]
    ['1', '1', '0', '1']
    """
    check_list("class_names", class_names, "a list with one text per class")
    check_each("class_names", class_names, str, "a list with one text per class")
    check_array("actual", actual)
    check_array("predicted", predicted)
    check_axes(ax)
    actual, predicted = np.asarray(actual), np.asarray(predicted)
    n = len(class_names)
    for name, values in (("actual", actual), ("predicted", predicted)):
        right = values.ndim == 1 and values.shape == actual.shape and values.dtype.kind in "iu"
        if not right or (values.size and not 0 <= values.min() <= values.max() < n):
            raise ValueError(
                f"{name} must be classes, int (n,) from 0 to {n - 1}, as many as actual has. "
                f"Received: {values.dtype} {values.shape}, {np.unique(values)[:20]}."
            )
    counts = np.zeros((n, n), int)
    np.add.at(counts, (actual, predicted), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax = ax or new_axes()
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(n, n):
        color = "white" if shares[row, column] > 0.5 else "black"
        ax.text(column, row, str(counts[row, column]), ha="center", va="center", color=color)
    ax.set_xticks(range(n), class_names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(n), class_names)
    ax.set_xlabel("predicted class")
    ax.set_ylabel("actual class")
    if title:
        ax.set_title(title)
    return ax
