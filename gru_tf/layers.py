"""GRUCell and GRU: the custom Keras layer, a drop-in for ``keras.layers.GRU``.

The layer takes the quickest way that computes what it is asked for:

* on a visible GPU, where cuDNN's conditions hold, Keras' own cuDNN path;
* where no GPU is visible, with tanh and sigmoid, without recurrent dropout and `unroll`,
  `recurrence`;
* everything else, step by step, through the cell.

All three give the same numbers.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gru_tf.checks import check_backend, check_flag, check_one_of
from gru_tf.recurrence import gru_recurrence

UPDATE_GATES = ("keep", "write")


@keras.saving.register_keras_serializable("gru_tf")
class GRUCell(keras.layers.GRUCell):
    r"""One step of a GRU, in either published form of its two gates.

    Update gate $z_t$ and reset gate $r_t$ are $\sigma(x_t W + h_{t-1} U + b)$ with
    weights of their own. Then, with `reset_after` and without it,

    $$
    \hat h_t = \tanh(x_t W_h + b_h + r_t \odot (h_{t-1} U_h + c_h))
    \quad\text{or}\quad
    \hat h_t = \tanh(x_t W_h + b_h + (r_t \odot h_{t-1}) U_h),
    $$

    and with `update_gate="keep"` and `"write"`,

    $$
    h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \hat h_t
    \quad\text{or}\quad
    h_t = (1 - z_t) \odot h_{t-1} + z_t \odot \hat h_t.
    $$

    Args:
        units: Positive integer, size of the state.
        update_gate: `"keep"`, as in Keras and PyTorch, or `"write"`.
        **kwargs: Every argument of `keras.layers.GRUCell`, with its default.

    Call arguments:
        inputs: (batch, features).
        states: The state before the step, (batch, units), alone or in a list.
        training: Whether dropout acts.

    Returns:
        The output, (batch, units), and the state after the step, the same values.

    Raises:
        ValueError: If `units` is not a positive integer, `update_gate` is neither
            `"keep"` nor `"write"`, or `reset_after` is not a bool.
        RuntimeError: If Keras' backend is not TensorFlow.

    Source: Cho et al. 2014, arXiv:1406.1078 (keep); Chung et al. 2014,
    arXiv:1412.3555 (write).
    """

    def __init__(self, units, *args, update_gate="keep", **kwargs):
        _check(units, update_gate, kwargs.get("reset_after", True))
        super().__init__(units, *args, **kwargs)
        self.update_gate = update_gate

    def call(self, inputs, states, training=False):
        nested = isinstance(states, (list, tuple))
        h = states[0] if nested else states  # (batch, units)
        n_h, reset_after = self.units, self.reset_after
        x_mask = self.get_dropout_mask(inputs) if training and 0 < self.dropout < 1 else None
        drops_state = training and 0 < self.recurrent_dropout < 1
        h_mask = self.get_recurrent_dropout_mask(h) if drops_state else None
        U = self.recurrent_kernel
        x_z, x_r, x_h = _products(inputs, x_mask, self.kernel, 3)
        h_z, h_r, *h_h = _products(h, h_mask, *((U, 3) if reset_after else (U[:, : 2 * n_h], 2)))
        b_z, b_r, b_h, c_h = self._biases()

        z = self.recurrent_activation(x_z + h_z + b_z)
        r = self.recurrent_activation(x_r + h_r + b_r)
        if reset_after:
            recurrent = r * (h_h[0] + c_h)
        else:
            h_reset = h * h_mask[2] if isinstance(h_mask, list) else h
            recurrent = ops.matmul(r * h_reset, U[:, 2 * n_h :])
        h_hat = self.activation(x_h + recurrent + b_h)
        if self.update_gate == "keep":
            h = z * h + (1 - z) * h_hat
        else:
            h = (1 - z) * h + z * h_hat
        return h, [h] if nested else h

    def _biases(self):
        """Return b_z, b_r, b_h, and c_h, the bias inside the reset gate."""
        if not self.use_bias:
            return 0, 0, 0, 0
        if not self.reset_after:
            return *ops.split(self.bias, 3), 0
        b_z, b_r, b_h = ops.split(self.bias[0], 3)
        c_z, c_r, c_h = ops.split(self.bias[1], 3)
        return b_z + c_z, b_r + c_r, b_h, c_h

    def get_config(self):
        return {**super().get_config(), "update_gate": self.update_gate}


@keras.saving.register_keras_serializable("gru_tf")
class GRU(keras.layers.GRU):
    """Gated Recurrent Unit: `keras.layers.GRU`, faster on a CPU and in both conventions.

    Weights, shapes, arguments, masks, states and defaults are those of
    `keras.layers.GRU`: replace one by the other, and `set_weights` what
    `get_weights` gave. The tutorials' form of the GRU is
    `GRU(units, reset_after=False, update_gate="write")`.

    Numbers at the edge have defined results. NaN in a step makes the states NaN from
    there on, in that sequence and in no other, and the gradients of all weights.
    Infinity saturates gates and candidate; the states stay finite, the gradient of the
    kernel does not. Neither passes a masked step, which keeps the state to the last
    bit; an update gate of 1 keeps it to rounding, 1e-7 a step. Numbers below 1e-38
    count as 0, as everywhere in TensorFlow. On a CPU float16 and bfloat16 are computed
    in float32 and rounded once, after the last step, but for what goes through the cell;
    weights that are float32, and their gradients, are not rounded. On the fast way
    `tape.jacobian` of a gradient wants `experimental_use_pfor=False`.

    Args:
        units: Positive integer, size of the state.
        activation: Of the candidate; default tanh.
        recurrent_activation: Of the gates; default sigmoid.
        use_bias: Whether there are biases.
        kernel_initializer: Of the input weights, (features, 3 * units).
        recurrent_initializer: Of the recurrent weights, (units, 3 * units).
        bias_initializer: Of the biases, (2, 3 * units), or (3 * units,) without
            `reset_after`.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: Penalties on them.
        activity_regularizer: Penalty on the output.
        kernel_constraint, recurrent_constraint, bias_constraint: Constraints on them.
        dropout: Fraction of the inputs dropped in training, in [0, 1). 1 drops nothing,
            as in Keras.
        recurrent_dropout: Fraction of the state dropped in training, likewise.
        seed: Seed of the dropout.
        return_sequences: Whether to return the state after every step.
        return_state: Whether to return the last state besides the output.
        go_backwards: Whether to read from the last step to the first; the output
            is in the order of reading.
        stateful: Whether the last state of a batch is the first of the next;
            `reset_state()` sets it to zero.
        unroll: Whether to lay the steps out in the graph instead of looping.
        reset_after: Whether the reset gate acts after the recurrent product.
        use_cudnn: `"auto"`, True (an error where cuDNN can't be had) or False.
        update_gate: `"keep"` (h = z h + (1 - z) h_hat; Keras, PyTorch, Cho et al.
            2014) or `"write"` (h = (1 - z) h + z h_hat; Chung et al. 2014).
        **kwargs: `zero_output_for_mask`, `implementation`, `name`, `dtype`, `trainable`.

    Call arguments:
        sequences: (batch, time, features). Integers and booleans are cast to the
            layer's dtype.
        initial_state: (batch, units), alone or in a list; default zeros.
        mask: Boolean, (batch, time) or (batch, time, 1), or of one row for all: at a False
            step the state stays as it is, to the last bit, whatever the input holds there,
            NaN and infinity included.
        training: Whether dropout acts.

    Returns:
        (batch, units), or (batch, time, units) with `return_sequences`; with
        `return_state` a tuple of that and the last state, (batch, units).

    Raises:
        ValueError: If `units` is not a positive integer, `update_gate` is neither
            `"keep"` nor `"write"`, `reset_after` is not a bool, `use_cudnn` is not one of
            its three values or True where cuDNN can't be had, the input has not three
            dimensions, no time step, complex numbers or not the number of features
            that the layer was built with, or the mask another shape.
        RuntimeError: If Keras' backend is not TensorFlow.

    Example:

    >>> layer = GRU(4, return_sequences=True)
    >>> layer(np.zeros((32, 10, 8), "float32")).shape
    TensorShape([32, 10, 4])

    Source: Cho et al. 2014, arXiv:1406.1078; Chung et al. 2014, arXiv:1412.3555;
    https://keras.io/api/layers/recurrent_layers/gru/
    """

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        reset_after=True,
        use_cudnn="auto",
        update_gate="keep",
        **kwargs,
    ):
        cell = GRUCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            reset_after=reset_after,
            seed=seed,
            update_gate=update_gate,
            implementation=kwargs.pop("implementation", 2),
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="gru_cell",
        )
        # Past keras.layers.GRU, which would make a cell of its own.
        keras.layers.RNN.__init__(
            self,
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = keras.layers.InputSpec(ndim=3)
        if use_cudnn not in ("auto", True, False):
            raise ValueError(
                f"use_cudnn must be 'auto', True or False. Received: use_cudnn={use_cudnn!r}."
            )
        self.use_cudnn = use_cudnn
        if self._way() == "cudnn":
            self.supports_jit = False  # XLA can't compile cuDNN's operations

    @property
    def update_gate(self):
        return self.cell.update_gate

    def build(self, sequences_shape, initial_state_shape=None):
        self.input_spec = keras.layers.InputSpec(ndim=3, axes={-1: sequences_shape[-1]})
        super().build(sequences_shape, initial_state_shape)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        if sequences.shape[1] == 0:
            raise ValueError(
                "sequences must have one time step at least. "
                f"Received: sequences.shape={tuple(sequences.shape)}."
            )
        sequences = as_floats(sequences, self.compute_dtype)
        mask = as_steps(mask, sequences)
        return super().call(sequences, initial_state, mask, training)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        way = "cell" if sequences.shape[2] == 0 else self._way()  # no features: nothing to multiply
        if self.use_cudnn is True and way != "cudnn":
            raise ValueError(
                "use_cudnn=True needs a visible GPU, tanh, sigmoid, biases, reset_after=True, "
                "no recurrent dropout and no unroll. use_cudnn='auto' takes cuDNN where it can."
            )
        if way == "cell":
            return keras.layers.RNN.inner_loop(self, sequences, initial_state, mask, training)
        if training and 0 < self.dropout < 1:
            sequences *= self.cell.get_dropout_mask(sequences[:, 0, :])[:, None, :]
        values = sequences, initial_state[0], mask, training
        if way == "cudnn":
            try:
                return self._outputs(self._run_cudnn(*values), mask)
            except NotImplementedError:  # Keras' where cuDNN is asked for on another device
                if self.use_cudnn is True:
                    raise ValueError(
                        "use_cudnn=True needs to run on the GPU, as cuDNN does. use_cudnn='auto' "
                        "goes another way elsewhere. "
                        f"Received: a call on {sequences.device or 'no GPU'}."
                    ) from None
        return self._outputs(self._run_recurrence(*values), mask)

    def _way(self):
        """Choose how to run: `"cudnn"`, `"recurrence"` or `"cell"`."""
        fits = (
            self.activation is keras.activations.tanh
            and self.recurrent_activation is keras.activations.sigmoid
            and not self.unroll
            and not self.recurrent_dropout
            and not (self.dropout and self.cell.implementation == 1)  # a mask for each gate
        )
        if not tf.config.list_logical_devices("GPU"):
            return "recurrence" if fits else "cell"
        cudnn = fits and self.use_bias and self.reset_after and self.use_cudnn
        return "cudnn" if cudnn else "cell"

    def _weights(self):
        """Return kernel, recurrent kernel and bias such that the update gate keeps."""
        weights = [self.cell.kernel, self.cell.recurrent_kernel, self.cell.bias]
        weights = [None if w is None else tf.convert_to_tensor(w) for w in weights]
        if self.update_gate == "keep":
            return weights
        # sigmoid(-a) = 1 - sigmoid(a): negate the block of z.
        sign = tf.repeat(tf.constant([-1, 1, 1], weights[0].dtype), self.units)
        return [None if w is None else w * sign for w in weights]

    def _run_recurrence(self, x, h_0, mask, training):
        from keras.src import backend

        # In float32 under a mixed policy too: their gradients are sums over all steps, which a
        # float16 can't hold, and would be cast with them.
        with backend.AutocastScope(None):
            kernel, recurrent_kernel, bias = self._weights()
        return gru_recurrence(
            x,
            h_0,
            kernel,
            recurrent_kernel,
            bias,
            reset_after=self.reset_after,
            mask=mask,
            go_backwards=self.go_backwards,
            return_sequences=self.return_sequences,
            training=training,
        )

    def _run_cudnn(self, x, h_0, mask, training):
        from keras.src import backend

        kernel, recurrent_kernel, bias = self._weights()

        def run():
            last, states, _ = backend.gru(
                x,
                h_0,
                mask,
                kernel=kernel,
                recurrent_kernel=recurrent_kernel,
                bias=bias,
                activation=self.activation,
                recurrent_activation=self.recurrent_activation,
                return_sequences=self.return_sequences,
                go_backwards=self.go_backwards,
                reset_after=True,
            )
            return states if self.return_sequences else last

        if mask is None:
            return run()
        # cuDNN wants right-padded sequences, none of them empty.
        lengths = tf.reduce_sum(tf.cast(mask, tf.int32), 1)
        padded = tf.reduce_all(tf.sequence_mask(lengths, tf.shape(mask)[1]) == mask)
        return tf.cond(
            padded & tf.reduce_all(lengths > 0),
            run,
            lambda: self._run_recurrence(x, h_0, mask, training),
        )

    def _outputs(self, h, mask):
        """Turn states into what Keras returns: last output, outputs, states."""
        h_last = h[:, -1] if self.return_sequences else h
        if mask is None:
            return h_last, h if self.return_sequences else h[:, None], [h_last]
        mask = as_read(mask, self)
        if self.return_sequences:
            outputs = tf.where(mask[:, :, None], h, 0)
            return outputs[:, -1], outputs, [h_last]
        output = tf.where(mask[:, -1:], h_last, 0)
        return output, output[:, None], [h_last]

    def get_config(self):
        config = {"use_cudnn": self.use_cudnn, "update_gate": self.update_gate}
        return {**super().get_config(), **config}


def _products(values, mask, weights, n):
    """Return `values` times each of the `n` blocks of `weights`, under a dropout mask.

    As in Keras, `mask` is None, one for all gates, or a list of one for each gate.
    """
    if isinstance(mask, list):
        blocks = ops.split(weights, n, axis=1)
        return [ops.matmul(values * m, w) for m, w in zip(mask, blocks, strict=False)]
    if mask is not None:
        values = values * mask
    return ops.split(ops.matmul(values, weights), n, axis=1)


def as_floats(sequences, dtype):
    """Return integers and booleans in the layer's dtype, as Keras' products cast them."""
    found = keras.backend.standardize_dtype(sequences.dtype)
    if found.startswith("complex"):
        raise ValueError(f"sequences must be real numbers. Received: sequences.dtype={found}.")
    return sequences if "float" in found else ops.cast(sequences, dtype)


def as_steps(mask, sequences):
    """Return a mask as Booleans, (batch, time), from any form that the layer takes, or None."""
    mask = mask[0] if isinstance(mask, (list, tuple)) else mask
    if mask is None:
        return None
    mask = tf.convert_to_tensor(mask)
    batch, time = sequences.shape[:2]
    shapes = [(rows, time, *last) for rows in (batch, 1) for last in ((), (1,))]
    if mask.shape.rank is None or not any(map(mask.shape.is_compatible_with, shapes)):
        raise ValueError(
            "mask must be (batch, time) or (batch, time, 1), its batch that of the sequences or 1. "
            f"Received: mask.shape={tuple(mask.shape)}, sequences.shape={tuple(sequences.shape)}."
        )
    mask = tf.cast(mask, tf.bool)
    mask = mask[:, :, 0] if mask.shape.rank == 3 else mask
    if batch is None or mask.shape[0] != batch:  # one row may stand for all
        mask = tf.broadcast_to(mask, (tf.shape(sequences)[0], tf.shape(mask)[1]))
    return mask


def as_read(mask, layer):
    """Return at which steps, in the order of reading, a layer puts out its state, (batch, time).

    Keras puts out zeros at masked steps that no unmasked one precedes, and at all masked
    steps with `zero_output_for_mask`.
    """
    mask = tf.reverse(mask, [1]) if layer.go_backwards else mask
    return mask if layer.zero_output_for_mask else tf.cumsum(tf.cast(mask, tf.int32), 1) > 0


def _check(units, update_gate, reset_after):
    check_backend()
    if not isinstance(units, (int, np.integer)) or isinstance(units, bool) or units < 1:
        raise ValueError(f"units must be a positive integer. Received: units={units!r}.")
    check_one_of("update_gate", update_gate, UPDATE_GATES)
    check_flag("reset_after", reset_after)
