"""A search knows what it is, and refuses to be another one."""

import functools
import json

import keras
import numpy as np
import pandas as pd
import pytest

from gru_tf.datasets import bucket_by_length
from gru_tf.tuning import price
from gru_tf.tuning.data import describe_data
from gru_tf.tuning.identity import identify
from small_search import X, Y, build, search


def build_other(hp):
    model = build(hp)
    return model


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"max_epochs": 4}, "max_epochs: 3 there, 4 here"),
        ({"factor": 2}, "factor: 3 there, 2 here"),
        ({"seed": 2}, "seed: 1 there, 2 here"),
        ({"objective": "val_loss"}, "objective: .*val_accuracy.*val_loss"),
        ({"kind": "random", "max_trials": 3}, "kind: 'hyperband' there, 'random' here"),
        ({"build": functools.partial(build, largest=5)}, "units max_value: 4 there, 5 here"),
        ({"build": build_other}, "builder function: 'build, source .*'build_other, source"),
    ],
)
def test_another_search_is_refused(make, changed, message):
    make()
    with pytest.raises(ValueError, match=message) as refusal:
        make(**changed)
    assert "another name" in str(refusal.value)
    assert "overwrite=True" in str(refusal.value)
    assert price(make(name="another", **changed)).trials > 0
    make(overwrite=True, **changed)
    make(**changed)


def test_a_builder_edited_under_the_same_name_is_refused(make):
    def make_builder(activation):
        def builder(hp):
            units = hp.Int("units", 1, 9)
            layers = [keras.Input((3,)), keras.layers.Dense(units, activation)]
            model = keras.Sequential([*layers, keras.layers.Dense(1)])
            model.compile("sgd", "mse")
            return model

        return builder

    make(build=make_builder("tanh"), objective="val_loss")
    make(build=make_builder("tanh"), objective="val_loss")
    with pytest.raises(ValueError, match="activation: \"'tanh'\" there, \"'relu'\" here"):
        make(build=make_builder("relu"), objective="val_loss")


def test_comments_and_docstrings_are_no_change(make):
    def builder(hp):
        return build(hp)

    make(build=builder)

    def builder(hp):
        """Build a small model."""
        # which is what `build` does
        return build(
            hp,
        )

    make(build=builder)

    def builder(hp):
        return build(hp, 7)

    with pytest.raises(ValueError, match="another search"):
        make(build=builder)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_left_alone(make, tmp_path, overwrite):
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="no search.json"):
        make(overwrite=overwrite)
    assert (tmp_path / "search" / "thesis.tex").exists()


@pytest.mark.parametrize("file", ["search.json", "oracle.json", "trial_2/trial.json"])
@pytest.mark.parametrize("damage", ["cut", "removed"])
def test_a_damaged_search_is_refused_by_the_name_of_its_file(make, tmp_path, file, damage):
    search(make("random", max_trials=3, max_epochs=1))
    path = tmp_path / "search" / file
    text = path.read_text()
    path.write_text(text[:-3]) if damage == "cut" else path.unlink()
    with pytest.raises(ValueError, match=file):
        make("random", max_trials=3, max_epochs=1)


def test_a_write_cut_off_before_the_first_file_was_whole_is_no_search(make, tmp_path):
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "search.json.0123abcd.partial").write_text("{")
    make("random", max_trials=3)
    assert (tmp_path / "search" / "search.json").exists()


def test_settings_are_written_whole(make, tmp_path):
    make("random", max_trials=3)
    settings = json.loads((tmp_path / "search" / "search.json").read_text())
    assert settings["max_trials"] == 3
    assert settings["hyperparameter"]["learning_rate"]["values"] == [0.3, 0.1, 0.03]
    assert not list((tmp_path / "search").glob("*.partial"))


# The data, which are known only when the search starts


def begin(make, **options):
    tuner = make("random", max_trials=2, max_epochs=1)
    tuner.search(**{"x": X, "y": Y, "validation_data": (X, Y), "verbose": 0, **options})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"x": X[::-1]},
            r"x: 'float32 \(32, 3\), checksum \w+' there, 'float32 \(32, 3\), checksum",
        ),
        ({"x": X[:30], "y": Y[:30]}, r"x: .*\(32, 3\).*\(30, 3\)"),
        ({"x": X.astype("float64")}, "'float32 .*'float64 "),
        ({"y": 1 - Y}, "  y: "),
        ({"validation_data": (X, 1 - Y)}, "validation_data: "),
        ({"batch_size": 16}, "batch_size: None there, '16' here"),
        ({"callbacks": [keras.callbacks.EarlyStopping("loss", patience=7)]}, "patience.*'7'"),
    ],
)
def test_other_data_are_refused(make, changed, message):
    stop = keras.callbacks.EarlyStopping("loss", patience=2)
    begin(make, callbacks=[stop])
    begin(make, callbacks=[stop])
    with pytest.raises(ValueError, match=message) as refusal:
        begin(make, **{"callbacks": [stop], **changed})
    assert "another name" in str(refusal.value)


def test_data_of_a_search_that_never_began_are_forgotten(make):
    make("random", max_trials=2, max_epochs=1)
    with pytest.raises(KeyboardInterrupt):
        search(make("random", max_trials=2, max_epochs=1), interrupt_at=1)
    with pytest.raises(ValueError, match="another search"):
        begin(make)


def batches(seed, shuffle=True):
    numbers = np.arange(100).reshape(100, 1).tolist()
    return bucket_by_length(numbers, np.arange(100) % 2, 8, shuffle=shuffle, seed=seed)


def test_what_identifies_data():
    same = [X, X.copy(), X[::2].repeat(2, axis=0), X.tolist(), pd.DataFrame(X)]
    texts = [describe_data(data) for data in same]
    assert texts[0] == texts[1] == texts[4]
    assert len(set(texts)) == 3
    functions = [functools.partial(batches, seed) for seed in (0, 0, 1)]
    texts = [describe_data(data) for data in functions]
    assert texts[0] == texts[1] != texts[2]
    assert describe_data(batches(0)).startswith("13 batches, 100 rows of int32 (1) and int32 (), ")
    assert "in any order" in describe_data(batches(0))
    assert "in any order" not in describe_data(batches(0, shuffle=False))
    assert describe_data({0: 1.0, 1: 2.0}) == {"0": "1.0", "1": "2.0"}
    assert describe_data(None) == "None"
    several = [describe_data(([X, x], Y)) for x in (X, X.copy(), 1 - X)]
    assert several[0] == several[1] != several[2]


def test_what_identifies_a_value_bound_to_a_builder():
    large = np.arange(5000.0)
    arrays = [large, large.copy(), large + (large == 2500)]  # alike at both ends
    texts = [identify({"vectors": array}) for array in arrays]
    assert texts[0] == texts[1] != texts[2]
    assert identify({"b", "a", "c"}) == ["'a'", "'b'", "'c'"]
    assert identify((1, [2.5, "x"])) == ["1", ["2.5", "'x'"]]
