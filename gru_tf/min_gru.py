r"""MinGRU: a GRU whose gates never see the state, so that no product waits for it.

Gate and candidate of all steps are products with the inputs alone. What is left of the
recurrence is $h_t = a_t \odot h_{t-1} + b_t$, with $b_t = (1 - a_t) \odot \hat h_t$: one
multiplication and one addition for each number of the state. Each turn of a loop takes a
run of steps, few enough that all it touches stays in the processor's cache:

* Forward, gates and candidates of those steps are computed at once, on another core than
  the steps of the turn before. Only the state before each turn is kept for the way back.
* Backward, a turn computes its gates and states anew, which costs less than to store and
  fetch them. The gradient of the state runs through the same recurrence, reversed:
  $\bar h_{t-1} = a_t \odot \bar h_t$, plus what the loss adds at that step.

A product of many gates is never formed, so nothing can overflow, however long the
sequence. docs/parallel.md compares this with other ways over time.
"""

import keras
import tensorflow as tf
from keras import ops

from gru_tf.checks import check_at_least, check_number, check_one_of

UPDATE_GATES = ("keep", "write")
_CACHED = 128 * 1024  # numbers in an array of a turn, small enough for the processor's cache
_MOST_STEPS = 64  # in a turn: each is laid out in the graph
_FEW_STEPS = 16  # in a turn where their number is unknown: up to one turn is for nothing
_AHEAD = 2  # turns at once: one in its steps, one in its products


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
        products = ops.matmul(ops.cast(inputs, self.compute_dtype), self.kernel)
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

    Much faster to train than a GRU, and able to do less: `MinGRUCell` has the equations,
    lesson 12 what is lost. Masks, states and arguments mean what they mean in
    `keras.layers.GRU`; those that need a recurrent product are missing.

    Args:
        units: Positive integer, size of the state.
        activation: Of the candidate; default None, as in the paper. tanh bounds the
            state as in a GRU; `log_space_candidate` is the paper's log-space variant.
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
            short sequences, and where second derivatives are needed.
        update_gate: `"write"` (h = (1 - z) h + z h_hat), the paper's, or `"keep"`
            (h = z h + (1 - z) h_hat), the default of `gru_tf.GRU`. With a sigmoid they
            are the same function, with the weights and the bias of z negated.
        **kwargs: `zero_output_for_mask`, `name`, `dtype`, `trainable`.

    Call arguments:
        sequences: (batch, time, features).
        initial_state: (batch, units), alone or in a list; default zeros.
        mask: Boolean, (batch, time): at a False step the state stays as it is.
        training: Whether dropout acts.

    Returns:
        (batch, units), or (batch, time, units) with `return_sequences`; with
        `return_state` a tuple of that and the last state, (batch, units).

    Raises:
        ValueError: If `units` is not a positive integer, `update_gate` is neither
            `"keep"` nor `"write"`, `dropout` is not in [0, 1), the input has not three
            dimensions or not the number of features that the layer was built with.

    Example:

    >>> layer = MinGRU(4, return_sequences=True)
    >>> layer(keras.ops.zeros((32, 10, 8))).shape
    TensorShape([32, 10, 4])

    Source: Feng et al. 2024, arXiv:2410.01201, section 3.1 ("write").
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

    def call(self, sequences, initial_state=None, mask=None, training=False):
        sequences = ops.cast(sequences, self.compute_dtype)
        if training and self.dropout:
            noise_shape = (None, 1, sequences.shape[2])
            sequences = keras.random.dropout(
                sequences, self.dropout, noise_shape, self.seed_generator
            )
        if self.unroll:
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
        mask = mask[0] if isinstance(mask, (list, tuple)) else mask
        if mask is not None:
            mask = tf.cast(mask, tf.bool)
        h, h_last = self._run(sequences, h_0, mask, training)
        if self.stateful:
            self.states[0].assign(h_last)
        output = self._output(h, h_last, mask)
        return (output, h_last) if self.return_state else output

    def _run(self, x, h_0, mask, training):
        cell = self.cell
        return min_gru_recurrence(
            x,
            h_0,
            tf.convert_to_tensor(cell.kernel),
            None if cell.bias is None else tf.convert_to_tensor(cell.bias),
            activation=cell.activation,
            recurrent_activation=cell.recurrent_activation,
            update_gate=cell.update_gate,
            mask=mask,
            go_backwards=self.go_backwards,
            return_sequences=self.return_sequences,
            training=training,
        )

    def _output(self, h, h_last, mask):
        """Turn states into what Keras puts out.

        Zeros at masked steps that no unmasked one precedes, and at all masked steps with
        `zero_output_for_mask`.
        """
        if mask is None:
            return h if self.return_sequences else h_last
        mask = tf.reverse(mask, [1]) if self.go_backwards else mask
        if not self.zero_output_for_mask:
            mask = tf.cumsum(tf.cast(mask, tf.int32), 1) > 0
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


