"""The checks of lesson 11: right answers in several forms, and wrong ones."""

import sys

import numpy as np
import pytest

from gru_tf.convert import from_torch, from_torch_layers
from gru_tf.equations import GRUWeights
from gru_tf.exercises import check

torch = pytest.importorskip("torch")


def test_numbers_in_a_stack(is_right):
    stack = torch.nn.GRU(3, 5, num_layers=2, bidirectional=True)
    is_right("11.1", sum(a.numel() for a in stack.state_dict().values()))
    is_right("11.1", torch.tensor(810.0))


@pytest.mark.parametrize(
    ("n", "sentence"),
    [
        (750, "one bias"),
        (660, "reads 5 features"),
        (600, "reads 3 features"),
        (405, "one direction"),
        (1080, "LSTM"),
        (300, "first layer alone"),
        (42, "not 42"),
    ],
)
def test_numbers_in_a_stack_refused(is_refused, n, sentence):
    is_refused("11.1", sentence, n)


def with_blocks(*order, names=None, along=0):
    def answer(state):
        swapped = {}
        for name, array in state.items():
            blocks = np.split(array.numpy(), 3, axis=along if array.ndim > 1 else 0)
            change = names is None or name in names
            swapped[name] = np.concatenate(
                [blocks[i] for i in order] if change else blocks,
                axis=along if array.ndim > 1 else 0,
            )
        return swapped

    return answer


def in_torch(state):
    parts = {name: tensor.chunk(3) for name, tensor in state.items()}
    return {name: torch.cat([z, r, h]).float() for name, (r, z, h) in parts.items()}


def with_gradients(state):
    return {name: tensor.requires_grad_() for name, tensor in in_torch(state).items()}


@pytest.mark.parametrize("answer", [with_blocks(1, 0, 2), in_torch, with_gradients])
def test_swap(is_right, answer):
    is_right("11.2", answer)


def in_place(state):
    for tensor in state.values():
        n = len(tensor) // 3
        tensor[: 2 * n] = torch.cat([tensor[n : 2 * n], tensor[:n]])
    return state


def rows_alternate(state):
    order = [1, 0, 3, 2, 5, 4, 7, 6, 8, 9, 10, 11]
    return {name: tensor[order] for name, tensor in state.items()}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda state: dict(state), "not swapped in"),
        (
            with_blocks(1, 0, 2, names=("weight_ih_l0", "weight_hh_l0")),
            "not swapped in bias_ih_l0 and bias_hh_l0",
        ),
        (with_blocks(0, 2, 1), "z and h are swapped"),
        (with_blocks(2, 1, 0), "r and h are swapped"),
        (with_blocks(2, 0, 1), "moved by one"),
        (with_blocks(1, 2, 0), "moved by one"),
        (with_blocks(1, 1, 2), "z stands twice"),
        (with_blocks(0, 0, 2), "r stands twice"),
        (lambda state: {n: a.reshape(3, -1) for n, a in in_torch(state).items()}, "keep the shape"),
        (in_place, "copy first"),
        (rows_alternate, "cut in three"),
        (lambda state: [*state.values()], "no dict"),
        (lambda state: {"weight_ih_l0": state["weight_ih_l0"]}, "has the names"),
    ],
)
def test_swap_refused(is_refused, answer, sentence):
    is_refused("11.2", sentence, answer)


def arrays_of(state):
    blocks = {name: np.split(a.numpy(), 3) for name, a in state.items()}
    arrays = {}
    for i, gate in enumerate("rzh"):
        arrays[f"W_{gate}"] = blocks["weight_ih_l0"][i].T
        arrays[f"U_{gate}"] = blocks["weight_hh_l0"][i].T
        arrays[f"b_{gate}"] = blocks["bias_ih_l0"][i]
        if gate != "h":
            arrays[f"b_{gate}"] = arrays[f"b_{gate}"] + blocks["bias_hh_l0"][i]
    arrays["c_h"] = blocks["bias_hh_l0"][2]
    return arrays


def read(state):
    return GRUWeights(**arrays_of(state), reset_after=True, update_gate="keep")


def in_float32(state):
    return read({name: tensor.float() for name, tensor in state.items()})


def the_other_convention(state):
    return read(state).with_update_gate("write")


@pytest.mark.parametrize("answer", [read, in_float32, the_other_convention])
def test_read(is_right, answer):
    is_right("11.3", answer)


def changed(change, reset_after=True, update_gate="keep"):
    def answer(state):
        arrays = arrays_of(state)
        inner, outer = (state[f"bias_{kind}_l0"].numpy() for kind in ("ih", "hh"))
        change(arrays, np.split(inner, 3), np.split(outer, 3))
        return GRUWeights(**arrays, reset_after=reset_after, update_gate=update_gate)

    return answer


def swap(a, inner, outer):
    for kind in ("W", "U", "b"):
        a[f"{kind}_z"], a[f"{kind}_r"] = a[f"{kind}_r"], a[f"{kind}_z"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (changed(swap), "W_z and W_r are swapped"),
        (changed(lambda a, i, o: a.update({n: a[n].T for n in a if n[0] == "W"})), "W_z is trans"),
        (changed(lambda a, i, o: a.update({n: a[n].T for n in a if n[0] == "U"})), "U_z is trans"),
        (changed(lambda a, i, o: a.update(b_z=i[1], b_r=i[0])), "b_z is one of the two biases"),
        (changed(lambda a, i, o: a.update(c_h=None)), "c_h is missing"),
        (changed(lambda a, i, o: a.update(b_h=i[2] + o[2], c_h=None)), "are added"),
        (changed(lambda a, i, o: a.update(b_h=o[2], c_h=i[2])), "b_h and c_h are swapped"),
        (changed(lambda a, i, o: None, update_gate="write"), "z near 1 keeps"),
        (changed(lambda a, i, o: a.update(c_h=None), reset_after=False), "after the product"),
        (changed(lambda a, i, o: a.update(b_h=-a["b_h"])), "not as in PyTorch: b_h"),
        (from_torch, "calls from_torch"),
        (lambda state: from_torch_layers(state)[0][0], "calls from_torch"),
        (lambda state: arrays_of(state), "is dict, not GRUWeights"),
    ],
)
def test_read_refused(is_refused, answer, sentence):
    is_refused("11.3", sentence, answer)


def test_without_torch_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    check("11.3", read)
    assert "pip install torch" in capsys.readouterr().out
