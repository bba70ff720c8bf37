"""Oracles: the layers of Keras, PyTorch and ONNX, run on the converted weights."""

import dataclasses
import itertools

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.convert import (
    from_keras,
    from_onnx,
    from_torch,
    from_torch_layers,
    to_keras,
    to_onnx,
    to_torch,
    to_torch_layers,
)
from gru_tf.equations import GRUWeights, gru_forward

N_X, N_H = 3, 5
VARIANTS = list(itertools.product([False, True], ["keep", "write"]))
every_variant = pytest.mark.parametrize(("reset_after", "update_gate"), VARIANTS)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(4, 7, N_X))


def random_weights(reset_after, update_gate="keep", seed=1):
    return GRUWeights.random(N_X, N_H, reset_after=reset_after, update_gate=update_gate, seed=seed)


def keras_layer(layer_class=keras.layers.GRU, **kwargs):
    """A built float64 layer with random weights and biases."""
    layer = layer_class(N_H, return_sequences=True, dtype="float64", **kwargs)
    layer.build((None, None, N_X))
    rng = np.random.default_rng(2)
    layer.set_weights([rng.normal(0, 0.5, array.shape) for array in layer.get_weights()])
    return layer


# --- Keras


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("reset_after", [True, False])
def test_from_keras(x, reset_after, use_bias):
    layer = keras_layer(reset_after=reset_after, use_bias=use_bias)
    weights = from_keras(layer)
    assert (weights.reset_after, weights.update_gate) == (reset_after, "keep")
    np.testing.assert_allclose(gru_forward(x, weights), layer(x), atol=1e-12)
    given = {} if use_bias else {"reset_after": reset_after}
    np.testing.assert_array_equal(
        gru_forward(x, from_keras(layer.get_weights(), **given)), gru_forward(x, weights)
    )


@every_variant
def test_from_and_to_the_layer_of_this_package(x, reset_after, update_gate):
    layer = keras_layer(gru_tf.GRU, reset_after=reset_after, update_gate=update_gate)
    weights = from_keras(layer)
    assert (weights.reset_after, weights.update_gate) == (reset_after, update_gate)
    expected = np.array(layer(x))
    np.testing.assert_allclose(gru_forward(x, weights), expected, atol=1e-12)
    listed = from_keras(layer.get_weights(), update_gate=update_gate)
    np.testing.assert_allclose(gru_forward(x, listed), expected, atol=1e-12)

    weights = random_weights(reset_after, "write", seed=7)
    layer.set_weights(to_keras(weights, update_gate=update_gate))
    np.testing.assert_allclose(layer(x), gru_forward(x, weights), atol=1e-12)


@every_variant
def test_to_keras(x, reset_after, update_gate):
    weights = random_weights(reset_after, update_gate)
    layer = keras_layer(reset_after=reset_after)
    layer.set_weights(to_keras(weights))
    np.testing.assert_allclose(layer(x), gru_forward(x, weights), atol=1e-12)
    without = keras_layer(reset_after=reset_after, use_bias=False)
    read = from_keras(without, reset_after=reset_after)
    np.testing.assert_array_equal(to_keras(read)[0], without.get_weights()[0])
    without.set_weights(to_keras(weights)[:2])


@pytest.mark.parametrize("reset_after", [True, False])
def test_keras_round_trip_keeps_matrices_and_sums_biases(reset_after):
    before = keras_layer(reset_after=reset_after).get_weights()
    after = to_keras(from_keras(before))
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[1], before[1])
    if reset_after:
        gates = slice(2 * N_H)
        np.testing.assert_array_equal(after[2][0, gates], before[2][:, gates].sum(axis=0))
        np.testing.assert_array_equal(after[2][1, gates], 0)
        np.testing.assert_array_equal(after[2][:, 2 * N_H :], before[2][:, 2 * N_H :])
    else:
        np.testing.assert_array_equal(after[2], before[2])


def test_float32_stays_float32():
    weights = GRUWeights.random(N_X, N_H, reset_after=True, seed=0, dtype="float32")
    arrays = [*to_keras(weights), *to_torch(weights).values(), to_onnx(weights)["W"]]
    assert {array.dtype.name for array in arrays} == {"float32"}
    assert from_keras(to_keras(weights)).W_z.dtype == "float32"