def min_gru_recurrence(
    x,
    h_0,
    kernel,
    bias=None,
    *,
    activation=keras.activations.linear,
    recurrent_activation=keras.activations.sigmoid,
    update_gate="write",
    mask=None,
    go_backwards=False,
    return_sequences=False,
    training=False,
):
    """Run a MinGRU over whole sequences.

    Half precision is computed in float32 and rounded once, at the end. Second
    derivatives are refused.

    Args:
        x: Inputs, (batch, time, n_x).
        h_0: Initial state, (batch, n_h).
        kernel: Weights, (n_x, 2 * n_h), in the order z, h.
        bias: (2 * n_h,), or None.
        activation: Function that makes the candidate of each number on its own.
        recurrent_activation: The same for the update gate.
        update_gate: `"write"` or `"keep"`.
        mask: Boolean, (batch, time): a False step leaves the state as it is.
        go_backwards: Whether to read the time steps from last to first.
        return_sequences: Whether to return the states after all steps.
        training: Whether to keep what a backward pass needs. Without it a backward
            pass, if there is one, runs the forward pass again. The numbers are the same.

    Returns:
        The states after every step, (batch, time, n_h), in the order in which the steps
        were read, or None without `return_sequences`; and the last state, (batch, n_h).
    """
    n_x, n_h = kernel.shape[0], kernel.shape[1] // 2
    options = (
        n_x,
        n_h,
        activation,
        recurrent_activation,
        update_gate,
        go_backwards,
        return_sequences,
        bool(training),
    )
    # In eager mode the loop would run in Python, hundreds of times slower.
    run = _compiled_run if tf.executing_eagerly() else _run
    h, h_last = run(x, h_0, kernel, bias, mask, *options)
    h_last.set_shape((x.shape[0], n_h))
    if return_sequences:
        h.set_shape((x.shape[0], x.shape[1], n_h))
    return h if return_sequences else None, h_last


def _run(
    x,
    h_0,
    kernel,
    bias,
    mask,
    n_x,
    n_h,
    activation,
    recurrent_activation,
    update_gate,
    go_backwards,
    return_sequences,
    training,
):
    dtype = x.dtype
    computed = tf.float64 if dtype == tf.float64 else tf.float32
    bias = tf.zeros(2 * n_h, computed) if bias is None else bias
    x, h_0, kernel, bias = (tf.cast(value, computed) for value in (x, h_0, kernel, bias))
    x = tf.ensure_shape(x, (None, None, n_x))  # what a trace for many shapes no longer knows
    h_0 = tf.ensure_shape(h_0, (None, n_h))
    kernel = tf.ensure_shape(kernel, (n_x, 2 * n_h))

    x = tf.transpose(x, (1, 0, 2))  # (time, batch, n_x)
    if mask is not None:
        mask = tf.transpose(mask)[:, :, None]  # (time, batch, 1)
        x = tf.where(mask, x, tf.zeros((), computed))  # whatever the padding holds
    if go_backwards:
        x = tf.reverse(x, [0])
        mask = None if mask is None else tf.reverse(mask, [0])
    time = x.shape[0] or tf.shape(x)[0]
    if not x.shape[0]:
        x, mask = _whole_turns(x, mask)
    W_z, W_h = tf.split(kernel, 2, axis=1)
    b_z, b_h = tf.split(bias, 2)
    functions = (recurrent_activation, activation, update_gate == "keep")
    # An argument with a gradient as the others: a SavedModel can't hold one without.
    mask = [] if mask is None else [tf.cast(mask, computed)]

    @tf.custom_gradient
    def recurrence(x, h_0, W_z, W_h, b_z, b_h, *mask):
        weights, mask = (W_z, W_h, b_z, b_h), mask[0] if mask else None

        def read(keep_states):
            """Return the last state, and of each run of turns what its way back needs."""
            h, runs = h_0, []
            for steps, run in _runs(x, n_h):
                turns = [None if v is None else _turns(v[run], steps) for v in (x, mask)]
                h, before, states = _forward(*turns, h, weights, functions, steps, keep_states)
                runs.append((steps, run, *turns, before, states))
            return h, runs

        h, runs = read(return_sequences)
        h_all = tf.zeros((0,), computed)
        if return_sequences:
            h_all = tf.concat([states.concat() for *_, states in runs], 0)
            h_all = tf.reshape(h_all, (*tf.unstack(tf.shape(x)[:2]), n_h))

        def backward(dh_all, dh):
            dx, dweights = [], [tf.zeros_like(w) for w in weights]
            # A SavedModel can hold a way back that starts from the inputs, and no other.
            kept = runs if training else read(False)[1]
            for steps, run, x_turns, mask_turns, before, _ in reversed(kept):
                outer = _turns(dh_all[run], steps) if return_sequences else None
                dx_run, dh, dweights = _backward(
                    x_turns, mask_turns, before, outer, dh, dweights, weights, functions, steps
                )
                dx.insert(0, dx_run)
            dx = tf.reshape(tf.concat(dx, 0), tf.shape(x))
            return dx, dh, *dweights, *([] if mask is None else [tf.zeros_like(mask)])

        return (h_all, h), _without_second(backward)

    h_all, h_last = recurrence(x, h_0, W_z, W_h, b_z, b_h, *mask)
    if return_sequences:
        h_all = tf.transpose(h_all[:time], (1, 0, 2))
    return tf.cast(h_all, dtype), tf.cast(h_last, dtype)


