"""What identifies the data of a search: shapes, and a checksum of all that is in them.

Arrays, sparse and ragged ones too, are read whole, at about a gigabyte a second. So are
datasets, and functions that make one, up to `MOST_BYTES`: of what is larger, or never ends,
only so much is compared, and the search says so. A dataset that draws its order anew in
each pass is compared row by row, whatever the order; one whose rows differ in each pass
can't be compared.
"""

import collections.abc
import hashlib
import inspect
import itertools

import keras
import numpy as np

from gru_tf.checks import describe

MOST_BYTES = 2**28  # of a dataset: 256 MB
MOST_BATCHES = 2**17
MOST_OF_ENDLESS = 2**10  # batches of a dataset that never ends


def describe_data(data):
    """Return what identifies data, for each of their parts.

    Args:
        data: Anything that `fit` takes, or a function that makes it.

    Returns:
        A text, or a list or a dict of such.

    Raises:
        ValueError: If it is a generator, which only the first trial could read, or of a kind
            of which it can't be seen whether another holds the same.
    """
    from gru_tf.tuning.identity import identify

    if isinstance(data, dict):
        return {str(name): describe_data(value) for name, value in data.items()}
    if isinstance(data, tuple) or (isinstance(data, list) and _holds_arrays(data)):
        return [describe_data(part) for part in data]
    if isinstance(data, keras.callbacks.Callback):
        names = inspect.signature(type(data).__init__).parameters
        known = {name: identify(getattr(data, name)) for name in names if hasattr(data, name)}
        return {"callback": type(data).__name__, **known}
    if (parts := _parts(data)) is not None:
        return _describe_parts(data, *parts)
    if isinstance(data, list) or hasattr(data, "__array__"):
        return describe_array(data)
    if isinstance(data, collections.abc.Iterator):
        raise ValueError(
            "A generator can be read once, by the first trial alone: give a function that makes "
            f"a dataset. Received: {data!r}."
        )
    if callable(data) and not _is_dataset(data):
        made = data()
        return _describe_batches(data) if _is_dataset(made) else describe_data(made)
    if _is_dataset(data):
        return _describe_batches(data)
    held = hasattr(data, "__len__") and not isinstance(data, str | bytes | range | set | frozenset)
    if held or hasattr(data, "shape") or type(data).__repr__ is object.__repr__:
        raise ValueError(
            "Data must be arrays, sparse or ragged ones, a dataset, a function that makes one of "
            "these, numbers or texts: of others it can't be seen whether they are the same when "
            f"the search goes on. Received: {describe(data)}."
        )
    return identify(data)


def describe_array(data):
    """Return the type, the shape and a checksum of an array."""
    array = np.asarray(data)
    return f"{array.dtype} {array.shape}, checksum {hashlib.sha256(_bytes(array)).hexdigest()[:12]}"


def is_array(data):
    """Return whether data are an array of any library, or a sparse or ragged one."""
    return hasattr(data, "__array__") or _parts(data) is not None


def _parts(data):
    """Return the values of a sparse or ragged array and arrays of their places, None of others."""
    if hasattr(data, "tocoo"):  # of SciPy
        matrix = data.tocoo(copy=True)
        matrix.sum_duplicates()  # which puts them in one order
        return matrix.data, [matrix.row, matrix.col]
    if hasattr(data, "dense_shape"):  # of TensorFlow, as the next
        return data.values, [data.indices]
    if hasattr(data, "nested_row_splits"):
        return data.flat_values, data.nested_row_splits
    return None


def _describe_parts(data, values, places):
    values = np.asarray(values)
    digest = hashlib.sha256(_bytes(values))
    for part in places:
        digest.update(np.asarray(part).astype(np.int64).tobytes())
    kind = "ragged" if hasattr(data, "nested_row_splits") else "sparse"
    return f"{kind} {values.dtype} {tuple(data.shape)}, checksum {digest.hexdigest()[:12]}"


def notes(described, name=""):
    """Yield a sentence on each part of described data that isn't compared whole."""
    if isinstance(described, dict | list):
        items = described.items() if isinstance(described, dict) else enumerate(described)
        for key, part in items:
            yield from notes(part, f"{name}[{key}]" if name else str(key))
    elif described.startswith("first "):
        part = described.partition(" batches")[0]
        yield f"Of {name} only the {part} batches are compared when the search goes on."
    elif described.endswith(", random"):
        yield f"The rows of {name} differ in each pass: only their number and shapes are compared."


def _is_dataset(data):
    return (
        hasattr(data, "element_spec")
        or isinstance(data, keras.utils.PyDataset)
        or (hasattr(data, "__iter__") and hasattr(data, "batch_size"))  # of PyTorch
    )


def _describe_batches(data):
    ordered, rows, text = _read(data)
    if _read(data, batches=1)[0] == _read(data, batches=1)[0]:
        return f"{text}, checksum {ordered}"
    in_any_order = _read(data)[1] == rows
    return f"{text}, checksum of rows in any order {rows}" if in_any_order else f"{text}, random"


def _read(data, batches=MOST_BATCHES):
    """Return a checksum of batches in their order, one of their rows in any, and a text."""
    data = data() if callable(data) and not _is_dataset(data) else data
    if hasattr(data, "cardinality") and data.cardinality() == -1:
        batches = min(batches, MOST_OF_ENDLESS)
    by_index = isinstance(data, keras.utils.PyDataset)
    items = (data[i] for i in range(len(data))) if by_index else iter(data)
    digest, total, n_rows, n_bytes, n, shapes = hashlib.sha256(), 0, 0, 0, 0, []
    for batch in itertools.islice(items, batches):
        arrays = [_dense(leaf) for leaf in keras.tree.flatten(batch) if leaf is not None]
        for array in arrays:
            digest.update(f"{array.dtype}{array.shape}".encode() + _bytes(array))
            n_bytes += array.nbytes
        for parts in zip(*arrays, strict=False):
            row = b"|".join(_bytes(np.asarray(part)) for part in parts)
            total += int.from_bytes(hashlib.sha256(row).digest()[:8])
            n_rows += 1
        shapes.append([(str(array.dtype), array.shape[1:]) for array in arrays])
        n += 1
        if n_bytes > MOST_BYTES:
            break
    cut = "first " if next(items, None) is not None else ""
    parts = " and ".join(_common(part) for part in zip(*shapes, strict=True))
    text = f"{cut}{n} batches, {n_rows} rows of {parts}"
    return digest.hexdigest()[:12], f"{total % 2**48:012x}", text


def _common(shapes):
    """Return type and shape of an array's rows, with ? where batches differ."""
    axes = zip(*(shape for _, shape in shapes), strict=True)
    sizes = [str(axis[0]) if len(set(axis)) == 1 else "?" for axis in axes]
    return f"{shapes[0][0]} ({', '.join(sizes)})"


def _bytes(array):
    return repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()


def _dense(data):
    """Return an array of a batch: of a sparse one all values, of a ragged one the rows as texts."""
    if hasattr(data, "nested_row_splits"):
        return np.array([repr(row) for row in data.to_list()], dtype=object)
    if hasattr(data, "dense_shape"):
        array = np.zeros(data.shape, data.values.numpy().dtype)
        array[tuple(np.transpose(data.indices))] = data.values
        return array
    return data.toarray() if hasattr(data, "toarray") else np.asarray(data)


def _holds_arrays(parts):
    return any(is_array(part) or isinstance(part, dict) for part in parts)
