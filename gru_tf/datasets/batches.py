"""From sequences of different lengths to what a GRU is trained on: padding, batches."""

import itertools

import numpy as np

from gru_tf.checks import check_at_least, check_flag, check_iterable, check_unmasked, describe


def bucket_by_length(
    x, y=None, batch_size=32, shuffle=True, seed=0, *, every_step=False, sample_weight=None
):
    """Batch sequences of similar length together, each batch cut to its longest.

    A review padded to 500 words costs as much as one that has 500. In batches of
    similar length nearly all of the padding, and of the time spent on it, is gone;
    under a mask the results stay the same. Give `fit` its `shuffle=False` with it, or
    Keras warns that it leaves the shuffling to the dataset.

    Args:
        x: Sequences of ids: an int array (n, time), right-padded with 0, or a list of n
            of any length. Or sequences of vectors: a list of n arrays (time, features),
            or an array (n, time, features).
        y: n labels, (n,) or (n, 1), or n vectors, (n, size); with `every_step` a list of
            n sequences, each as long as that of x; None to predict.
        batch_size: Number of sequences in a batch; the last may hold fewer.
        shuffle: Whether to gather similar lengths, in batches that are drawn and
            ordered anew each epoch. If False, the order stays yours, so that
            predictions come in it, and each batch is only cut to its longest.
        seed: Seed, an int, of the shuffling.
        every_step: Whether y holds a target for every step. They are padded with 0 and
            come with weights (batch, longest), which are 0 in the padding.
        sample_weight: n weights, (n,), or None.

    Returns:
        A `tf.data.Dataset`, for `fit`, `evaluate` and `predict`, of batches x,
        (batch, longest) int32 or (batch, longest, features) float32; of pairs with y; or
        of triples with y and weights, float32. Labels that are integers are int32,
        others float32.

    Raises:
        ValueError: If x is empty, is left-padded, has negative ids, ids of 2^31 or more,
            another rank or different numbers of features; if y or sample_weight don't
            fit it; on NaN, and on what int32 or float32 can't hold; or if batch_size is
            below 1.
        TypeError: If x holds no sequences, or sequences of numbers that are not integers.

    Example:

    >>> dataset = bucket_by_length([[1, 7], [1, 7, 8]], [0, 1], shuffle=False)
    >>> next(iter(dataset))[0].numpy().tolist()
    [[1, 7, 0], [1, 7, 8]]
    """
    import tensorflow as tf

    check_at_least("batch_size", batch_size, 1)
    check_at_least("seed", seed, 0)
    check_flag("shuffle", shuffle)
    check_flag("every_step", every_step)
    rows = _as_rows(x)
    lengths = np.array([len(row) for row in rows])
    columns = [(rows, True)]  # values of each sequence, and whether they go by its steps
    if y is not None:
        columns.append((_as_targets(y, lengths) if every_step else _as_labels(y, rows), every_step))
    if sample_weight is not None or (every_step and y is not None):
        weights = _as_weights(sample_weight, len(rows))
        by_step = [np.full(n, w) for n, w in zip(lengths, weights, strict=True)]
        columns.append((by_step if every_step else weights, every_step))
    n_batches = -(-len(rows) // batch_size)
    epochs = itertools.count()  # each pass over the dataset is an epoch

    def batches():
        rng = np.random.default_rng([seed, next(epochs)])
        for chosen in _choose_batches(lengths, batch_size, rng if shuffle else None):
            batch = tuple(
                _pad([values[row] for row in chosen]) if by_step else values[chosen]
                for values, by_step in columns
            )
            yield batch if len(batch) > 1 else batch[0]

    specs = tuple(
        tf.TensorSpec((None, *(None,) * by_step, *values[0].shape[by_step:]), values[0].dtype)
        for values, by_step in columns
    )
    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=specs if len(specs) > 1 else specs[0]
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(n_batches)).prefetch(2)


def pad_left(x):
    """Move the padding of sequences of ids to before them, where most tutorials have it.

    Args:
        x: Ids: an array (n, time), right-padded with 0, or a list of n
            sequences of any length.

    Returns:
        An array (n, time), or (n, longest) of a list: zeros, then the ids.

    Raises:
        ValueError, TypeError: As `bucket_by_length` for its x.

    Example:

    >>> pad_left([[1, 7, 8], [1]]).tolist()
    [[1, 7, 8], [0, 0, 1]]
    """
    rows = _as_rows(x, original_dtype=True)
    if rows[0].ndim != 1:
        raise ValueError("x must hold sequences of ids, (n, time). Received sequences of vectors.")
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