_compiled_run = tf.function(_run, autograph=False, reduce_retracing=True)


def _gates(x, mask, weights, functions):
    """Return of some steps at once, (steps * batch, n_h), the shares kept and the candidates.

    Besides, the two sums that they are functions of.
    """
    W_z, W_h, b_z, b_h = weights
    recurrent_activation, activation, keeps = functions
    a_z = tf.nn.bias_add(tf.matmul(x, W_z), b_z)
    a_h = tf.nn.bias_add(tf.matmul(x, W_h), b_h)
    z = recurrent_activation(a_z)
    keep = z if keeps else 1 - z
    if mask is not None:
        keep = tf.where(mask, keep, tf.ones((), keep.dtype))
    return keep, activation(a_h), a_z, a_h


def _steps(keep, h_hat, h, steps):
    """Return the states after each of some steps, a list of (batch, n_h)."""
    # 1 - keep as it was rounded: a state that equals its candidates stays what it is.
    write = (1 - keep) * h_hat
    states = []
    for keep_t, write_t in zip(tf.split(keep, steps), tf.split(write, steps), strict=True):
        h = keep_t * h + write_t
        states.append(h)
    return states


def _forward(x, mask, h, weights, functions, steps, keep_states):
    """Run the steps of some turns.

    Args:
        x: Array with the inputs of each turn, (steps * batch, n_x).
        mask: Array with the masks of each turn, (steps * batch, 1), 1 or 0, or None.
        h: State before the first step, (batch, n_h).
        weights: W_z, W_h (n_x, n_h), b_z, b_h (n_h,).
        functions: Of the update gate, of the candidate, and whether the gate keeps.
        steps: Number of steps in a turn.
        keep_states: Whether to keep the states after every step.

    Returns:
        The last state, (batch, n_h); an array with the state before each turn; and one
        with the states after its steps, (steps * batch, n_h), or None.
    """
    turns, n_h = x.size(), h.shape[1]
    arrays = [_array(turns, n_h, h.dtype) for _ in range(2 if keep_states else 1)]

    def turn(i, h, arrays):
        mask_i = None if mask is None else mask.read(i) > 0
        keep, h_hat, *_ = _gates(x.read(i), mask_i, weights, functions)
        states = _steps(keep, h_hat, h, steps)
        values = [h, tf.concat(states, 0)] if keep_states else [h]
        arrays = [array.write(i, value) for array, value in zip(arrays, values, strict=True)]
        states[-1].set_shape(h.shape)  # a loop's state keeps its shape
        return i + 1, states[-1], arrays

    _, h, arrays = tf.while_loop(
        lambda i, *_: i < turns,
        turn,
        (tf.constant(0), h, arrays),
        parallel_iterations=_AHEAD,
        maximum_iterations=turns,
    )
    return h, arrays[0], arrays[1] if keep_states else None


