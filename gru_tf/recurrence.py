r"""The loop over time in TensorFlow, with its backward pass written by hand.

Keras runs the cell once a step and leaves the backward pass to automatic
differentiation, which saves and reads again every intermediate value of every
step. Here each turn of the loop takes a few steps together:

* Forward, the inputs of those steps are multiplied by their weights at once. Then each
  step is the products with the state, the gates and the new state. In training the
  gates and the candidate are kept for the way back. Without training a large batch runs
  as two halves, a core each.
* Backward, what turns the gradient of a state into those of its gates is computed for
  all of those steps at once. Then each step is one product, or two in a row with the
  reset gate before it. The gradients of the weights and the inputs are again products
  over all of those steps, which do not hold up the next ones: they run on another core.

Where XLA compiles the layer, a turn is one step, with one product for all gates where they
are small, and no batch is halved.

The update gate keeps, as in Keras: $h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \hat h_t$.
A masked step leaves the state as it is, to the last bit. On the way back it is one whose
update gate is exactly 1, so no gradient passes through it to the weights or the inputs.

Lesson 02 derives what `_backward` computes. Where a derivative of it is asked for (a
Hessian, a gradient penalty, forward-mode differentiation), the plain loop is run again
and left to automatic differentiation.
"""

import functools

import tensorflow as tf
from tensorflow.python.ops import control_flow_util

_CACHED = 48 * 1024  # numbers in an array of a turn, small enough for the processor's cache
_AHEAD = 2  # turns at once: one in its chain of steps, one in its products
_LARGE = 128  # a batch that runs in two halves
_WIDE = 512  # units, whose gates have one product with the state
_SMALL = 4096  # numbers in a state, below which XLA runs products one after the other


def gru_recurrence(
    x,
    h_0,
    kernel,
    recurrent_kernel,
    bias=None,
    *,
    reset_after=True,
    mask=None,
    go_backwards=False,
    return_sequences=False,
    training=False,
):
    """Run a GRU (tanh, sigmoid, an update gate that keeps) over whole sequences.

    Half precision is computed in float32 and rounded once, at the end. Second derivatives
    can be taken too; they take the time and the memory of automatic differentiation, and
    `tape.jacobian` of a gradient wants `experimental_use_pfor=False`: TensorFlow can't
    vectorize the gradients of a loop's gradients.

    Args:
        x: Inputs, (batch, time, n_x), of one time step at least.
        h_0: Initial state, (batch, n_h).
        kernel: Input weights, (n_x, 3 * n_h), in the order z, r, h.
        recurrent_kernel: Recurrent weights, (n_h, 3 * n_h), in the order z, r, h.
        bias: (2, 3 * n_h) with `reset_after`, otherwise (3 * n_h,), or None.
        reset_after: Whether the reset gate acts after the recurrent product.
        mask: Boolean, (batch, time): a False step leaves the state as it is.
        go_backwards: Whether to read the time steps from last to first.
        return_sequences: Whether to return the states after all steps.
        training: Whether to keep what a backward pass needs. Without it a backward
            pass, if there is one, runs the forward pass again. The numbers are the same.

    Returns:
        With `return_sequences` the states after every step, (batch, time, n_h),
        in the order in which the steps were read; otherwise the last state,
        (batch, n_h).
    """
    n_x, n_h = kernel.shape[0], recurrent_kernel.shape[0]
    arrays = x, h_0, kernel, recurrent_kernel, bias, mask
    flags = map(bool, (reset_after, go_backwards, return_sequences, training))
    h = run_compiled(_run, arrays, (n_x, n_h, *flags))
    h.set_shape((x.shape[0], x.shape[1], n_h) if return_sequences else (x.shape[0], n_h))
    return h


def run_compiled(run, arrays, options, shared=True):
    """Call a recurrence as a compiled function, in eager mode and in a graph.

    In eager mode its loops would run in Python, hundreds of times slower. In a graph the
    function is traced once for all models of these sizes: Keras traces a training step twice,
    and a search has thirty models. XLA would compile one within another anew at every call.

    Args:
        run: Function of the arrays and the options.
        arrays: Tensors, variables or arrays, or None.
        options: Python's values, the last of which is whether to keep what the way back needs.
        shared: Whether they mean the same in every model, so that models can share a trace.
    """
    arrays = [None if array is None else tf.convert_to_tensor(array) for array in arrays]
    if not tf.executing_eagerly():
        if not shared or _in_xla():
            return run(*arrays, *options)
        known = (None if array is None else (array.shape, array.dtype) for array in arrays)
        function = _for_these_shapes(run, *known, *options)
        return function.get_concrete_function(*arrays, *options)(*arrays, *options)
    try:
        return _for_all_shapes(run)(*arrays, *options)
    except TypeError:
        # TensorFlow's of forward-mode differentiation, through a function that has had
        # gradients and hands on arrays of a loop: nothing is kept for them then.
        return _for_all_shapes(run)(*arrays, *options[:-1], False)