def test_the_update_gate_is_not_guessed_from_a_list(x):
    weights = random_weights(True, "write")
    packed = to_keras(weights, update_gate="write")
    right = gru_forward(x, from_keras(packed, update_gate="write"))
    np.testing.assert_allclose(right, gru_forward(x, weights), atol=1e-15)
    assert np.abs(gru_forward(x, from_keras(packed)) - right).max() > 0.1  # read as "keep"


@pytest.mark.parametrize(
    ("source", "kwargs", "error", "message"),
    [
        (lambda: keras.layers.GRU(N_H), {}, ValueError, "source must be built"),
        (lambda: keras.layers.LSTM(N_H), {}, TypeError, "Received: LSTM"),
        (lambda: keras_layer(activation="relu"), {}, ValueError, "Received: .'relu', 'sigmoid'"),
        (
            lambda: keras_layer(activation=keras.layers.ReLU()),
            {},
            ValueError,
            "activations tanh and sigmoid. Received: .*ReLU",
        ),
        (
            lambda: [np.zeros((3, 15)), np.zeros((5, 15)), np.zeros((1, 15))],
            {},
            ValueError,
            r"\(2, 3 n_h\).* Received: .*\(1, 15\)",
        ),
        (lambda: keras_layer(), {"reset_after": False}, ValueError, "reset_after=True. Received"),
        (lambda: keras_layer(), {"update_gate": "write"}, ValueError, "update_gate='keep'. Rec"),
        (
            lambda: keras_layer(use_bias=False).get_weights(),
            {},
            ValueError,
            "reset_after must be True or False",
        ),
        (lambda: keras_layer().get_weights(), {"reset_after": False}, ValueError, r"\(2, 15\)"),
        (lambda: keras_layer().get_weights(), {"update_gate": "x"}, ValueError, "Received: 'x'"),
        (lambda: keras_layer().get_weights()[:1], {}, TypeError, "list of length 1"),
        (lambda: "weights", {}, TypeError, "Received: str"),
        (lambda: [np.zeros((3, 20)), np.zeros((5, 20))], {"reset_after": True}, ValueError, "20"),
        (
            lambda: [np.zeros((3, 15)), np.zeros((5, 15)), np.zeros((3, 15))],
            {},
            ValueError,
            r"\(2, 3 n_h\).* Received: .*\(3, 15\)",
        ),
    ],
)
def test_from_keras_names_bad_input(source, kwargs, error, message):
    with pytest.raises(error, match=message):
        from_keras(source(), **kwargs)


@pytest.mark.parametrize("target", [to_keras, to_torch, to_onnx])
def test_targets_take_gru_weights_only(target):
    with pytest.raises(TypeError, match="weights must be GRUWeights. Received: list of length 3"):
        target([1, 2, 3])


# --- PyTorch


def torch_layer(torch, **kwargs):
    torch.manual_seed(0)
    return torch.nn.GRU(N_X, N_H, batch_first=True, dtype=torch.float64, **kwargs)


@pytest.mark.parametrize("bias", [True, False])
def test_from_torch(x, bias):
    torch = pytest.importorskip("torch")
    module = torch_layer(torch, bias=bias)
    expected = module(torch.from_numpy(x))[0].detach().numpy()
    for source in (module, module.state_dict()):
        weights = from_torch(source)
        assert (weights.reset_after, weights.update_gate) == (True, "keep")
        np.testing.assert_allclose(gru_forward(x, weights), expected, atol=1e-12)


@pytest.mark.parametrize("update_gate", ["keep", "write"])
def test_to_torch(x, update_gate):
    torch = pytest.importorskip("torch")
    weights, module = random_weights(True, update_gate), torch_layer(torch)
    h_0 = np.random.default_rng(3).normal(size=(4, N_H))
    module.load_state_dict({k: torch.from_numpy(v) for k, v in to_torch(weights).items()})
    h = module(torch.from_numpy(x), torch.from_numpy(h_0[None]))[0].detach().numpy()
    np.testing.assert_allclose(h, gru_forward(x, weights, h_0), atol=1e-12)


