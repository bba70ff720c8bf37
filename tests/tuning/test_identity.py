"""A search knows what it is, and refuses to be another one."""

import collections
import functools
import importlib
import json
import shutil
import sys

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from scipy.sparse import csr_array

from gru_tf.datasets import bucket_by_length
from gru_tf.tuning import data as tuning_data
from gru_tf.tuning import folder, leaderboard, price
from gru_tf.tuning.data import describe_data
from gru_tf.tuning.identity import describe_builder, identify
from gru_tf.tuning.trials import identity
from small_search import Count, X, Y, build, search


def with_a_trial(tuner):
    """Let a search have begun: with no trial, another one may take its place."""
    (tuner.folder / "trial_0").mkdir()


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
    with_a_trial(make())
    with pytest.raises(ValueError, match=message) as refusal:
        make(**changed)
    assert "another name" in str(refusal.value)
    assert "overwrite=True" in str(refusal.value)
    assert price(make(name="another", **changed)).trials > 0
    make(overwrite=True, **changed)
    make(**changed)


def test_what_was_only_priced_can_be_priced_anew(make):
    first = make("random", max_trials=2, max_epochs=1)
    price(first, seconds_per_epoch=1)
    again = make("random", max_trials=2, max_epochs=1)
    assert (again.folder / "price.json").exists()
    other = make("random", max_trials=3, max_epochs=1)
    assert price(other).trials == 3
    with pytest.raises(ValueError, match="max_trials: 3 there, 2 here"):
        search(first)
    assert len(search(other)) == 3
    with pytest.raises(ValueError, match="seed: 1 there, 2 here"):
        make("random", max_trials=3, max_epochs=1, seed=2)


def test_a_search_that_another_process_runs_is_not_taken(make):
    tuner = make("random", max_trials=2)
    with folder.held(tuner.folder):
        for options in ({"max_epochs": 4}, {"overwrite": True}):
            with pytest.raises(ValueError, match="Another process runs the search"):
                make("random", max_trials=2, **options)
    assert (tuner.folder / "search.json").exists()


def test_a_builder_edited_under_the_same_name_is_refused(make):
    def make_builder(activation):
        def builder(hp):
            units = hp.Int("units", 1, 9)
            layers = [keras.Input((3,)), keras.layers.Dense(units, activation)]
            model = keras.Sequential([*layers, keras.layers.Dense(1)])
            model.compile("sgd", "mse")
            return model

        return builder

    with_a_trial(make(build=make_builder("tanh"), objective="val_loss"))
    make(build=make_builder("tanh"), objective="val_loss")
    with pytest.raises(ValueError, match="activation: \"'tanh'\" there, \"'relu'\" here"):
        make(build=make_builder("relu"), objective="val_loss")


def test_comments_and_docstrings_are_no_change(make):
    def builder(hp):
        return build(hp)

    with_a_trial(make(build=builder))

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


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_what_a_user_keeps_in_the_folder_of_a_priced_search_is_left(make):
    first = make("random", max_trials=2)
    price(first, seconds_per_epoch=1)
    (first.folder / "thesis.tex").write_text("years of work")
    (first.folder / "report.html").write_text("of something else")
    make("random", max_trials=2, seed=2)
    assert names(first.folder) - {"lock"} == {"search.json", "thesis.tex", "report.html"}


def test_overwriting_deletes_the_files_of_the_search_alone(make):
    path = make("random", max_trials=2).folder
    (path / "trial_0").mkdir()
    mine = {"thesis.tex", "trial_runs.csv", "other.json"}
    others = {"oracle.json", "data.json", "price.json", "report.html", "trial_0/trial.json"}
    for name in [*mine, *others, "data.json.0123abcd.unfinished"]:
        (path / name).write_text("{}")
    make("random", max_trials=3, overwrite=True)
    assert names(path) - {"lock"} == {"search.json", *mine}
    assert folder.read(path / "search.json")["max_trials"] == 3