def _in_xla():
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


@functools.cache
def _for_all_shapes(run):
    return tf.function(run, autograph=False, reduce_retracing=True)


@functools.lru_cache(maxsize=16)  # the last to be used, some 5 MB each
def _for_these_shapes(run, *known):
    return tf.function(run, autograph=False)


def _run(x, h_0, W, U, bias, mask, n_x, n_h, reset_after, go_backwards, return_sequences, training):
    dtype = x.dtype
    computed = tf.float64 if dtype == tf.float64 else tf.float32
    x, h_0, W, U = (tf.cast(value, computed) for value in (x, h_0, W, U))
    x = tf.ensure_shape(x, (None, None, n_x))  # what a trace for many shapes no longer knows
    h_0 = tf.ensure_shape(h_0, (None, n_h))
    W, U = tf.ensure_shape(W, (n_x, 3 * n_h)), tf.ensure_shape(U, (n_h, 3 * n_h))

    if x.shape[1] is None:
        least = tf.debugging.assert_positive(tf.shape(x)[1], "x must have one time step at least.")
        with tf.control_dependencies([least]):
            x = tf.identity(x)
    x = tf.transpose(x, (1, 0, 2))  # (time, batch, n_x)
    if mask is not None:
        mask = tf.transpose(mask)[:, :, None]  # (time, batch, 1)
        x = tf.where(mask, x, tf.zeros((), computed))  # whatever the padding holds
    if go_backwards:
        x = tf.reverse(x, [0])
        mask = None if mask is None else tf.reverse(mask, [0])

    b, c_h = tf.zeros(3 * n_h, computed), tf.zeros(n_h, computed)
    if bias is not None and reset_after:
        bias = tf.cast(bias, computed)
        c_zr, c_h = tf.split(bias[1], [2 * n_h, n_h])
        b = bias[0] + tf.pad(c_zr, [[0, n_h]])  # outside the reset gate biases only add up
    elif bias is not None:
        b = tf.cast(bias, computed)
    # W_z, W_r, W_h, U_z, U_r, U_h, b_z, b_r, b_h, c_h
    weights = [*(block for w in (W, U, b) for block in tf.split(w, 3, axis=-1)), c_h]

    def read(x, mask, h, weights, keep, at_once=None):
        """Return the last state, and for each run of turns the inputs and what was kept."""
        kept = []
        if _in_xla():  # whose loops lose little between turns: short ones compile the soonest
            at_once = 1
        for steps, run in _runs(x, at_once or steps_in_turn(x.shape[1], n_h, x.shape[0])):
            turns = [None if v is None else _turns(v[run], steps) for v in (x, mask)]
            number = _time(x[run]) // steps
            h, arrays = _forward(*turns, number, h, weights, steps, reset_after, keep)
            kept.append((steps, run, number, turns[0], arrays))
        return h, kept

    def result(x, h_last, kept):
        """Return what the layer returns, the batch first."""
        if not return_sequences:
            return h_last
        batch = tf.shape(x)[1]
        h = [  # before each step
            _concat(states, turns, (steps * batch, n_h))
            for steps, _, turns, _, (states, *_) in kept
        ]
        h = tf.reshape(tf.concat(h, 0), (*tf.unstack(tf.shape(x)[:2]), n_h))
        return tf.transpose(tf.concat([h, h_last[None]], 0)[1:], (1, 0, 2))

    def infer(x, mask, h, weights, at_once=None):
        keep = "states" if return_sequences else "nothing"
        return result(x, *read(x, mask, h, weights, keep, at_once))

    @tf.custom_gradient
    def recurrence(x, h_0, *weights):
        if training:
            h_last, kept = read(x, mask, h_0, weights, "all")
            h = result(x, h_last, kept)
            # What was kept has no gradient of its own: `gradients` answers for all of them.
            kept = [(*run, [_without_gradient(array) for array in arrays]) for *run, arrays in kept]
        else:
            h = _in_halves(infer, x, mask, h_0, weights)

        def backward(dh, x, h_0, *weights):
            dh_steps = tf.transpose(dh, (1, 0, 2)) if return_sequences else None
            dh = tf.zeros_like(h_0) if return_sequences else dh
            dx, dweights = [], [tf.zeros_like(w) for w in weights]
            runs = kept if training else read(x, mask, h_0, weights, "all")[1]
            for steps, run, number, x_turns, arrays in reversed(runs):
                outer = None if dh_steps is None else _turns(dh_steps[run], steps)
                dx_run, dh, dweights = _backward(
                    x_turns, outer, number, dh, dweights, weights, arrays, steps, reset_after
                )
                dx.insert(0, dx_run)
            return tf.reshape(tf.concat(dx, 0), tf.shape(x)), dh, *dweights

        def gradients(dh):
            # Tensors of the graph in which the gradients are computed: a second derivative is
            # taken in one of its own, which knows those of this one only.
            mask_here = None if mask is None else tf.identity(mask)
            values = [tf.identity(value) for value in (x, h_0, *weights)]

            def plain(x, h_0, *weights):
                return infer(x, mask_here, h_0, weights, at_once=1)  # quick to differentiate twice

            return differentiable_gradients(backward, plain, [dh], values)

        return h, gradients

    return tf.cast(recurrence(x, h_0, *weights), dtype)


