r"""MinGRU: a GRU whose gates never see the state, so that no product waits for it.

Gate and candidate of all steps are products with the inputs alone. What is left to be done
step by step is in `gru_tf.min_recurrence`; docs/parallel.md compares it with other ways over
time.
"""

import keras
import tensorflow as tf
from keras import ops

from gru_tf.checks import check_at_least, check_backend, check_number, check_one_of
from gru_tf.layers import UPDATE_GATES, as_floats, as_read, as_steps
from gru_tf.min_recurrence import is_known, min_gru_recurrence


@keras.saving.register_keras_serializable("gru_tf")
def log_space_candidate(a):
    """Return a + 0.5 from zero on and sigmoid(a) below: a candidate that is positive.

    The function g of the paper, there because a computation in log space needs positive
    candidates. `MinGRU` doesn't need it; `MinGRU(units, activation=log_space_candidate)`
    computes the paper's log-space variant.

    Args:
        a: A tensor.

    Returns:
        A tensor of the same shape and type.

    Source: Feng et al. 2024, arXiv:2410.01201, appendix on the log-space variant.
    """
    return ops.where(a >= 0, a + 0.5, ops.sigmoid(a))


@keras.saving.register_keras_serializable("gru_tf")
class MinGRUCell(keras.layers.Layer):
    r"""One step of a MinGRU.

    $$
    z_t = \sigma(x_t W_z + b_z) \qquad \hat h_t = g(x_t W_h + b_h)
    $$

    and with `update_gate="write"` and `"keep"`,

    $$
    h_t = (1 - z_t) \odot h_{t-1} + z_t \odot \hat h_t
    \quad\text{or}\quad
    h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \hat h_t.
    $$

    Args:
        units: Positive integer, size of the state.
        activation: Of the candidate, g; default None, which leaves it as it is.
        recurrent_activation: Of the update gate; default sigmoid.
        use_bias: Whether there are biases.
        kernel_initializer, bias_initializer: Of the weights, (features, 2 * units), in
            the order z, h, and of the biases, (2 * units,).
        kernel_regularizer, bias_regularizer: Penalties on them.
        kernel_constraint, bias_constraint: Constraints on them.
        update_gate: `"write"`, as in the paper, or `"keep"`.
        **kwargs: `name`, `dtype`, `trainable`.

    Call arguments:
        inputs: (batch, features).
        states: The state before the step, (batch, units), alone or in a list.
        training: Ignored.

    Returns:
        The output, (batch, units), and the state after the step, the same values.

    Raises:
        ValueError: If `units` is not a positive integer, or `update_gate` is neither
            `"keep"` nor `"write"`.

    Source: Feng et al. 2024, arXiv:2410.01201, section 3.1.
    """

    def __init__(
        self,
        units,
        activation=None,
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        update_gate="write",
        **kwargs,
    ):
        check_backend()
        check_at_least("units", units, 1)
        check_one_of("update_gate", update_gate, UPDATE_GATES)
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = int(units)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.update_gate = update_gate

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 2 * self.units),
            name="kernel",
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(2 * self.units,),
                name="bias",
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def call(self, inputs, states, training=False):
        nested = isinstance(states, (list, tuple))
        h = states[0] if nested else states  # (batch, units)
        inputs = ops.cast(inputs, self.compute_dtype)
        if inputs.shape[-1] == 0:  # oneDNN's product of nothing can end the process, in bfloat16
            products = ops.sum(inputs[:, :, None] * self.kernel, axis=1)
        else:
            products = ops.matmul(inputs, self.kernel)
        if self.use_bias:
            products = products + self.bias
        a_z, a_h = ops.split(products, 2, axis=-1)
        z, h_hat = self.recurrent_activation(a_z), self.activation(a_h)
        h = (1 - z) * h + z * h_hat if self.update_gate == "write" else z * h + (1 - z) * h_hat
        return h, [h] if nested else h

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype)]

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
            "update_gate": self.update_gate,
        }


