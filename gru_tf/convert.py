"""The same GRU weights in the notation of Keras, PyTorch and ONNX.

Every conversion goes through `GRUWeights`, so any source reaches any target that
can hold it. The textbook form, one matrix for each gate on [h_prev, x_t], is
`GRUWeights.from_concatenated` and `GRUWeights.to_concatenated`. Who stores what::

               Keras              PyTorch              ONNX
    gates      z, r, h            r, z, h              z, r, h
    matrices   (n, 3 n_h)         (3 n_h, n)           (1, 3 n_h, n)
    z near 1   keeps the state    keeps the state      keeps the state
    reset      before or after    after                before or after

A library that has two biases for a gate adds them, except the candidate's with
reset-after. What comes back from a round trip has the sum in the input bias and
zero in the recurrent bias of z and r: the same function in other numbers.
"""

import numpy as np

from gru_tf.checks import check_flag, check_instance, check_one_of
from gru_tf.weights import GRUWeights, as_real_array


def from_keras(source, *, reset_after=None, update_gate=None):
    """Read the weights of a Keras GRU layer.

    Args:
        source: A built `keras.layers.GRU` or `gru_tf.GRU`, or what its
            `get_weights()` gives: [kernel (n_x, 3 n_h), recurrent_kernel
            (n_h, 3 n_h), bias], with bias (2, 3 n_h) for reset-after, (3 n_h,) for
            reset-before, and none for `use_bias=False`.
        reset_after: Only needed for a list without a bias, whose shapes don't tell.
        update_gate: Only needed for the list of a `gru_tf.GRU` with `"write"`.

    Returns:
        `GRUWeights` in the convention of the source.

    Raises:
        ValueError: A layer that is not built or has other activations than tanh and
            sigmoid, shapes that don't fit, or an argument that the source denies.
        TypeError: `source` is neither a GRU layer nor a list of arrays.

    Example:

    >>> layer = keras.layers.GRU(5)
    >>> layer.build((None, None, 3))
    >>> from_keras(layer).reset_after
    True

    Source: https://keras.io/api/layers/recurrent_layers/gru/
    """
    if reset_after is not None:
        check_flag("reset_after", reset_after)
    if update_gate is not None:
        check_one_of("update_gate", update_gate, ("keep", "write"))
    if hasattr(source, "get_weights"):
        reset_after, update_gate, source = _read_layer(source, reset_after, update_gate)
    if not isinstance(source, (list, tuple)) or len(source) not in (2, 3):
        raise TypeError(
            "source must be a GRU layer or a list [kernel, recurrent_kernel, bias] or [kernel, "
            f"recurrent_kernel]. Received: {_describe(source)}."
        )
    kernel, recurrent_kernel, *bias = (_array(f"source[{i}]", a) for i, a in enumerate(source))
    if bias:
        if reset_after not in (None, bias[0].ndim == 2) or bias[0].shape[:-1] not in ((), (2,)):
            raise ValueError(
                "reset_after=True has a bias of shape (2, 3 n_h) and reset_after=False of "
                f"(3 n_h,). Received: reset_after={reset_after} and {bias[0].shape}."
            )
        reset_after = bias[0].ndim == 2
    elif reset_after is None:
        raise ValueError(
            "reset_after must be True or False with a source without a bias, which doesn't say it. "
            "Received: None."
        )
    biases = bias[0] if bias and reset_after else bias
    arrays = (kernel, recurrent_kernel, biases)
    return _unpack("source", arrays, "zrh", reset_after, update_gate or "keep")


def to_keras(weights, *, update_gate="keep"):
    """Write weights as a Keras GRU layer's `set_weights` takes them.

    Args:
        weights: `GRUWeights`.
        update_gate: `"keep"` for `keras.layers.GRU`; for `gru_tf.GRU` its own
            `update_gate`.

    Returns:
        The list [kernel (n_x, 3 n_h), recurrent_kernel (n_h, 3 n_h), bias] for a
        layer with the same `reset_after`; bias is (2, 3 n_h) with it, else (3 n_h,). A
        layer with `use_bias=False` takes the first two of them.

    Example:

    >>> weights = GRUWeights.random(3, 5)  # reset before, z writes
    >>> layer = keras.layers.GRU(5, reset_after=False)
    >>> layer.build((None, None, 3))
    >>> layer.set_weights(to_keras(weights))
    """
    kernel, recurrent_kernel, bias, recurrent_bias = _pack(weights, "zrh", update_gate)
    bias = np.stack([bias, recurrent_bias]) if weights.reset_after else bias
    return [kernel, recurrent_kernel, bias]


