"""From sequences of different lengths to what a GRU is trained on: padding, batches."""

import itertools

import numpy as np

from gru_tf.checks import check_at_least


def bucket_by_length(x, y=None, batch_size=32, shuffle=True, seed=0):
    """Batch reviews of similar length together, each batch cut to its longest.

    A review padded to 500 words costs as much as one that has 500. In batches of
    similar length nearly all of the padding, and of the time spent on it, is gone;
    under a mask the results stay the same. Give `fit` its `shuffle=False` with it, or
    Keras warns that it leaves the shuffling to the dataset.

    Args:
        x: Word ids: an array (n, time), right-padded with 0, or a list of n
            sequences of any length.
        y: n labels, 0 or 1, or None to predict.
        batch_size: Number of reviews in a batch; the last may hold fewer.
        shuffle: Whether to gather similar lengths, in batches that are drawn and
            ordered anew each epoch. If False, the order stays yours, so that
            predictions come in it, and each batch is only cut to its longest.
        seed: Seed, an int, of the shuffling.

    Returns:
        A `tf.data.Dataset`, for `fit`, `evaluate` and `predict`, of batches x
        (batch, longest) int32, or of pairs with y (batch,) int32.

    Raises:
        ValueError: If x is empty, is left-padded, has negative ids or another rank; if
            y has another length or labels other than 0 and 1; on NaN; or if
            batch_size is below 1.
        TypeError: If x doesn't hold integers.

    Example:

    >>> dataset = bucket_by_length([[1, 7], [1, 7, 8]], [0, 1], shuffle=False)
    >>> next(iter(dataset))[0].numpy().tolist()
    [[1, 7, 0], [1, 7, 8]]
    """
    import tensorflow as tf

    check_at_least("batch_size", batch_size, 1)
    check_at_least("seed", seed, 0)
    rows = _as_rows(x)
    lengths = np.array([len(row) for row in rows])
    labels = None if y is None else _as_labels(y, len(rows))
    n_batches = -(-len(rows) // batch_size)
    epochs = itertools.count()  # each pass over the dataset is an epoch

    def batches():
        rng = np.random.default_rng([seed, next(epochs)])
        for chosen in _choose_batches(lengths, batch_size, rng if shuffle else None):
            ids = np.zeros((len(chosen), max(1, lengths[chosen].max())), dtype="int32")
            for i, row in enumerate(chosen):
                ids[i, : lengths[row]] = rows[row]
            yield ids if labels is None else (ids, labels[chosen])

    x_spec = tf.TensorSpec((None, None), tf.int32)
    y_spec = tf.TensorSpec((None,), tf.int32)
    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=x_spec if labels is None else (x_spec, y_spec)
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(n_batches)).prefetch(2)


def pad_left(x):
    """Move the padding of reviews to before their words, where most tutorials have it.

    Args:
        x: Word ids: an array (n, time), right-padded with 0, or a list of n
            sequences of any length.

    Returns:
        An array (n, time), or (n, longest) of a list: zeros, then the words.

    Raises:
        ValueError, TypeError: As `bucket_by_length` for its x.

    Example:

    >>> pad_left([[1, 7, 8], [1]]).tolist()
    [[1, 7, 8], [0, 0, 1]]
    """
    rows = _as_rows(x)
    time = x.shape[1] if getattr(x, "ndim", 1) == 2 else max(map(len, rows))
    padded = np.zeros((len(rows), time), dtype=np.result_type(*{row.dtype for row in rows}))
    for i, row in enumerate(rows):
        padded[i, time - len(row) :] = row
    return padded


def _choose_batches(lengths, batch_size, rng):
    """Return the row numbers of each batch: in order, or with `rng` by similar length."""
    n = len(lengths)
    if rng is None:
        return [np.arange(i, min(i + batch_size, n)) for i in range(0, n, batch_size)]
    # Sorted within pools of 100 batches, neighbours are alike and still differ by epoch.
    order = rng.permutation(n)
    pool = 100 * batch_size
    order = [order[i : i + pool] for i in range(0, n, pool)]
    order = np.concatenate([rows[np.argsort(lengths[rows], kind="stable")] for rows in order])
    batches = [order[i : i + batch_size] for i in range(0, n, batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def _as_rows(x):
    """Return one array of ids a review, without padding."""
    if len(x) == 0:
        raise ValueError("x must hold at least one review. Received none.")
    x = np.asarray(x) if hasattr(x, "__array__") else x
    padded = isinstance(x, np.ndarray) and x.dtype != object
    if not padded:
        x = [np.asarray(row) if len(row) else np.zeros(0, int) for row in x]
    ids = x if padded else np.concatenate([np.ravel(row) for row in x])
    if ids.dtype.kind == "f" and np.isnan(ids).any():
        raise ValueError(f"x must hold word ids. Received {np.isnan(ids).sum()} NaN.")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"x must hold word ids, integers. Received dtype: {ids.dtype}.")
    if x.ndim != 2 if padded else any(row.ndim != 1 for row in x):
        shape = x.shape if padded else sorted({row.shape for row in x if row.ndim != 1})
        raise ValueError(f"x must be (n, time), or n sequences (time,). Received: {shape}.")
    if ids.size and ids.min() < 0:
        raise ValueError(f"Word ids must be at least 0. Received: {ids.min()}.")
    if not padded:
        return x
    lengths = x.shape[1] - np.argmax(x[:, ::-1] != 0, axis=1)
    lengths[~x.any(axis=1)] = 0
    left_padded = np.flatnonzero((x[:, 0] == 0) & (lengths > 0)) if x.shape[1] else []
    if len(left_padded):
        raise ValueError(
            f"x must be right-padded, the zeros after the words. Received {len(left_padded)} "
            f"reviews that start with zeros, the first of them row {left_padded[0]}."
        )
    return [row[:length] for row, length in zip(x, lengths, strict=True)]


def _as_labels(y, n):
    y = np.asarray(y)
    if y.shape not in ((n,), (n, 1)):
        raise ValueError(f"y must hold one label a review, ({n},). Received shape: {y.shape}.")
    others = np.setdiff1d(y, [0, 1])
    if len(others):
        raise ValueError(f"Labels must be 0 or 1. Received also: {others[:5].tolist()}.")
    return y.reshape(n).astype("int32")