@keras.saving.register_keras_serializable("gru_tf")
class MinGRU(keras.layers.RNN):
    """A GRU without reset gate, whose update gate looks at the inputs alone.

    Much faster to train than a GRU, and able to do less: `gru_tf.min_gru.MinGRUCell` has the
    equations, lesson 12 what is lost. With an activation that has weights of its own, or no
    hash, it goes step by step through the cell. Masks, states and arguments mean what they
    mean in `keras.layers.GRU`; those that need a recurrent product are missing.

    Args:
        units: Positive integer, size of the state.
        activation: Of the candidate; default None, as in the paper. tanh bounds the
            state as in a GRU; `gru_tf.min_gru.log_space_candidate` is the paper's
            log-space variant.
        recurrent_activation: Of the update gate, with values in [0, 1]; default sigmoid.
        use_bias: Whether there are biases.
        kernel_initializer: Of the weights, (features, 2 * units), in the order z, h.
        bias_initializer: Of the biases, (2 * units,).
        kernel_regularizer, bias_regularizer: Penalties on them.
        activity_regularizer: Penalty on the output.
        kernel_constraint, bias_constraint: Constraints on them.
        dropout: Fraction of the inputs dropped in training, in [0, 1): the same ones at
            all steps of a sequence.
        seed: Seed of the dropout.
        return_sequences: Whether to return the state after every step.
        return_state: Whether to return the last state besides the output.
        go_backwards: Whether to read from the last step to the first; the output
            is in the order of reading.
        stateful: Whether the last state of a batch is the first of the next;
            `reset_state()` sets it to zero.
        unroll: Whether to go step by step through the cell, laid out in the graph. For
            short sequences.
        update_gate: `"write"` (h = (1 - z) h + z h_hat), the paper's, or `"keep"`
            (h = z h + (1 - z) h_hat), the default of `gru_tf.GRU`. With a sigmoid they
            are the same function, with the weights and the bias of z negated.
        **kwargs: `zero_output_for_mask`, `name`, `dtype`, `trainable`.

    Call arguments:
        sequences: (batch, time, features).
        initial_state: (batch, units), alone or in a list; default zeros.
        mask: Boolean, (batch, time) or (batch, time, 1), or of one row for all: at a False
            step the state stays as it is.
        training: Whether dropout acts.

    Returns:
        (batch, units), or (batch, time, units) with `return_sequences`; with
        `return_state` a tuple of that and the last state, (batch, units).

    Raises:
        ValueError: If `units` is not a positive integer, `update_gate` is neither
            `"keep"` nor `"write"`, `dropout` is not in [0, 1), the input is complex, has not
            three dimensions or not the number of features that the layer was built with, or
            the mask another shape.

    Example:

    >>> layer = MinGRU(4, return_sequences=True)
    >>> layer(keras.ops.zeros((32, 10, 8))).shape
    TensorShape([32, 10, 4])

    Source: Feng et al. 2024, arXiv:2410.01201, section 3.1 ("write").
    """

    _compiles = True

    def __init__(
        self,
        units,
        activation=None,
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        seed=None,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        update_gate="write",
        **kwargs,
    ):
        check_number("dropout", dropout, least=0, below=1)
        cell = MinGRUCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            update_gate=update_gate,
            dtype=kwargs.get("dtype"),
            trainable=kwargs.get("trainable", True),
            name="min_gru_cell",
        )
        super().__init__(
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
        self.dropout, self.seed = dropout, seed
        if dropout:
            self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def units(self):
        return self.cell.units

    @property
    def update_gate(self):
        return self.cell.update_gate

    def build(self, sequences_shape, initial_state_shape=None):
        self.input_spec = keras.layers.InputSpec(ndim=3, axes={-1: sequences_shape[-1]})
        super().build(sequences_shape, initial_state_shape)
        functions = self.cell.activation, self.cell.recurrent_activation
        self._compiles = not any(map(self._is_learnt_or_unhashable, functions))

    def _is_learnt_or_unhashable(self, function):
        """Return whether the compiled recurrence can't take an activation.

        TensorFlow keeps a trace by its functions, and our gradients leave out theirs.
        """
        if is_known(function):
            return False
        computed = "float64" if self.compute_dtype == "float64" else "float32"
        with tf.GradientTape() as tape:
            function(tf.zeros((1, self.units), computed))  # one that is a layer is built here
        try:
            hash(function)
        except TypeError:
            return True
        return bool(tape.watched_variables())

    def call(self, sequences, initial_state=None, mask=None, training=False):
        sequences = ops.cast(as_floats(sequences, self.compute_dtype), self.compute_dtype)
        mask = as_steps(mask, sequences)
        if training and self.dropout:
            noise_shape = (None, 1, sequences.shape[2])
            sequences = keras.random.dropout(
                sequences, self.dropout, noise_shape, self.seed_generator
            )
        no_features = sequences.shape[2] == 0  # nothing to multiply
        if self.unroll or no_features or not self._compiles:
            return super().call(sequences, initial_state, mask, training)

        # What keras.layers.RNN does, which stops where there is no first step to look at.
        if initial_state is None:
            batch = ops.shape(sequences)[0]
            initial_state = self.states if self.stateful else self.get_initial_state(batch)
        h_0 = initial_state[0] if isinstance(initial_state, (list, tuple)) else initial_state
        h_0 = ops.cast(h_0, self.compute_dtype)
        if self.stateful and sequences.shape[0] not in (None, h_0.shape[0]):
            raise ValueError(
                "The batch size of a stateful layer is that of its state: expected "
                f"{h_0.shape[0]}. Received: {sequences.shape[0]}."
            )
        h, h_last = self._run(sequences, h_0, mask, training)
        if self.stateful:
            self.states[0].assign(h_last)
        output = self._output(h, h_last, mask)
        return (output, h_last) if self.return_state else output

    def _run(self, x, h_0, mask, training):
        from keras.src import backend

        cell = self.cell
        # In float32 under a mixed policy too: their gradients are sums over all steps, which a
        # float16 can't hold, and would be cast with them.
        with backend.AutocastScope(None):
            kernel = tf.convert_to_tensor(cell.kernel)
            bias = None if cell.bias is None else tf.convert_to_tensor(cell.bias)
        return min_gru_recurrence(
            x,
            h_0,
            kernel,
            bias,
            activation=cell.activation,
            recurrent_activation=cell.recurrent_activation,
            update_gate=cell.update_gate,
            mask=mask,
            go_backwards=self.go_backwards,
            return_sequences=self.return_sequences,
            training=training,
        )

    def _output(self, h, h_last, mask):
        """Turn states into what Keras puts out."""
        if mask is None:
            return h if self.return_sequences else h_last
        mask = as_read(mask, self)
        if self.return_sequences:
            return tf.where(mask[:, :, None], h, 0)
        return tf.where(tf.reduce_all(mask[:, -1:], 1, keepdims=True), h_last, 0)

    def get_config(self):
        config = {**super().get_config(), **self.cell.get_config()}
        del config["cell"]
        for name in ("name", "dtype", "trainable"):  # of the layer, not of its cell
            config[name] = super().get_config()[name]
        return {**config, "dropout": self.dropout, "seed": self.seed}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