def from_torch(source):
    """Read the weights of a PyTorch GRU of one layer and one direction.

    Args:
        source: A `torch.nn.GRU`, or its `state_dict()`; any mapping of arrays will
            do: weight_ih_l0 (3 n_h, n_x), weight_hh_l0 (3 n_h, n_h), and, unless
            it has no biases, bias_ih_l0 and bias_hh_l0 (3 n_h,).

    Returns:
        `GRUWeights` with `reset_after=True` and `update_gate="keep"`.

    Raises:
        ValueError: More layers or directions, a projection, missing names, or
            shapes that don't fit (an LSTM has four gates).
        TypeError: `source` is neither a module nor a mapping.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html
    """
    source = _state_dict(source)
    matrices, biases = ("weight_ih_l0", "weight_hh_l0"), ("bias_ih_l0", "bias_hh_l0")
    if set(source) not in ({*matrices}, {*matrices, *biases}):
        raise ValueError(
            f"source must have {[*matrices, *biases]}, as a GRU of one layer and one direction, or "
            f"the first two, without biases. Received: {list(source)}. For more layers or "
            "directions there is from_torch_layers."
        )
    W, U, *biases = (
        _array(f"source[{name!r}]", source[name]) for name in [*matrices, *biases] if name in source
    )
    return _unpack("source", (W.T, U.T, biases), "rzh", reset_after=True, update_gate="keep")


def to_torch(weights):
    """Write weights as the state dict of a `torch.nn.GRU(n_x, n_h)`.

    Args:
        weights: `GRUWeights` with `reset_after=True`.

    Returns:
        A dict of NumPy arrays: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0.
        Load it with
        `module.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})`.

    Raises:
        ValueError: Weights with reset-before: PyTorch's GRU is reset-after, and no
            change of weights turns one into the other.
    """
    W, U, b, c = _pack(weights, "rzh", "keep")
    if not weights.reset_after:
        raise ValueError(
            "reset_after must be True for torch.nn.GRU. Received: False. The two are different "
            "functions, and no change of weights turns one into the other."
        )
    arrays = {"weight_ih_l0": W.T, "weight_hh_l0": U.T, "bias_ih_l0": b, "bias_hh_l0": c}
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def from_torch_layers(source):
    """Read the weights of a PyTorch GRU of any number of layers, in one or both directions.

    Args:
        source: A `torch.nn.GRU`, or its `state_dict()`; any mapping of arrays under
            the same names will do.

    Returns:
        A list with one list for each layer, from the input up: `[forward]`, or
        `[forward, backward]` where the module is bidirectional, each `GRUWeights`
        as from `from_torch`. From the second layer on, n_x is the number of units
        below, twice that where the module is bidirectional.

    Raises:
        ValueError: A layer or direction is missing, a name belongs to none of them
            (a projection), or shapes don't fit.
        TypeError: `source` is neither a module nor a mapping.

    Example:

    >>> module = torch.nn.GRU(3, 5, num_layers=2, bidirectional=True)
    >>> [[weights.n_x for weights in layer] for layer in from_torch_layers(module)]
    [[3, 3], [10, 10]]

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GRU.html
    """
    source = _state_dict(source)
    n_layers = sum(f"weight_ih{_ending(i, 0)}" in source for i in range(len(source)))
    n_directions = 2 if f"weight_ih{_ending(0, 1)}" in source else 1
    endings = [[_ending(i, k) for k in range(n_directions)] for i in range(n_layers or 1)]
    parts = _TORCH_PARTS if any("bias" in name for name in source) else _TORCH_PARTS[:2]
    wanted = [f"{part}{ending}" for layer in endings for ending in layer for part in parts]
    if set(wanted) != set(source):
        raise ValueError(
            "source must have weight_ih_l0, weight_hh_l0, bias_ih_l0 and bias_hh_l0 for each layer "
            "and direction, with _l1 and so on for layers above, and _reverse at the end for the "
            "backward direction; or in all only the first two, without biases. "
            f"Missing: {[name for name in wanted if name not in source]}. "
            f"Received also: {[name for name in source if name not in wanted]}."
        )
    layers = [
        [
            from_torch({f"{part}_l0": source[f"{part}{ending}"] for part in parts})
            for ending in layer
        ]
        for layer in endings
    ]
    _check_stack(layers)
    return layers