@pytest.mark.parametrize("text", ["{", '{"of": "another program"}'])
def test_a_damaged_file_of_a_search_without_trials_is_left(make, text):
    path = make("random", max_trials=2).folder / "search.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"search\.json of this search is damaged"):
        make("random", max_trials=2)
    assert path.read_text() == text
    make("random", max_trials=2, overwrite=True)


@pytest.mark.parametrize("file", ["search.json", "oracle.json", "trial_2/trial.json"])
def test_a_damaged_search_is_refused_by_the_name_of_its_file(make, tmp_path, file):
    search(make("random", max_trials=3, max_epochs=1))
    path = tmp_path / "search" / file
    text = path.read_text()
    for damage in (text[:-3], "{}", "null", '{"start_order": []}', None):
        path.unlink() if damage is None else path.write_text(damage)
        with pytest.raises(ValueError, match=file):
            make("random", max_trials=3, max_epochs=1)
    path.write_text(text)
    make("random", max_trials=3, max_epochs=1)


@functools.cache
def build_fixed():
    return build(kt.HyperParameters())


def build_once(hp):
    """Build a model once for all: quickly, for a tuner that is made again and again."""
    hp.Choice("learning_rate", [0.3, 0.1, 0.03])
    return build_fixed()


@pytest.mark.slow
def test_one_flipped_bit_of_a_search_is_refused_unless_it_says_the_same(make, tmp_path):
    options = {"build": build_once, "max_trials": 3, "max_epochs": 1}
    right = search(make("random", **options))
    files = [*tmp_path.glob("search/*.json"), *tmp_path.glob("search/trial_*/trial.json")]
    assert len(files) == 6
    rng, said = np.random.default_rng(0), []
    for path in files:
        content = path.read_bytes()
        for place in rng.choice(8 * len(content), size=10, replace=False):
            byte = bytes([content[place // 8] ^ 1 << place % 8])
            path.write_bytes(content[: place // 8] + byte + content[place // 8 + 1 :])
            try:
                tuner = make("random", **options)
                folder.read(tmp_path / "search" / "data.json")
                pd.testing.assert_frame_equal(leaderboard(tuner), right)
            except ValueError as error:
                said.append(f"{path} of this search is damaged" in str(error))
        path.write_bytes(content)
    assert len(said) > 45
    assert all(said)


def test_a_search_of_a_version_without_checksums_goes_on(make, tmp_path):
    whole = search(make("random", max_trials=3, max_epochs=1, name="whole"))
    with pytest.raises(KeyboardInterrupt):
        search(make("random", max_trials=3, max_epochs=1), interrupt_at=3)
    for path in tmp_path.glob("search/**/*.json"):
        path.write_text(json.dumps(folder.read(path)))
    table = search(make("random", max_trials=3, max_epochs=1))
    assert table.drop(columns="seconds").equals(whole.drop(columns="seconds"))


def test_a_trial_is_the_same_with_numbers_of_numpy_and_of_python():
    drawn = {"rate": np.float64(0.1), "units": np.int64(3), "kind": "wide"}
    assert identity(drawn) == identity({"rate": 0.1, "units": 3, "kind": "wide"})


def test_missing_data_are_noticed(make, tmp_path):
    search(make("random", max_trials=2, max_epochs=1))
    (tmp_path / "search" / "data.json").unlink()
    with pytest.raises(ValueError, match=r"data\.json of this search is damaged or missing"):
        search(make("random", max_trials=2, max_epochs=1))


def test_a_path_with_brackets(make, tmp_path):
    folder = tmp_path / "my [2024] runs"
    with pytest.raises(KeyboardInterrupt):
        search(make("random", max_trials=3, max_epochs=1, directory=folder), interrupt_at=3)
    table = search(make("random", max_trials=3, max_epochs=1, directory=folder))
    assert len(table) == 3
    assert len(Count.fits) == 1


def test_a_folder_that_is_removed_under_way_is_an_error(make, tmp_path):
    class Remove(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            shutil.rmtree(tmp_path / "search")

    with pytest.raises(FileNotFoundError, match="was removed while its search was running"):
        search(make("random", max_trials=3, max_epochs=1), callbacks=[Remove()])


def test_other_versions_are_said(make, tmp_path, recwarn):
    make("random", max_trials=2)
    path = tmp_path / "search" / "search.json"
    assert set(json.loads(path.read_text())["versions"]) == {
        *("python", "tensorflow", "keras", "keras-tuner"),
    }
    make("random", max_trials=2)
    assert not [w for w in recwarn if "other versions" in str(w.message)]
    settings = folder.read(path)
    folder.write(path, {**settings, "versions": {**settings["versions"], "keras": "3.1"}})
    with pytest.warns(UserWarning, match=f"keras 3.1 there, {keras.__version__} here"):
        make("random", max_trials=2)


def test_a_write_cut_off_before_the_first_file_was_whole_is_no_search(make, tmp_path):
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "search.json.0123abcd.unfinished").write_text("{")
    make("random", max_trials=3)
    assert (tmp_path / "search" / "search.json").exists()


def test_settings_are_written_whole(make, tmp_path):
    make("random", max_trials=3)
    settings = json.loads((tmp_path / "search" / "search.json").read_text())
    assert settings["max_trials"] == 3
    assert settings["hyperparameter"]["learning_rate"]["values"] == [0.3, 0.1, 0.03]
    assert not list((tmp_path / "search").glob("*.unfinished"))


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


def ragged(middle):
    rows = [[float(i)] * (1 + i % 3) for i in range(2000)]
    rows[1000] = middle
    return tf.ragged.constant(rows)


def test_sparse_and_ragged_data_are_compared_whole():
    sparse = csr_array(np.where(X > 0, X, 0))
    same = [sparse, sparse.copy(), sparse.tocoo(), sparse.tocsc(), lambda: sparse]
    others = [-sparse, sparse[::-1], sparse[:, :2]]
    texts = [describe_data(data) for data in same]
    assert len(set(texts)) == 1
    assert texts[0].startswith("sparse float32 (32, 3), checksum ")
    assert describe_data([sparse, -sparse]) == [texts[0], describe_data(-sparse)]
    assert len({texts[0], *map(describe_data, others)}) == 4
    tensors = [tf.sparse.from_dense(data.toarray()) for data in (sparse, sparse, -sparse)]
    texts = [describe_data(data) for data in tensors]
    assert texts[0] == texts[1] != texts[2]
    texts = [describe_data(ragged(row)) for row in ([1.0, 2.0], [1.0, 2.0], [1.0, 3.0], [1.0], [])]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 4
    moved = [tf.ragged.constant(rows) for rows in ([[1, 2], [3]], [[1], [2, 3]])]
    assert len(set(map(describe_data, moved))) == 2


def sparse_rows(row):
    return tf.sparse.from_dense(ragged(row).to_tensor())


@pytest.mark.parametrize("kind", [ragged, sparse_rows])
def test_batches_of_sparse_and_ragged_data_are_compared_whole(kind):
    def batches(row, buffer):
        return tf.data.Dataset.from_tensor_slices(kind(row)).shuffle(buffer).batch(500)

    rows = [1.0, 2.0], [1.0, 2.0], [1.0, 3.0]
    for buffer in (1, 2000):
        texts = [describe_data(batches(row, buffer)) for row in rows]
        assert texts[0] == texts[1] != texts[2]
        assert ("rows in any order" in texts[0]) == (buffer > 1)


@pytest.mark.parametrize("data", [object(), collections.deque([1.0]), tf.TensorShape([1])])
def test_data_that_cannot_be_compared_are_refused(data):
    with pytest.raises(ValueError, match="Data must be arrays, .*Received: "):
        describe_data({"x": data})


def test_what_identifies_a_value_bound_to_a_builder():
    large = np.arange(5000.0)
    arrays = [large, large.copy(), large + (large == 2500)]  # alike at both ends
    texts = [identify({"vectors": array}) for array in arrays]
    assert texts[0] == texts[1] != texts[2]
    assert identify({"b", "a", "c"}) == ["'a'", "'b'", "'c'"]
    assert identify((1, [2.5, "x"])) == ["1", ["2.5", "'x'"]]


def dataset(y):
    return tf.data.Dataset.from_tensor_slices((X, y)).batch(8)


FLIPPED = np.where(np.arange(32)[:, None] == 30, 1 - Y, Y)


@pytest.mark.parametrize("as_function", [False, True])
def test_labels_flipped_beyond_the_first_batch_are_noticed(make, as_function):
    def given(y):
        return functools.partial(dataset, y) if as_function else dataset(y)

    def begin(y):
        tuner = make("random", max_trials=2, max_epochs=1)
        tuner.search(given(y), validation_data=given(Y), verbose=0)

    begin(Y)
    begin(Y)
    with pytest.raises(ValueError, match="  x: '4 batches, 32 rows of float32 .3. and float32"):
        begin(FLIPPED)


def test_datasets_in_random_order_are_compared_by_their_rows():
    drawn = [describe_data(dataset(y).unbatch().shuffle(32).batch(5)) for y in (Y, Y, FLIPPED)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert "rows in any order" in drawn[0]
    noise = np.random.default_rng(0)  # goes on from pass to pass, with any seed of TensorFlow

    def noisy():
        yield from ((X + noise.normal(size=X.shape), Y) for _ in range(4))

    spec = (tf.TensorSpec((32, 3), tf.float32), tf.TensorSpec((32, 1), tf.float32))
    random = tf.data.Dataset.from_generator(noisy, output_signature=spec)
    described = {"x": describe_data(random)}
    assert described["x"] == "4 batches, 128 rows of float32 (3) and float32 (1), random"
    assert list(tuning_data.notes(described)) == [
        "The rows of x differ in each pass: only their number and shapes are compared."
    ]


def test_of_a_dataset_without_end_a_part_is_compared_and_that_is_said(make, monkeypatch, capsys):
    monkeypatch.setattr(tuning_data, "MOST_BYTES", 1000)
    endless = dataset(Y).repeat()
    assert describe_data(endless).startswith("first 8 batches, 64 rows")
    monkeypatch.setattr(tuning_data, "MOST_OF_ENDLESS", 6)
    assert describe_data(endless).startswith("first 6 batches")
    monkeypatch.setattr(tuning_data, "MOST_OF_ENDLESS", 8)
    options = {"steps_per_epoch": 2, "validation_data": dataset(Y), "verbose": 1}
    make("random", max_trials=1, max_epochs=1).search(endless, **options)
    said = capsys.readouterr().out
    assert "Of x only the first 8 batches are compared when the search goes on." in said


def test_a_generator_is_refused(make):
    with pytest.raises(ValueError, match="A generator can be read once.*Received: <generator"):
        make("random", max_trials=1).search((batch for batch in [(X, Y)]), validation_data=(X, Y))


# What a builder calls

SCALE = 1.0


def build_by_calls(hp, layer=None):
    return called(hp)


def called(hp):
    return called_by_that(hp.Int("units", 1, 4))


def called_by_that(units):
    return units * SCALE


class Layer:
    rate = 0.1


class Building:
    def __init__(self, rate):
        self.rate = rate

    def build(self, hp):
        return self.helper(hp), Layer

    def helper(self, hp):
        return called(hp)


@pytest.mark.parametrize("builder", [build_by_calls, Building(0.1).build])
def test_what_is_two_calls_below_the_builder_is_seen(monkeypatch, builder):
    before = describe_builder(builder)
    assert describe_builder(builder) == before
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules[__name__], "SCALE", 2.0)
        assert describe_builder(builder) != before
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules[__name__], "called_by_that", lambda units: units + 1)
        assert describe_builder(builder) != before
    assert describe_builder(builder) == before


def test_attributes_of_the_object_whose_method_builds_are_seen():
    texts = [describe_builder(Building(rate).build) for rate in (0.1, 0.1, 0.2)]
    assert texts[0] == texts[1] != texts[2]
    assert texts[2]["uses"]["self.rate"] == "0.2"
    assert "source" in texts[0]["uses"]["Layer"] or "Layer" in texts[0]["uses"]


def test_defaults_of_arguments_are_seen():
    def with_defaults(units, rate):
        def layer(units, *, rate=rate):
            return units * rate

        def builder(hp, units=units):
            return layer(units)

        return describe_builder(builder)

    first = with_defaults(3, 0.1)
    assert with_defaults(3, 0.1) == first
    assert with_defaults(4, 0.1) != first
    assert with_defaults(3, 0.2) != first
    assert first["through"]["layer(rate)"] == "0.1"


def test_attributes_of_classes_are_seen(monkeypatch):
    for builder in (Building(0.1).build, functools.partial(build_by_calls, layer=Layer)):
        before = describe_builder(builder)
        with monkeypatch.context() as patch:
            patch.setattr(Layer, "rate", 0.3)
            assert describe_builder(builder) != before
        assert describe_builder(builder) == before


CONFIG = """
import keras

WIDTH = 4
layers = [8, 8]

def layer(units=2):
    return units

class Scaling:
    rate = 0.1

    def call(self, factor=1):
        return self.rate * factor
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Return a module of a user's own."""
    (tmp_path / "config_of_a_user.py").write_text(CONFIG)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("config_of_a_user")
    del sys.modules["config_of_a_user"]


def test_what_a_builder_uses_of_another_module_is_seen(config, monkeypatch):
    def builder(hp):
        config.layer(config.Scaling, config.layers)
        return keras.layers.Dense(config.WIDTH)

    def other(units=2):
        return units + 1

    before = describe_builder(builder)
    assert set(before["through"]) == {
        *("config.WIDTH", "config.layers", "config.layer", "config.layer(units)"),
        *("config.Scaling", "source of config.Scaling", "config.Scaling.rate"),
        "config.Scaling.call(factor)",
    }
    changes = [
        (config, "WIDTH", 8),
        (config, "layers", [8, 4]),
        (config, "layer", other),
        (config.layer, "__defaults__", (3,)),
        (config.Scaling, "rate", 0.2),
        (config.Scaling.call, "__defaults__", (2,)),
    ]
    for change in changes:
        with monkeypatch.context() as patch:
            patch.setattr(*change)
            assert describe_builder(builder) != before, change
    assert describe_builder(builder) == before


def test_of_libraries_names_alone_are_seen():
    def builder(hp, layer=keras.layers.Dense, flatten=keras.tree.flatten):
        return keras.ops.tanh(layer(3))

    names = [identify(keras.layers.Dense), "keras.src.tree.tree_api.flatten"]
    assert list(describe_builder(builder)["through"].values()) == names


def test_a_search_of_a_version_that_saw_less_of_a_builder_goes_on(make):
    wide = functools.partial(build_with_default, layer=Layer)
    tuner = make(build=wide)
    with_a_trial(tuner)
    path = tuner.folder / "search.json"
    whole = folder.read(path)
    less = {name: whole["builder"][name] for name in ("function", "uses")}
    versions = {**whole["versions"], "keras": "3.1"}
    folder.write(path, {**whole, "builder": less, "versions": versions})
    with pytest.warns(UserWarning, match="keras 3.1 there"):
        make(build=wide)
    assert folder.read(path) == {**whole, "versions": versions}


def build_with_default(hp, layer=None, largest=4):
    return build(hp, largest)