def _forward(x, mask, turns, h, weights, steps, reset_after, keep):
    """Run the steps of some turns.

    Args:
        x: Array with the inputs of each turn, (steps * batch, n_x).
        mask: Array with the masks of each turn, (steps * batch, 1), or None.
        turns: Number of turns.
        h: State before the first step, (batch, n_h).
        weights: W_z, W_r, W_h (n_x, n_h), U_z, U_r, U_h (n_h, n_h), b_z, b_r, b_h (n_h,),
            and the bias inside the reset gate c_h (n_h,), zero without `reset_after`.
        steps: Number of steps in a turn.
        reset_after: Whether the reset gate acts after the recurrent product.
        keep: What to keep of every step: `"nothing"`, `"states"` or `"all"`.

    Returns:
        The last state, (batch, n_h), and a list of arrays of what was kept of each
        turn, (steps * batch, n_h): the states before the steps; and with `"all"` the
        gates z and r, the candidates, and u, which is the reset gate's other factor
        h U_h + c_h with `reset_after`, and otherwise r * h.
    """
    W_z, W_r, W_h, U_z, U_r, U_h, b_z, b_r, b_h, c_h = weights
    n_h = U_h.shape[0]
    small = _in_xla() and (h.shape[0] or 32) * n_h < _SMALL
    by_state = _products([U_z, U_r, U_h][: 3 if reset_after else 2], n_h >= _WIDE or small)
    by_inputs = _products([W_z, W_r, W_h], small)

    def step(a_z, a_r, a_h, h):
        u_z, u_r, *u_h = by_state(h)
        z = tf.sigmoid(a_z + u_z)
        r = tf.sigmoid(a_r + u_r)
        if reset_after:
            u = tf.nn.bias_add(u_h[0], c_h)
            h_hat = tf.tanh(a_h + r * u)
        else:
            u = r * h
            h_hat = tf.tanh(a_h + tf.matmul(u, U_h))
        return h_hat + z * (h - h_hat), (h, z, r, h_hat, u)

    def turn(i, h, kept):
        x_i = x.read(i)
        gates = zip(by_inputs(x_i), (b_z, b_r, b_h), strict=True)
        a = zip(*(tf.split(tf.nn.bias_add(a, b), steps) for a, b in gates), strict=True)
        values = []
        if mask is None:
            for a_t in a:
                h, value = step(*a_t, h)
                values.append(value)
        else:
            shown = mask.read(i)
            parts = tf.unstack(tf.reshape(shown, (steps, -1, 1)))  # LiteRT splits no Booleans
            for shown_t, a_t in zip(parts, a, strict=True):
                new, value = step(*a_t, h)
                h = tf.where(shown_t, new, h)
                values.append(value)
        h.set_shape(values[0][0].shape)  # a loop's state keeps its shape
        values = [tf.concat(value, 0) for value in zip(*values, strict=True)]
        if mask is not None and keep == "all":  # z of a step that keeps all
            values[1] = tf.where(shown, values[1], tf.ones((), h.dtype))
        return i + 1, h, [array.write(i, v) for array, v in zip(kept, values, strict=False)]

    number = {"nothing": 0, "states": 1, "all": 5}[keep]
    rows = steps * h.shape[0] if h.shape[0] else None
    kept = [_array(turns, rows, n_h, U_h.dtype) for _ in range(number)]
    _, h, kept = tf.while_loop(
        lambda i, *_: i < turns,
        turn,
        (tf.constant(0), h, kept),
        parallel_iterations=_AHEAD,
        maximum_iterations=turns,
    )
    return h, kept


