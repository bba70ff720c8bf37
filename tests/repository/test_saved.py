"""Models exported to other formats: equal, or not to be had, as docs/saving.md says."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

import gru_tf
import saved

PAGE = saved.PAGE.read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([^|]+) \| `([^|`]+)` \| (\d+) of (\d+) \| ([^|]*) ?\|$", re.MULTILINE)
SMALL = "build_tabular_regressor"


def test_the_page_has_each_format_and_layer_and_names_what_was_not_tried():
    rows = ROW.findall(PAGE)
    assert [row[:2] for row in rows] == [
        (kind, layer) for kind in saved.EXPORTS for layer in saved.every_layer()
    ]
    [n_tried] = {int(row[3]) for row in rows}
    left = re.findall(r"^Not tried yet: (.+)\.$", PAGE, re.MULTILINE)
    left = re.findall(r"\w+", left[0]) if left else []
    assert n_tried + len(left) == len(saved.every_builder())
    assert set(left) <= set(saved.every_builder()) - {SMALL}


@pytest.mark.parametrize("layer", ["keras.layers.GRU", "gru_tf.GRU", "gru_tf.MinGRU"])
def test_a_small_model_is_exported_as_the_page_says(layer):
    kinds = {kind: saved.EXPORTS[kind] for kind in ("SavedModel", saved.OPEN)}
    found = saved.export(SMALL, layer, kinds)
    why = {row[0]: row[4].strip() for row in ROW.findall(PAGE) if row[1] == layer}
    for kind, said in found.items():
        reason = saved.reason(said)
        if reason is None:
            assert SMALL not in why[kind]
            assert not why[kind].startswith("all: ")
        else:
            assert reason in why[kind]


def test_what_nobody_has_looked_at_is_no_reason():
    assert saved.reason(1e-7) is None
    with pytest.raises(ValueError, match="the outputs differ by 0.1"):
        saved.reason(0.1)
    with pytest.raises(ValueError, match="the outputs differ by nan"):
        saved.reason(float("nan"))
    with pytest.raises(ValueError, match="KeyError: 'x'"):
        saved.reason("KeyError: 'x'")
    for pattern, words in saved.REASONS.items():
        assert saved.reason(f"RuntimeError: {pattern}") == words


def test_models_are_counted_by_format_and_layer():
    flex = "RuntimeError: Select TensorFlow op(s), included in the given model"
    found = {
        f"{name} {layer}": dict.fromkeys(saved.EXPORTS, 0.0)
        for name in ("build_a", "build_b")
        for layer in saved.every_layer()
    }
    found["build_a gru_tf.GRU"]["ONNX"] = flex
    for name in ("build_a", "build_b"):
        found[f"{name} gru_tf.MinGRU"]["ONNX"] = flex
    rows = {row[:2]: (*row[2:4], row[4].strip()) for row in ROW.findall(saved.table(found))}
    assert rows["ONNX", "keras.layers.GRU"] == ("2", "2", "")
    assert rows["ONNX", "gru_tf.GRU"][2].startswith("`build_a`: needs")
    assert rows["ONNX", "gru_tf.MinGRU"][0] == "0"
    assert rows["ONNX", "gru_tf.MinGRU"][2].startswith("all: needs")


def inlined(layer):
    """Return a layer as a function of inputs with open time, its graph as exporters see it."""
    inputs = [tf.TensorSpec((1, None, 3))]
    function = tf.function(layer, inputs, autograph=False).get_concrete_function()
    graph = convert_variables_to_constants_v2(function, lower_control_flow=False).graph
    name = function.inputs[0].name

    def run(x):
        return tf.graph_util.import_graph_def(graph.as_graph_def(), {name: x}, [], name="")

    return tf.compat.v1.wrap_function(run, inputs)


@pytest.mark.parametrize("layer", [gru_tf.GRU, gru_tf.MinGRU])
def test_with_open_time_no_negative_number_is_divided(layer):
    """TensorFlow rounds an integer quotient down and ONNX to zero: they agree from zero on."""
    run = inlined(layer(2))
    divisions = [op for op in run.graph.get_operations() if op.type == "FloorDiv"]
    assert divisions
    divide = run.prune(run.inputs[0], [list(op.inputs) for op in divisions])
    for time in (1, 5, 8, 15, 16, 17, 33):
        for dividend, divisor in divide(tf.zeros((1, time, 3))):
            assert np.min(dividend) >= 0
            assert np.min(divisor) > 0


@pytest.mark.parametrize("layer", [gru_tf.GRU, gru_tf.MinGRU])
def test_all_states_under_a_mask_go_to_litert(layer, tmp_path):
    keras.utils.set_random_seed(0)
    words = keras.Input((9,), dtype="int32", name="words")
    vectors = keras.layers.Embedding(7, 3, mask_zero=True)(words)
    model = keras.Model(words, layer(4, return_sequences=True)(vectors))
    x = np.random.default_rng(0).integers(1, 7, (3, 9))
    x[1:, 6:] = 0
    found = saved.by_litert(model, x, tmp_path, rows=1)
    np.testing.assert_allclose(found, model.predict_on_batch(x), atol=saved.TOLERANCE)


@pytest.mark.parametrize("layer", [gru_tf.GRU, gru_tf.MinGRU])
def test_all_states_with_open_time_are_what_onnx_can_read(layer):
    """tf2onnx joins no array, and reads none that is written to before its loop."""
    run = inlined(layer(2, return_sequences=True))
    types = {op.type for op in run.graph.get_operations()}  # outside the loop
    assert "TensorListStack" in types
    assert not types & {"TensorListConcatV2", "TensorListSetItem"}