def _backward(x, mask, before, dh_steps, dh, dweights, weights, functions, steps):
    """Take gradients back through the steps that `_forward` ran.

    Args:
        x, mask, weights, functions, steps: As for `_forward`.
        before: Array with the state before each turn, (batch, n_h).
        dh_steps: Array with what each turn's states get from outside, (steps * batch,
            n_h), or None.
        dh: Gradient of the last state, (batch, n_h).
        dweights: Gradients of the weights from later steps, in the order of `weights`.

    Returns:
        Gradients of the inputs, (time * batch, n_x), of the state before the first
        step, and of the weights.
    """
    recurrent_activation, activation, keeps = functions
    W_z, W_h = (tf.transpose(w) for w in weights[:2])  # once, not at every turn
    turns, shape = x.size(), dh.shape

    def turn(i, dh, dx, dweights):
        x_i, mask_i = x.read(i), None if mask is None else mask.read(i) > 0
        keep, h_hat, a_z, a_h = _gates(x_i, mask_i, weights, functions)
        h = before.read(i)
        h_before = tf.concat([h, *_steps(keep, h_hat, h, steps)[:-1]], 0)

        outer = [None] * steps if dh_steps is None else tf.split(dh_steps.read(i), steps)
        dh_after = []
        for keep_t, outer_t in reversed([*zip(tf.split(keep, steps), outer, strict=True)]):
            dh = dh if outer_t is None else dh + outer_t
            dh_after.insert(0, dh)
            dh = keep_t * dh
        dh.set_shape(shape)  # a loop's state keeps its shape
        dh_after = tf.concat(dh_after, 0)

        dz = dh_after * (h_before - h_hat if keeps else h_hat - h_before)
        if mask_i is not None:
            dz = tf.where(mask_i, dz, tf.zeros((), dz.dtype))
        da_z = _through(recurrent_activation, a_z, dz)
        da_h = _through(activation, a_h, (1 - keep) * dh_after)
        more = [
            tf.matmul(x_i, da_z, transpose_a=True),
            tf.matmul(x_i, da_h, transpose_a=True),
            tf.reduce_sum(da_z, 0),
            tf.reduce_sum(da_h, 0),
        ]
        dweights = [total + new for total, new in zip(dweights, more, strict=True)]
        dx = dx.write(i, tf.matmul(da_z, W_z) + tf.matmul(da_h, W_h))
        return i - 1, dh, dx, dweights

    dx = _array(turns, W_z.shape[1], dh.dtype)
    _, dh, dx, dweights = tf.while_loop(
        lambda i, *_: i >= 0,
        turn,
        (turns - 1, dh, dx, dweights),
        parallel_iterations=_AHEAD,
        maximum_iterations=turns,
    )
    return dx.concat(), dh, dweights


def _through(activation, a, dy):
    """Return the gradient of `a`, from that of `activation(a)`."""
    with tf.GradientTape() as tape:
        tape.watch(a)
        y = activation(a)
    return tape.gradient(y, a, dy)


def _without_second(backward):
    """Return `backward` such that differentiating its result is an error."""

    @tf.custom_gradient
    def gradients(*dh):
        def refuse(*_):
            raise NotImplementedError(
                "gru_tf.MinGRU has no second derivatives. Where they are needed, make the "
                "layer with unroll=True."
            )

        return backward(*dh), refuse

    return gradients


def steps_in_turn(batch, n_h):
    """Return how many steps a turn takes: the wider they are, the fewer."""
    batch = batch or 32  # where it is unknown, what `fit` takes by default
    return min(_MOST_STEPS, max(8, _CACHED // (batch * n_h)))


def _whole_turns(x, mask):
    """Append masked steps to x (time, batch, n_x), and to its mask, until no turn is broken.

    Without any step they make up one turn: XLA compiles no loop over nothing.
    """
    time, batch = tf.unstack(tf.shape(x)[:2])
    more = tf.maximum(-(-time // _FEW_STEPS), 1) * _FEW_STEPS - time
    mask = tf.ones((time, batch, 1), tf.bool) if mask is None else mask
    ends = [[0, more], [0, 0], [0, 0]]
    return tf.pad(x, ends), tf.pad(mask, ends)


def _runs(x, n_h):
    """Cut the steps of x (time, batch, n_x) in runs: turns of many steps, and what is left."""
    time = x.shape[0]
    if not time:
        return [(_FEW_STEPS, slice(None))]
    steps = steps_in_turn(x.shape[1], n_h)
    whole = time // steps * steps
    runs = [(steps, slice(0, whole)), (time - whole, slice(whole, None))]
    return [run for run, size in zip(runs, (whole, time - whole), strict=True) if size]


def _turns(values, steps):
    """Cut values (time, batch, size) into an array over turns, each (steps * batch, size)."""
    time, batch, size = *tf.unstack(tf.shape(values)[:2]), values.shape[2]
    values = tf.reshape(values, (time // steps, steps * batch, size))
    return _array(time // steps, size, values.dtype).unstack(values)


def _array(turns, size, dtype):
    return tf.TensorArray(dtype, turns, element_shape=(None, size), clear_after_read=False)