def test_from_torch_to_keras_and_back(x):
    torch = pytest.importorskip("torch")
    module, layer = torch_layer(torch), keras_layer(gru_tf.GRU, update_gate="write")
    layer.set_weights(to_keras(from_torch(module), update_gate="write"))
    expected = module(torch.from_numpy(x))[0].detach().numpy()
    np.testing.assert_allclose(layer(x), expected, atol=1e-12)
    module.load_state_dict({k: torch.from_numpy(v) for k, v in to_torch(from_keras(layer)).items()})
    again = module(torch.from_numpy(x))[0].detach().numpy()
    np.testing.assert_allclose(again, expected, atol=1e-12)


def test_from_torch_in_bfloat16():
    torch = pytest.importorskip("torch")
    module = torch_layer(torch)
    exact = from_torch(module)
    rounded = from_torch(module.bfloat16())
    for name, array in rounded.arrays().items():
        assert array.dtype == "float32"
        np.testing.assert_allclose(array, exact.arrays()[name], atol=0.004)


@pytest.mark.parametrize("kwargs", [{"num_layers": 2}, {"bidirectional": True}])
def test_from_torch_refuses_stacks_and_directions(kwargs):
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="one layer and one direction"):
        from_torch(torch_layer(torch, **kwargs))


def test_from_torch_refuses_other_networks():
    torch = pytest.importorskip("torch")
    for network in (torch.nn.LSTM, torch.nn.RNN):
        with pytest.raises(ValueError, match="three gates"):
            from_torch(network(N_X, N_H))


def test_torch_packing_without_torch(x):
    """Order r, z, h and one row a unit, read off PyTorch's documentation."""
    weights = random_weights(True, "keep")
    arrays = to_torch(weights)
    for name, letter in (("weight_ih_l0", "W"), ("weight_hh_l0", "U"), ("bias_ih_l0", "b")):
        blocks = np.split(arrays[name], 3)
        for block, gate in zip(blocks, "rzh", strict=True):
            np.testing.assert_array_equal(block.T, getattr(weights, f"{letter}_{gate}"))
    np.testing.assert_array_equal(arrays["bias_hh_l0"], [0] * 2 * N_H + list(weights.c_h))
    np.testing.assert_allclose(gru_forward(x, from_torch(arrays)), gru_forward(x, weights))


def test_torch_errors_without_torch():
    with pytest.raises(ValueError, match="reset_after must be True .* Received: False"):
        to_torch(random_weights(False))
    with pytest.raises(TypeError, match="Received: int"):
        from_torch(3)
    arrays = to_torch(random_weights(True))
    with pytest.raises(ValueError, match="weight_hh_l1"):
        from_torch(arrays | {"weight_hh_l1": arrays["weight_hh_l0"]})
    with pytest.raises(ValueError, match="without biases"):
        from_torch({"weight_ih_l0": arrays["weight_ih_l0"]})


def by_layers(x, layers):
    """Run a stack in NumPy: backward directions read the sequence from its end."""
    for forward, *backward in layers:
        runs = [gru_forward(x, forward)]
        runs += [gru_forward(x[:, ::-1], weights)[:, ::-1] for weights in backward]
        x = np.concatenate(runs, axis=-1)
    return x


every_stack = pytest.mark.parametrize(
    ("num_layers", "bidirectional"), [(1, False), (1, True), (2, False), (3, True)]
)


@pytest.mark.parametrize("bias", [True, False])
@every_stack
def test_from_torch_layers(x, num_layers, bidirectional, bias):
    torch = pytest.importorskip("torch")
    module = torch_layer(torch, num_layers=num_layers, bidirectional=bidirectional, bias=bias)
    expected = module(torch.from_numpy(x))[0].detach().numpy()
    for source in (module, module.state_dict()):
        layers = from_torch_layers(source)
        assert [len(layer) for layer in layers] == [1 + bidirectional] * num_layers
        np.testing.assert_allclose(by_layers(x, layers), expected, atol=1e-12)


def random_stack(num_layers, bidirectional):
    seeds = itertools.count(10)
    sizes = [N_X] + [N_H * (1 + bidirectional)] * (num_layers - 1)
    return [
        [
            GRUWeights.random(n_x, N_H, reset_after=True, update_gate=gate, seed=next(seeds))
            for gate in ("write", "keep")[: 1 + bidirectional]
        ]
        for n_x in sizes
    ]