def to_torch_layers(layers):
    """Write weights as the state dict of a `torch.nn.GRU` of several layers or directions.

    Args:
        layers: One list for each layer, from the input up: `[forward]` in all, or
            `[forward, backward]` in all, each `GRUWeights` with `reset_after=True`.

    Returns:
        A dict of NumPy arrays under PyTorch's names, weight_ih_l0 to
        bias_hh_l1_reverse. Load it as that of `to_torch`.

    Raises:
        ValueError: An empty list, layers that don't fit on one another, or weights
            with reset-before.
        TypeError: Something else than lists of `GRUWeights`.

    Example:

    >>> layers = from_torch_layers(torch.nn.GRU(3, 5, num_layers=2))
    >>> list(to_torch_layers(layers))[-1]
    'bias_hh_l1'
    """
    _check_stack(layers)
    if not all(weights.reset_after for layer in layers for weights in layer):
        raise ValueError(
            "reset_after must be True in all layers, as in torch.nn.GRU. Received: False."
        )
    return {
        f"{name.removesuffix('_l0')}{_ending(i, k)}": array
        for i, layer in enumerate(layers)
        for k, weights in enumerate(layer)
        for name, array in to_torch(weights).items()
    }


def from_onnx(W, R, B=None, linear_before_reset=0):
    """Read the weights of an ONNX GRU operator of one direction.

    Args:
        W: Input weights, (1, 3 n_h, n_x).
        R: Recurrent weights, (1, 3 n_h, n_h).
        B: Input biases and recurrent biases in one row, (1, 6 n_h), or None.
        linear_before_reset: The operator's attribute; not 0 means reset-after.

    Returns:
        `GRUWeights` with `update_gate="keep"`.

    Raises:
        ValueError: Two directions, or shapes that don't fit.

    Source: https://onnx.ai/onnx/operators/onnx__GRU.html
    """
    kinds = int | np.integer | np.bool_
    check_instance("linear_before_reset", linear_before_reset, kinds, "an int, such as 0 or 1")
    W, R, B = _array("W", W), _array("R", R), None if B is None else _array("B", B)
    shapes = [array.shape for array in (W, R, B) if array is not None]
    ranks = [len(shape) for shape in shapes]
    if ranks != [3, 3, 2][: len(shapes)] or any(shape[0] != 1 for shape in shapes):
        raise ValueError(
            "W, R and B must have shapes (1, 3 n_h, n_x), (1, 3 n_h, n_h) and (1, 6 n_h), the 1 "
            f"for one direction. Received: {shapes}."
        )
    biases = [] if B is None else np.array_split(B[0], 2)
    arrays = (W[0].T, R[0].T, biases)
    return _unpack("W, R and B", arrays, "zrh", bool(linear_before_reset), "keep")


def to_onnx(weights):
    """Write weights as the inputs and the attribute of an ONNX GRU operator.

    Args:
        weights: `GRUWeights`.

    Returns:
        The dict that `from_onnx` takes: W (1, 3 n_h, n_x), R (1, 3 n_h, n_h),
        B (1, 6 n_h) and linear_before_reset, 0 or 1.
    """
    W, R, b, c = _pack(weights, "zrh", "keep")
    arrays = {"W": W.T[None], "R": R.T[None], "B": np.concatenate([b, c])[None]}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    return {**arrays, "linear_before_reset": int(weights.reset_after)}


_TORCH_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _ending(layer, direction):
    """Return how PyTorch's names end: _l0, _l0_reverse, _l1 and so on."""
    return f"_l{layer}" + ("_reverse" if direction else "")


def _state_dict(source):
    if hasattr(source, "state_dict"):
        source = source.state_dict()
    if not hasattr(source, "keys"):
        raise TypeError(
            f"source must be a torch.nn.GRU or a mapping. Received: {_describe(source)}."
        )
    return source


