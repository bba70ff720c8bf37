"""The weights of a GRU by gate, with the two conventions that give them their meaning."""

import dataclasses

import numpy as np

from gru_tf.checks import (
    check_at_least,
    check_flag,
    check_one_of,
    check_unmasked,
    describe,
)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class GRUWeights:
    """The weights of one GRU layer, by gate, with the two conventions they belong to.

    Rows multiply from the left (`x @ W`). Libraries that give the update and the
    reset gate a second, recurrent bias only add it to the first, so here the two
    are one number, `b_z` and `b_r`. The candidate is the exception: with
    `reset_after` its recurrent bias `c_h` is multiplied by the reset gate.

    Args:
        W_z, W_r, W_h: Input weights of update gate, reset gate and candidate, (n_x, n_h).
        U_z, U_r, U_h: Recurrent weights, (n_h, n_h).
        b_z, b_r, b_h: Biases, (n_h,).
        c_h: Recurrent bias of the candidate, (n_h,); zero where `reset_after` has
            none given, and None with reset-before, where it would be a second `b_h`.
        reset_after: Whether the reset gate acts after the recurrent product.
        update_gate: `"keep"` (z near 1 keeps the state) or `"write"` (z near 1
            writes the candidate).

    Raises:
        ValueError: A shape that does not fit the others, a value that is not
            finite, an unknown `update_gate`, or `c_h` with reset-before.
        TypeError: An array that does not hold real numbers.

    Example:

    >>> weights = GRUWeights.random(3, 5, seed=0)
    >>> weights.n_x, weights.n_h, weights.update_gate
    (3, 5, 'write')
    """

    W_z: np.ndarray
    W_r: np.ndarray
    W_h: np.ndarray
    U_z: np.ndarray
    U_r: np.ndarray
    U_h: np.ndarray
    b_z: np.ndarray
    b_r: np.ndarray
    b_h: np.ndarray
    c_h: np.ndarray | None = None
    reset_after: bool
    update_gate: str

    def __post_init__(self):
        check_update_gate(self.update_gate)
        check_flag("reset_after", self.reset_after)
        if self.reset_after and self.c_h is None:
            object.__setattr__(self, "c_h", np.zeros_like(as_real_array("b_h", self.b_h)))
        if not self.reset_after and self.c_h is not None:
            raise ValueError(
                "c_h must be None with reset_after=False. Received: an array. Without the reset "
                "gate before it, a recurrent bias of the candidate is simply added to b_h."
            )
        names = [field.name for field in dataclasses.fields(self)[: 10 if self.reset_after else 9]]
        arrays = {name: as_real_array(name, getattr(self, name)) for name in names}
        if arrays["W_z"].ndim != 2 or 0 in arrays["W_z"].shape:
            raise ValueError(f"W_z must have shape (n_x, n_h). Received: {arrays['W_z'].shape}.")
        n_x, n_h = arrays["W_z"].shape
        dtype = np.result_type(*arrays.values())
        for name, array in arrays.items():
            shape = {"W": (n_x, n_h), "U": (n_h, n_h), "b": (n_h,), "c": (n_h,)}[name[0]]
            if array.shape != shape:
                raise ValueError(
                    f"{name} must have shape {shape}, as W_z is (n_x, n_h) = {(n_x, n_h)}. "
                    f"Received: {array.shape}."
                )
            object.__setattr__(self, name, array.astype(dtype))

    @property
    def n_x(self):
        """Number of features at each time step."""
        return self.W_z.shape[0]

    @property
    def n_h(self):
        """Number of units, the size of the hidden state."""
        return self.W_z.shape[1]

    def arrays(self):
        """Return the arrays by name, from W_z to b_h, and c_h where there is one."""
        arrays = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)[:10]}
        return {name: array for name, array in arrays.items() if array is not None}

    def with_update_gate(self, update_gate):
        """Return the same function in the other convention, as sigmoid(-a) = 1 - sigmoid(a)."""
        check_update_gate(update_gate)
        if update_gate == self.update_gate:
            return self
        negated = {"W_z": -self.W_z, "U_z": -self.U_z, "b_z": -self.b_z}
        return dataclasses.replace(self, **negated, update_gate=update_gate)

    @classmethod
    def random(
        cls, n_x, n_h, *, reset_after=False, update_gate="write", seed=None, dtype="float64"
    ):
        """Draw weights from a normal distribution, biases too, so that no gate equals another.

        Args:
            n_x: Number of features, at least 1.
            n_h: Number of units, at least 1.
            reset_after: Where the reset gate acts.
            update_gate: `"keep"` or `"write"`.
            seed: An int, a `numpy.random.Generator`, or None for a fresh draw.
            dtype: `"float64"` or `"float32"`.

        Returns:
            `GRUWeights` with standard deviation 1/sqrt(n_x) in W, 1/sqrt(n_h) in U
            and 0.5 in the biases.

        Raises:
            ValueError: An argument that isn't one of those above.
        """
        for name, n in (("n_x", n_x), ("n_h", n_h)):
            check_at_least(name, n, 1)
        check_flag("reset_after", reset_after)
        check_update_gate(update_gate)
        if seed is not None and not isinstance(seed, np.random.Generator):
            check_at_least("seed", seed, 0)
        if not isinstance(dtype, str | np.dtype) or dtype not in ("float64", "float32"):
            raise ValueError(f'dtype must be "float64" or "float32". Received: {describe(dtype)}.')
        rng = np.random.default_rng(seed)
        biases = ("b_z", "b_r", "b_h", "c_h") if reset_after else ("b_z", "b_r", "b_h")
        arrays = {f"W_{gate}": rng.normal(0, n_x**-0.5, (n_x, n_h)) for gate in "zrh"}
        arrays |= {f"U_{gate}": rng.normal(0, n_h**-0.5, (n_h, n_h)) for gate in "zrh"}
        arrays |= {name: rng.normal(0, 0.5, n_h) for name in biases}
        arrays = {name: array.astype(dtype) for name, array in arrays.items()}
        return cls(**arrays, reset_after=reset_after, update_gate=update_gate)

    @classmethod
    def from_concatenated(
        cls, W_z, W_r, W_h, b_z, b_r, b_h, *, reset_after=False, update_gate="write"
    ):
        """Take the textbook form apart: one matrix for each gate, on [h_prev, x_t].

        Args:
            W_z, W_r, W_h: Matrices (n_h + n_x, n_h), the rows of h_prev first. A book
                that multiplies columns, W [h_prev, x_t], holds their transposes.
            b_z, b_r, b_h: Biases, (n_h,) or (1, n_h).
            reset_after: Where the reset gate acts; a candidate written with
                [r_t * h_prev, x_t] is reset-before.
            update_gate: The convention of these numbers.

        Returns:
            `GRUWeights`, with a zero `c_h` if `reset_after`.
        """
        arrays = {}
        for gate, W, b in (("z", W_z, b_z), ("r", W_r, b_r), ("h", W_h, b_h)):
            W, b = as_real_array(f"W_{gate}", W), as_real_array(f"b_{gate}", b)
            if W.ndim != 2 or W.shape[0] <= W.shape[1]:
                raise ValueError(
                    f"W_{gate} must have shape (n_h + n_x, n_h) with n_x at least 1. "
                    f"Received: {W.shape}."
                )
            n_h = W.shape[1]
            arrays |= {f"U_{gate}": W[:n_h], f"W_{gate}": W[n_h:]}
            arrays[f"b_{gate}"] = b[0] if b.shape == (1, n_h) else b
        return cls(**arrays, reset_after=reset_after, update_gate=update_gate)

    def to_concatenated(self, update_gate="write"):
        """Return the textbook form, (W_z, W_r, W_h, b_z, b_r, b_h) on [h_prev, x_t].

        The tuple is what `from_concatenated` takes. It does not say where the reset
        gate acts: keep `reset_after` beside it.

        Raises:
            ValueError: `c_h` is not zero; the form has one bias for each gate.
        """
        if self.c_h is not None and np.any(self.c_h):
            raise ValueError(
                "One matrix and one bias for each gate can't hold the recurrent bias c_h of a "
                f"reset-after GRU: it must be zero. Received: {self.c_h}."
            )
        w = self.with_update_gate(update_gate)
        matrices = [
            np.concatenate(pair) for pair in ((w.U_z, w.W_z), (w.U_r, w.W_r), (w.U_h, w.W_h))
        ]
        return (*matrices, w.b_z, w.b_r, w.b_h)


def check_update_gate(update_gate):
    """Raise a ValueError unless `update_gate` names one of the two conventions."""
    check_one_of("update_gate", update_gate, ("keep", "write"))


def as_real_array(name, values):
    """Return `values` as a finite array, float32 where it was, else float64."""
    check_unmasked(name, values)
    try:
        array = np.asarray(values)
    except ValueError:
        raise ValueError(f"{name} must be rectangular. Received: unequal rows.") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers. Received: dtype {array.dtype}.")
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name} must hold finite numbers. Received: NaN or infinity.")
    return array if array.dtype == "float32" else array.astype("float64")