def _as_rows(x, original_dtype=False):
    """Return one array for each sequence, without padding: ids (time,), or (time, features)."""
    check_unmasked("x", x)
    if type(x).__name__ == "RaggedTensor":
        x = list(x)
    elif hasattr(x, "__array__"):
        x = np.asarray(x)
    try:
        if len(x) == 0:
            raise ValueError("x must hold at least one sequence. Received none.")
    except TypeError:
        raise TypeError(f"x must be an array or a list of sequences. Received: {x!r}.") from None
    padded = isinstance(x, np.ndarray) and x.dtype != object
    rows = list(x) if padded else [_as_row(row) for row in x]
    ranks, features = {row.ndim for row in rows}, {row.shape[1:] for row in rows}
    if ranks not in ({1}, {2}) or len(features) > 1:
        raise ValueError(
            "x must be (n, time), (n, time, features), or n sequences of one of these forms. "
            f"Received: {x.shape if padded else sorted({row.shape for row in rows})}."
        )
    values = x if padded else np.concatenate(rows)
    if ranks == {2}:
        if values.dtype.kind not in "iufb":
            raise TypeError(f"x must hold numbers. Received dtype: {values.dtype}.")
        _check_finite("x", values)
        return [row.astype("float32") for row in rows]
    _check_ids(values)
    if not values.size and padded:
        raise ValueError(f"x must have one time step at least. Received: x.shape={x.shape}.")
    left_padded = [i for i, row in enumerate(rows) if row.size and row[0] == 0 and row.any()]
    if left_padded:
        raise ValueError(
            f"x must be right-padded, the zeros after the ids. Received {len(left_padded)} "
            f"sequences that start with zeros, the first of them row {left_padded[0]}."
        )
    if padded:
        lengths = np.where(x.any(axis=1), x.shape[1] - np.argmax(x[:, ::-1] != 0, axis=1), 0)
        rows = [row[:length] for row, length in zip(rows, lengths, strict=True)]
    return rows if original_dtype else [row.astype("int32") for row in rows]


def _as_row(row):
    check_unmasked("x", row)
    try:
        row = np.asarray(row)
        return row if row.size or row.ndim > 1 else np.zeros(0, int)
    except ValueError as error:
        raise ValueError(f"x must hold sequences of numbers. Received: {row!r}.") from error


def _check_finite(name, values):
    if values.size and not np.abs(values).max() <= np.finfo("float32").max:  # NaN is neither
        raise ValueError(
            f"{name} must hold finite numbers, within float32. Received NaN, infinity or more."
        )


def _check_ids(ids):
    if ids.dtype.kind == "f" and np.isnan(ids).any():
        raise ValueError(f"x must hold ids, integers. Received {np.isnan(ids).sum()} NaN.")
    if ids.dtype.kind not in "iu":
        raise TypeError(
            "x must hold ids, integers, or sequences of vectors, (time, features). "
            f"Received dtype: {ids.dtype}."
        )
    if ids.size and not 0 <= ids.min() <= ids.max() < 2**31:
        least, largest = ids.min(), ids.max()
        raise ValueError(
            "x must hold ids of at least 0 and below 2**31. "
            f"Received: {least if least < 0 else largest}."
        )


def _as_labels(y, rows):
    y = _as_numbers("y", y)
    if y.ndim not in (1, 2) or len(y) != len(rows):
        n = len(rows)
        raise ValueError(
            f"y must hold one label or vector for each sequence, ({n},) or ({n}, size). "
            f"Received shape: {y.shape}."
        )
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _as_targets(y, lengths):
    check_iterable("y", y, "a list of sequences, each as long as that of x")
    y = [_as_numbers("y", row) for row in y]
    found = [len(row) if row.ndim else None for row in y]
    if found != lengths.tolist():
        raise ValueError(
            "With every_step, y must hold a target for every step of each sequence of x. "
            f"Received lengths {found[:5]} ... for {lengths[:5].tolist()} ..."
        )
    shown = [row for row in y if len(row)] or y  # an empty list says neither dtype nor size
    sizes = {row.shape[1:] for row in shown}
    if len(sizes) > 1:
        raise ValueError(
            f"y must hold targets of one size, (time,) or (time, size). Received: {sorted(sizes)}."
        )
    dtype = np.result_type(*{row.dtype for row in shown})
    dtype = "float32" if dtype.kind == "f" else dtype  # not float64, as of int32 and float32
    return [row.astype(dtype).reshape(len(row), *shown[0].shape[1:]) for row in y]


def _as_weights(weights, n):
    weights = _as_numbers("sample_weight", np.ones(n) if weights is None else weights)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight must be ({n},). Received shape: {weights.shape}.")
    return weights.astype("float32")


def _as_numbers(name, values):
    """Return an array of int32, or of float32 where there are fractions."""
    check_unmasked(name, values)
    try:
        values = np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} must have rows of one length. Received: {describe(values)}."
        ) from error
    if values.dtype.kind not in "iufb":
        raise TypeError(f"{name} must hold numbers. Received dtype: {values.dtype}.")
    if values.dtype.kind == "f":
        _check_finite(name, values)
        return values.astype("float32")
    limits = np.iinfo("int32")
    if values.size and not limits.min <= values.min() <= values.max() <= limits.max:
        raise ValueError(
            f"{name} must hold integers from {limits.min} to {limits.max}, or floats. "
            f"Received: {values.min()} to {values.max()}."
        )
    return values.astype("int32")


def _pad(rows):
    """Return sequences as one array, each followed by zeros: (n, longest, ...)."""
    longest = max(1, *map(len, rows))
    padded = np.zeros((len(rows), longest, *rows[0].shape[1:]), rows[0].dtype)
    for i, row in enumerate(rows):
        padded[i, : len(row)] = row
    return padded