@every_stack
def test_to_torch_layers(x, num_layers, bidirectional):
    torch = pytest.importorskip("torch")
    layers = random_stack(num_layers, bidirectional)
    module = torch_layer(torch, num_layers=num_layers, bidirectional=bidirectional)
    arrays = to_torch_layers(layers)
    assert list(arrays) == list(module.state_dict())
    module.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})
    h = module(torch.from_numpy(x))[0].detach().numpy()
    np.testing.assert_allclose(h, by_layers(x, layers), atol=1e-12)


def test_stack_from_torch_to_keras_and_back(x):
    torch = pytest.importorskip("torch")
    module = torch_layer(torch, num_layers=2, bidirectional=True)
    expected, states, layers = module(torch.from_numpy(x))[0].detach().numpy(), x, []
    for forward, backward in from_torch_layers(module):
        gru = keras.layers.GRU(N_H, return_sequences=True, dtype="float64")
        layer = keras.layers.Bidirectional(gru, dtype="float64")
        states = layer(states)
        layer.set_weights([*to_keras(forward), *to_keras(backward)])
        layers.append(layer)
    states = x
    for layer in layers:
        states = layer(states)
    np.testing.assert_allclose(states, expected, atol=1e-12)
    back = [[from_keras(one.forward_layer), from_keras(one.backward_layer)] for one in layers]
    module.load_state_dict({k: torch.from_numpy(v) for k, v in to_torch_layers(back).items()})
    again = module(torch.from_numpy(x))[0].detach().numpy()
    np.testing.assert_allclose(again, expected, atol=1e-12)


@every_stack
def test_torch_layers_round_trip_without_torch(x, num_layers, bidirectional):
    layers = random_stack(num_layers, bidirectional)
    back = from_torch_layers(to_torch_layers(layers))
    np.testing.assert_allclose(by_layers(x, back), by_layers(x, layers), atol=1e-12)


def test_torch_layers_errors_without_torch():
    arrays = to_torch_layers(random_stack(2, True))
    for name in ("weight_ih_l0", "weight_hh_l1", "weight_hh_l1_reverse", "bias_hh_l0"):
        with pytest.raises(ValueError, match=rf"Missing: \['{name}'.* Received also: "):
            from_torch_layers({k: v for k, v in arrays.items() if k != name})
    with pytest.raises(ValueError, match=r"Received also: \['weight_hr_l0'\]"):
        from_torch_layers(arrays | {"weight_hr_l0": arrays["weight_hh_l0"]})
    with pytest.raises(ValueError, match=r"Missing: .* Received also: \[\]"):
        from_torch_layers({})
    with pytest.raises(TypeError, match="Received: int"):
        from_torch_layers(3)
    one = random_weights(True)  # 3 features and 5 units: doesn't fit on itself
    for layers in ([[one], [one]], [], [[]], [[one, one, one]]):
        with pytest.raises(ValueError, match="layers on one another"):
            to_torch_layers(layers)
    for layers in (one, [one], [[3]]):
        with pytest.raises(TypeError, match="layers must be a list"):
            to_torch_layers(layers)
    with pytest.raises(ValueError, match="reset_after must be True"):
        to_torch_layers([[random_weights(False)]])


# --- ONNX


def run_onnx(x, linear_before_reset, W, R, B=None, h_0=None):
    """Run a GRU operator on (batch, time, n_x): ONNX puts time first."""
    onnx = pytest.importorskip("onnx")
    from onnx.reference import ReferenceEvaluator

    helper, double = onnx.helper, onnx.TensorProto.DOUBLE
    feeds = {"X": x.swapaxes(0, 1), "W": W, "R": R, "B": B, "h_0": h_0}
    feeds = {name: array for name, array in feeds.items() if array is not None}
    names = ["X", "W", "R", "B" if B is not None else "", "", "h_0" if h_0 is not None else ""]
    node = helper.make_node(
        "GRU", names, ["Y", "Y_h"], hidden_size=N_H, linear_before_reset=linear_before_reset
    )
    graph = helper.make_graph(
        [node],
        "gru",
        [helper.make_tensor_value_info(name, double, array.shape) for name, array in feeds.items()],
        [helper.make_tensor_value_info("Y", double, None)],
    )
    (Y,) = ReferenceEvaluator(helper.make_model(graph)).run(["Y"], feeds)
    return Y[:, 0].swapaxes(0, 1)  # (time, directions, batch, n_h) to (batch, time, n_h)