def _products(weights, joined):
    """Return a function of x that gives its product with each of the weights.

    A joint product is taken apart. That costs more than it saves, but for wide gates and where
    products don't run side by side.
    """
    if not joined:
        return lambda x: [tf.matmul(x, w) for w in weights]
    together = tf.concat(weights, 1)
    return lambda x: tf.split(tf.matmul(x, together), len(weights), axis=1)


def _backward(x, dh_steps, turns, dh, dweights, weights, kept, steps, reset_after):
    """Take gradients back through the steps that `_forward` ran.

    Args:
        x, turns, weights, steps, reset_after: As for `_forward`.
        dh_steps: Array with what each turn's states get from outside, (steps * batch,
            n_h), or None.
        dh: Gradient of the last state, (batch, n_h).
        dweights: Gradients of the weights from later steps, in the order of `weights`.
        kept: All that `_forward` kept.

    Returns:
        Gradients of the inputs, (time * batch, n_x), of the state before the first
        step, and of the weights.
    """
    # Transposed once: a product with a transposed matrix rearranges it at every step.
    W_z, W_r, W_h, U_z, U_r, U_h = (tf.transpose(w) for w in weights[:6])
    U, U_zr = tf.concat([U_z, U_r, U_h], 0), tf.concat([U_z, U_r], 0)
    shape, n_h = dh.shape, dh.shape[1]

    def step_after(dh, z, to_z, to_r, to_u):
        da_z, da_r, du = dh * to_z, dh * to_r, dh * to_u
        dh_before = dh * z + tf.matmul(tf.concat([da_z, da_r, du], 1), U)
        return dh_before, (dh, da_z, da_r, du)

    def step_before(dh, z, r, to_z, to_r, to_h):
        da_z, da_h = dh * to_z, dh * to_h
        du = tf.matmul(da_h, U_h)
        da_r = du * to_r
        dh_before = dh * z + du * r + tf.matmul(tf.concat([da_z, da_r], 1), U_zr)
        return dh_before, (da_z, da_r, da_h)

    def turn(i, dh, dx, dweights):
        x_i = x.read(i)
        h, z, r, h_hat, u = (tf.ensure_shape(array.read(i), (None, n_h)) for array in kept)
        # What takes a gradient to the gates: derivatives of the new state, of all steps at once.
        to_z = (h - h_hat) * z * (1 - z)
        to_h = (1 - z) * (1 - h_hat * h_hat)
        to_r = u * (1 - r)  # and from u, where the reset gate acts
        if reset_after:
            to_u = to_h * r
            step, factors = step_after, (z, to_z, to_u * to_r, to_u)
        else:
            step, factors = step_before, (z, r, to_z, to_r, to_h)
        factors = zip(*(tf.split(factor, steps) for factor in factors), strict=True)
        outer = None if dh_steps is None else tf.split(dh_steps.read(i), steps)
        values = []
        for t, factors_t in reversed([*enumerate(factors)]):
            dh, value = step(dh if outer is None else dh + outer[t], *factors_t)
            values.insert(0, value)
        dh.set_shape(shape)  # a loop's state keeps its shape
        values = [tf.concat(value, 0) for value in zip(*values, strict=True)]
        if reset_after:
            dh_turn, da_z, da_r, du = values
            da_h, left, right = dh_turn * to_h, h, du
        else:
            da_z, da_r, da_h = values
            left, right = u, da_h

        gates = (da_z, da_r, da_h)
        products = [*((x_i, da) for da in gates), (h, da_z), (h, da_r), (left, right)]
        more = [tf.matmul(a, b, transpose_a=True) for a, b in products]
        more += [tf.reduce_sum(da, 0) for da in (*gates, right)]
        dweights = [before + new for before, new in zip(dweights, more, strict=True)]
        dx_i = tf.add_n([tf.matmul(da, W) for da, W in zip(gates, (W_z, W_r, W_h), strict=True)])
        return i - 1, dh, dx.write(i, dx_i), dweights

    n_x = W_h.shape[1]
    dx = _array(turns, None, n_x, dh.dtype)
    _, dh, dx, dweights = tf.while_loop(
        lambda i, *_: i >= 0,
        turn,
        (turns - 1, dh, dx, dweights),
        parallel_iterations=_AHEAD,
        maximum_iterations=turns,
    )
    return _concat(dx, turns, (steps * tf.shape(dh)[0], n_x)), dh, dweights


