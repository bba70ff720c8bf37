"""Exercises of lesson 11: the numbers of a state dict, swapped gates, and a conversion by hand."""

from unittest import mock

import numpy as np

from gru_tf import convert
from gru_tf.convert import from_torch
from gru_tf.equations import GRUWeights, gru_forward
from gru_tf.exercises.checking import Wrong, as_array, as_number, close, exercise, require

NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


def new_module(n_x, n_h, seed):
    try:
        import torch
    except ImportError:
        raise Wrong("this check needs PyTorch: `pip install torch`.") from None
    generator = torch.Generator().manual_seed(seed)
    module = torch.nn.GRU(n_x, n_h, batch_first=True).double()
    for parameter in module.parameters():
        parameter.data.normal_(0, 0.5, generator=generator)
    return module


@exercise(
    "11.1", "a direction has 3(n_x n_h + n_h² + 2 n_h) numbers; the second layer reads 2 n_h."
)
def numbers_in_a_stack(n):
    n = as_number(n, "n_numbers")
    causes = {
        750: "with one bias for each gate: PyTorch has two, `bias_ih` and `bias_hh`.",
        690: "without the biases.",
        660: "if the second layer reads 5 features: it reads the states of both directions.",
        600: "if the second layer reads 3 features: it reads the states of the first.",
        330: "of one direction: there are two in each layer.",
        405: "of one direction in each layer: there are two.",
        300: "of the first layer alone: there are two layers.",
        540: "with two gates: the candidate has weights, too.",
        1080: "with four gates, as in an LSTM: a GRU has three blocks.",
    }
    require(n not in causes, f"{n:g} is the number {causes.get(n)}")
    require(n == 810, f"there are not {n:g} numbers: count each layer and direction alone.")


@exercise("11.2", "split each array in 3 along its first axis: r, z, h; join as z, r, h.")
def swap_r_and_z(function):
    module = new_module(3, 4, seed=0)
    given = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    swapped = function(given)
    require(hasattr(swapped, "items"), f"the result is no dict, but {type(swapped).__name__}.")
    before = {name: tensor.numpy() for name, tensor in module.state_dict().items()}
    require({*swapped} == {*NAMES}, f"the result has the names {sorted(swapped)}.")
    for name, array in before.items():
        same = np.array_equal(given[name].numpy(), array)
        require(same, f"{name} was changed in the dict that was given: copy first.")
    swapped = {name: as_array(swapped[name], name) for name in NAMES}
    unchanged = [name for name in NAMES if close(swapped[name], before[name])]
    for name, array in before.items():
        found = swapped[name]
        r, z, h = np.split(array, 3)
        require(found.shape == array.shape, f"{name} has the shape {found.shape}: keep the shape.")
        if close(found, np.concatenate([z, r, h])):
            continue
        if name in unchanged:
            raise Wrong(f"r and z are not swapped in {' and '.join(unchanged)}.")
        for blocks, sentence in (
            ((r, h, z), "z and h are swapped, not r and z: the blocks are r, z, h."),
            ((h, z, r), "r and h are swapped, not r and z: the blocks are r, z, h."),
            ((h, r, z), "all three blocks moved by one: h stays where it is."),
            ((z, h, r), "all three blocks moved by one: h stays where it is."),
            ((z, z, h), "z stands twice: r was overwritten before it was copied."),
            ((r, r, h), "r stands twice: z was overwritten before it was copied."),
        ):
            require(not close(found, np.concatenate(blocks)), f"in {name} {sentence}")
        raise Wrong(
            f"in {name} the rows of a block are not those of one gate: cut in three blocks."
        )
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    right, states = (gru_forward(x, from_torch(arrays)) for arrays in (before, swapped))
    require(np.abs(states - right).max() > 0.01, "the states don't differ.")
    return "`from_torch` takes it without an error: only the states tell, which differ."


@exercise("11.3", "split in r, z, h; transpose the matrices; add both biases of r and z; keep c_h.")
def read(function):
    for n_x, n_h in ((4, 4), (3, 5)):
        state = new_module(n_x, n_h, seed=1).state_dict()
        right = from_torch(state)
        given = {name: tensor.clone() for name, tensor in state.items()}
        with mock.patch.object(convert, "_state_dict", refuse):
            found = function(given)
        require(
            isinstance(found, GRUWeights),
            f"the result is {type(found).__name__}, not GRUWeights.",
        )
        require(
            (found.n_x, found.n_h) == (n_x, n_h),
            f"the weights have {found.n_x} features and {found.n_h} units, not {n_x} and {n_h}.",
        )
        x = np.random.default_rng(0).normal(size=(2, 6, n_x))
        if not close(gru_forward(x, found), gru_forward(x, right)):
            raise Wrong(what_read_did(found.arrays(), right.arrays(), found, state))
    return "It gives PyTorch's states."


def refuse(source):
    raise Wrong("the function calls from_torch, or from_torch_layers: split the arrays yourself.")


def what_read_did(found, right, weights, state):
    if not weights.reset_after:
        return "reset_after is False: PyTorch has the reset gate after the product."
    if weights.update_gate != "keep" and close(found["W_z"], right["W_z"]):
        return 'update_gate is "write": in PyTorch z near 1 keeps the state.'
    for matrix in ("W_z", "U_z"):
        other = matrix[:2] + "r"
        if close(found[matrix], right[other]) and close(found[other], right[matrix]):
            return f"{matrix} and {other} are swapped: PyTorch's blocks are r, z, h."
    for name in right:
        if name[0] in "WU" and close(found[name], right[name].T):
            return f"{name} is transposed: PyTorch has a row for each unit, `x @ W` a column."
    inner, outer = (
        dict(zip("rzh", np.split(state[name].numpy(), 3), strict=True))
        for name in ("bias_ih_l0", "bias_hh_l0")
    )
    for gate in "zr":
        one = found[f"b_{gate}"]
        if close(one, inner[gate]) or close(one, outer[gate]):
            return f"b_{gate} is one of the two biases: add both."
    if close(found["b_h"], inner["h"] + outer["h"]):
        return "both biases of the candidate are added: the recurrent one is c_h, inside the reset."
    if close(found["b_h"], outer["h"]) and close(found["c_h"], inner["h"]):
        return "b_h and c_h are swapped: c_h is the recurrent one."
    if close(found["b_h"], inner["h"]) and not found["c_h"].any():
        return "c_h is missing: it is the candidate's block of bias_hh_l0."
    names = [name for name in right if not close(found[name], right[name])]
    return f"not as in PyTorch: {', '.join(names)}."