@every_variant
def test_to_onnx(x, reset_after, update_gate):
    weights = random_weights(reset_after, update_gate)
    h_0 = np.random.default_rng(3).normal(size=(1, 4, N_H))
    np.testing.assert_allclose(
        run_onnx(x, **to_onnx(weights), h_0=h_0), gru_forward(x, weights, h_0[0]), atol=1e-12
    )


@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("linear_before_reset", [0, 1])
def test_from_onnx(x, linear_before_reset, with_bias):
    rng = np.random.default_rng(4)
    W, R = rng.normal(size=(1, 3 * N_H, N_X)), rng.normal(size=(1, 3 * N_H, N_H))
    B = rng.normal(size=(1, 6 * N_H)) if with_bias else None
    weights = from_onnx(W, R, B, linear_before_reset)
    assert weights.reset_after == bool(linear_before_reset)
    np.testing.assert_allclose(
        gru_forward(x, weights), run_onnx(x, linear_before_reset, W, R, B), atol=1e-12
    )


@every_variant
def test_onnx_round_trip_without_onnx(x, reset_after, update_gate):
    weights = random_weights(reset_after, update_gate)
    packed = to_onnx(weights)
    assert packed["W"].shape == (1, 3 * N_H, N_X)
    assert packed["R"].shape == (1, 3 * N_H, N_H)
    assert packed["B"].shape == (1, 6 * N_H)
    np.testing.assert_allclose(
        gru_forward(x, from_onnx(**packed)), gru_forward(x, weights), atol=1e-15
    )


def test_onnx_recurrent_bias_is_only_added_with_reset_before(x):
    packed = to_onnx(random_weights(False))
    moved = packed["B"].reshape(2, -1)
    moved = (moved + [[-0.3], [0.3]]).reshape(1, -1)  # from the input bias to the recurrent one
    np.testing.assert_allclose(
        gru_forward(x, from_onnx(**packed | {"B": moved})),
        gru_forward(x, from_onnx(**packed)),
        atol=1e-14,
    )


@pytest.mark.parametrize(
    "shapes",
    [
        [(2, 15, 3), (2, 15, 5), (2, 30)],
        [(15, 3), (15, 5), (30,)],
        [(1, 15, 3), (1, 15, 5), (1, 15)],
        [(1, 20, 3), (1, 20, 5), (1, 40)],
    ],
)
def test_from_onnx_names_bad_shapes(shapes):
    with pytest.raises(ValueError, match=r"Received: \["):
        from_onnx(*map(np.zeros, shapes))


# --- across


def test_textbook_to_keras_needs_the_update_gate_negated(x):
    rng = np.random.default_rng(6)
    matrices, biases = rng.normal(size=(3, N_H + N_X, N_H)), rng.normal(size=(3, N_H))
    textbook = GRUWeights.from_concatenated(*matrices, *biases)
    layer = keras_layer(reset_after=False)
    layer.set_weights(to_keras(textbook))
    np.testing.assert_allclose(layer(x), gru_forward(x, textbook), atol=1e-12)
    back = from_keras(layer).to_concatenated()
    for array, expected in zip(back, [*matrices, *biases], strict=True):
        np.testing.assert_array_equal(array, expected)
    layer.set_weights(to_keras(dataclasses.replace(textbook, update_gate="keep")))  # as they are
    assert np.abs(layer(x) - gru_forward(x, textbook)).max() > 0.1


def test_a_reset_before_source_and_a_reset_after_target_never_meet():
    layer = keras_layer(reset_after=False)
    with pytest.raises(ValueError, match="different functions"):
        to_torch(from_keras(layer))
    with pytest.raises(ValueError, match="shape"):  # Keras' own error: the bias doesn't fit
        keras_layer(reset_after=True).set_weights(to_keras(from_keras(layer)))