def _in_halves(read, x, mask, h, weights):
    """Read x (time, batch, n_x) from the states h, a large batch as two halves at once."""
    batch = x.shape[1] or tf.shape(x)[1]

    def halves():
        rows = (slice(None, batch // 2), slice(batch // 2, None))
        masks = [None if mask is None else mask[:, half] for half in rows]
        parts = [read(x[:, half], m, h[half], weights) for half, m in zip(rows, masks, strict=True)]
        return tf.concat(parts, 0)

    def whole():
        return read(x, mask, h, weights)

    if _in_xla():  # which would run them one after the other
        return whole()
    if isinstance(batch, int):
        return halves() if batch >= _LARGE else whole()
    return tf.cond(batch >= _LARGE, halves, whole)


def differentiable_gradients(backward, plain, upstream, values):
    """Return the gradients of a recurrence such that they can be differentiated themselves.

    Args:
        backward: Function of `upstream` and `values` that returns the gradients of the values.
        plain: The recurrence in TensorFlow's own operations, a function of the values, which
            automatic differentiation is left to.
        upstream: What the results of the recurrence get from outside.
        values: What it is differentiated by. Tensors of the graph in which the gradients are
            computed: a second derivative is taken in one of its own, which knows those only.
    """

    @tf.custom_gradient
    def gradients(*both):
        def second(*of_gradients):
            copies = [tf.identity(value) for value in both]  # of the graph that is built here
            dy, x = copies[: len(upstream)], copies[len(upstream) :]
            first = tf.gradients(plain(*x), x, dy, unconnected_gradients="zero")
            return tf.gradients(first, copies, of_gradients, unconnected_gradients="zero")

        return backward(*both), second

    return gradients(*upstream, *values)


def _without_gradient(array):
    """Return a TensorArray that automatic differentiation doesn't look behind."""
    if tf.executing_eagerly():  # where functions are run so, and nothing is recorded here
        return array
    return tf.TensorArray(array.dtype, flow=tf.stop_gradient(array.flow))


def steps_in_turn(batch, n_h, time=None):
    """Return how many steps a turn takes: the wider they are, the fewer.

    Where the number of all steps is known and can be divided into turns of about that size,
    it is: one loop instead of a loop and what is left over.
    """
    batch = batch or 32  # where it is unknown, what `fit` takes by default
    steps = min(8, max(4, _CACHED // (batch * n_h)))
    sizes = range(steps + steps // 4, steps // 2, -1)
    return next((size for size in sizes if time and time % size == 0), steps)


def _time(x):
    """Return the number of steps of x (time, batch, n_x), an int if it is known."""
    return tf.shape(x)[0] if x.shape[0] is None else x.shape[0]


def _runs(x, steps):
    """Cut the time of x (time, batch, n_x) in two runs: turns of so many steps, and the rest.

    The rest is one turn, or if its length is unknown, turns of one step.
    """
    if steps == 1:
        return [(1, slice(None))]
    time = _time(x)
    whole = time // steps * steps
    if not isinstance(time, int):
        return [(steps, slice(0, whole)), (1, slice(whole, None))]
    runs = [(steps, slice(0, whole)), (time - whole, slice(whole, None))]
    return [run for run, size in zip(runs, (whole, time - whole), strict=True) if size]


def _turns(values, steps):
    """Cut values (time, batch, size) into an array over turns, each (steps * batch, size)."""
    time, batch, size = _time(values), tf.shape(values)[1], values.shape[2]
    values = tf.reshape(values, (time // steps, steps * batch, size))
    return _array(time // steps, None, size, values.dtype).unstack(values)


def _array(turns, rows, size, dtype):
    """Return an array over turns, each (rows, size); `rows` is None where it is unknown."""
    return tf.TensorArray(dtype, turns, element_shape=(rows, size), clear_after_read=False)


def _concat(array, turns, shape):
    """Return the values of all turns, each of a shape (steps * batch, size), below each other."""
    if isinstance(turns, int):
        return array.concat()
    # `array.stack()` knows no shape of what no turn has written.
    values = tf.raw_ops.TensorListStack(
        input_handle=array.flow, element_shape=shape, element_dtype=array.dtype
    )  # (turns, steps * batch, size)
    return tf.reshape(values, (-1, shape[1]))