def _check_stack(layers):
    """See that layers are lists of one or two `GRUWeights` that fit on one another."""
    if not isinstance(layers, (list, tuple)) or not all(
        isinstance(layer, (list, tuple)) and all(isinstance(w, GRUWeights) for w in layer)
        for layer in layers
    ):
        raise TypeError(
            "layers must be a list with one list of GRUWeights for each layer. Received: "
            f"{_describe(layers)}."
        )
    sizes = [[(w.n_x, w.n_h) for w in layer] for layer in layers]
    fits = bool(sizes) and len(sizes[0]) in (1, 2)
    if fits:
        n_x, n_h = sizes[0][0]
        for layer in sizes:
            fits = fits and layer == [(n_x, n_h)] * len(sizes[0])
            n_x = n_h * len(sizes[0])  # both directions, side by side, are the next one's input
    if not fits:
        raise ValueError(
            "layers on one another must all have one direction, or all two, and as many units; "
            f"each reads all that the one below puts out. Received (n_x, n_h): {sizes}."
        )


def _unpack(name, arrays, order, reset_after, update_gate):
    """Take apart W (n_x, 3 n_h), U (n_h, 3 n_h) and none, one or two biases (3 n_h,)."""
    W, U, biases = arrays
    n_h = len(U) if U.ndim else 0
    wanted = [(W.shape[0] if W.ndim else 0, 3 * n_h), (n_h, 3 * n_h)] + [(3 * n_h,)] * min(
        len(biases), 2
    )
    shapes = [array.shape for array in (W, U, *biases)]
    if shapes != wanted or not n_h:
        raise ValueError(
            f"{name} must hold three gates side by side: input weights (n_x, 3 n_h), recurrent "
            "weights (n_h, 3 n_h) and biases (3 n_h,), once transposed and unstacked. "
            f"Received: {shapes}."
        )
    b, c = [*biases, np.zeros(3 * n_h, U.dtype), np.zeros(3 * n_h, U.dtype)][:2]
    gates = {}
    for name, packed in (("W", W), ("U", U), ("b", b), ("c", c)):
        blocks = np.split(packed, 3, axis=-1)
        gates |= {f"{name}_{gate}": block for gate, block in zip(order, blocks, strict=True)}
    gates["b_z"] = gates["b_z"] + gates.pop("c_z")
    gates["b_r"] = gates["b_r"] + gates.pop("c_r")
    if not reset_after:
        gates["b_h"] = gates["b_h"] + gates.pop("c_h")
    return GRUWeights(**gates, reset_after=reset_after, update_gate=update_gate)


def _pack(weights, order, update_gate):
    """Put the gates side by side: W (n_x, 3 n_h), U (n_h, 3 n_h), b and c (3 n_h,)."""
    check_one_of("update_gate", update_gate, ("keep", "write"))
    if not isinstance(weights, GRUWeights):
        raise TypeError(f"weights must be GRUWeights. Received: {_describe(weights)}.")
    arrays = weights.with_update_gate(update_gate).arrays()
    W, U, b = (
        np.concatenate([arrays[f"{name}_{gate}"] for gate in order], axis=-1) for name in "WUb"
    )
    c = np.zeros_like(b)
    if weights.reset_after:
        c[2 * weights.n_h :] = weights.c_h  # the candidate is last in every order
    return W, U, b, c


def _read_layer(layer, reset_after, update_gate):
    """Return `reset_after`, `update_gate` and the arrays of a Keras GRU layer."""
    if isinstance(layer, type) or not hasattr(layer, "reset_after"):
        raise TypeError(f"source must be a GRU layer. Received: {_describe(layer)}.")
    functions = layer.activation, layer.recurrent_activation
    names = [getattr(function, "__name__", repr(function)) for function in functions]
    if names != ["tanh", "sigmoid"]:
        raise ValueError(f"source must have activations tanh and sigmoid. Received: {names}.")
    if not layer.built:
        raise ValueError(
            f"source must be built, or called once. Received: {layer.name!r}, without weights."
        )
    own = {"reset_after": layer.reset_after, "update_gate": getattr(layer, "update_gate", "keep")}
    for name, value in (("reset_after", reset_after), ("update_gate", update_gate)):
        if value not in (None, own[name]):
            raise ValueError(f"The layer has {name}={own[name]!r}. Received: {value!r}.")
    return own["reset_after"], own["update_gate"], layer.get_weights()


def _array(name, values):
    """Return a NumPy array of an array, a list, or a PyTorch tensor on any device."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        # NumPy has no bfloat16.
        values = (values.float() if "bfloat16" in str(values.dtype) else values).numpy()
    return as_real_array(name, values)


def _describe(value):
    size = f" of length {len(value)}" if isinstance(value, (list, tuple)) else ""
    return f"{type(value).__name__}{size}"
