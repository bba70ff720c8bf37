"""A promoted trial is the model that one longer fit would have given."""

import functools
import shutil

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest

from gru_tf.datasets import bucket_by_length
from gru_tf.tuning import leaderboard, make_tuner, oracles, promotion
from gru_tf.tuning.trials import parent, trial_seed
from small_search import Count, X, Y, build, comparable, search

VALID = (X, 1 - Y)  # the opposite: the more a model learns, the worse its score
RUNGS = {"max_epochs": 6, "factor": 3, "objective": "val_loss"}  # five of 2 epochs, two go on by 4


def build_with_dropout(hp):
    """Build a model with two streams of random numbers, an Adam, and averages of its batches."""
    layers = [
        keras.layers.Dense(hp.Int("units", 2, 60), "tanh"),
        keras.layers.Dropout(0.3),
        keras.layers.BatchNormalization(),
        keras.layers.GaussianNoise(0.1),
    ]
    model = keras.Sequential([keras.Input((3,)), *layers, keras.layers.Dense(1, "sigmoid")])
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", run_eagerly=True)
    return model


def search_until_one_is_promoted(tuner, *data, **options):
    """Return the first trial that was promoted, and the one that it goes on from."""
    with pytest.raises(KeyboardInterrupt):
        tuner.search(*data, callbacks=Count.start(7), shuffle=False, verbose=0, **options)
    (trial,) = (
        trial
        for trial in tuner.oracle.trials.values()
        if trial.status == "COMPLETED" and parent(trial.hyperparameters.values)
    )
    return trial, tuner.oracle.trials[parent(trial.hyperparameters.values)]


def one_long_fit(tuner, trial, x, y=None):
    keras.utils.set_random_seed(trial_seed(trial, tuner.seed))
    model = tuner.hypermodel.build(trial.hyperparameters)
    fit = model.fit(x, y, epochs=6, validation_data=VALID, shuffle=False, verbose=0)
    return fit.history["val_loss"]


@pytest.mark.slow
def test_promoted_equals_one_long_fit_though_the_best_epoch_is_not_the_last(make):
    tuner = make(build=build_with_dropout, **RUNGS)
    trial, first = search_until_one_is_promoted(tuner, X, Y, validation_data=VALID)
    whole = one_long_fit(tuner, first, X, Y)
    assert first.score == min(whole[:2]) == whole[0]  # the best of the rung was its first epoch
    assert trial.score == min(whole[2:])  # to the last digit
    assert trial.metrics.get_last_value("epochs") == 6
    assert trial.metrics.get_last_value("epochs_run") == 4


def batches():
    rows = 1 + np.arange(64).reshape(32, 2) % 6
    return bucket_by_length(rows.tolist(), Y[:, 0].astype(int), batch_size=8, seed=3)


def build_on_ids(hp):
    layers = [keras.layers.Embedding(7, hp.Int("units", 2, 60)), keras.layers.Flatten()]
    inputs = keras.Input((2,), dtype="int32")
    outputs = keras.layers.Dense(1, "sigmoid")(layers[1](layers[0](inputs)))
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.1), "binary_crossentropy", run_eagerly=True)
    return model


@pytest.mark.slow
def test_batches_made_by_a_function_go_on_in_their_order(make):
    tuner = make(build=build_on_ids, **RUNGS)
    held = bucket_by_length([[1, 2], [3, 4]], [0, 1], shuffle=False)
    trial, first = search_until_one_is_promoted(tuner, batches, validation_data=held)
    keras.utils.set_random_seed(trial_seed(first, tuner.seed))
    model = tuner.hypermodel.build(first.hyperparameters)
    whole = model.fit(batches(), epochs=6, validation_data=held, shuffle=False, verbose=0)
    assert trial.score == min(whole.history["val_loss"][2:])


def test_a_pydataset_made_by_a_function_is_told_of_the_epochs_before():
    class Told(keras.utils.PyDataset):
        ends = 0

        def on_epoch_end(self):
            self.ends += 1

    dataset = Told()
    promotion.skip_epochs(dataset, 3)
    assert dataset.ends == 3


@pytest.mark.slow
def test_early_stopping_that_restores_weights_does_not_change_what_is_promoted(make):
    stop = keras.callbacks.EarlyStopping("val_loss", patience=5, restore_best_weights=True)
    tables = []
    for name, callbacks in (("with", [stop]), ("without", [])):
        tuner = make(name=name, **RUNGS)
        options = {"validation_split": 0, "validation_data": VALID, "shuffle": False}
        with pytest.raises(KeyboardInterrupt):
            search(tuner, interrupt_at=7, callbacks=[*callbacks, Count()], **options)
        tables.append(leaderboard(tuner).query("status == 'completed'"))
    assert tables[0]["epochs"].max() == 6
    pd.testing.assert_frame_equal(*map(comparable, tables), check_exact=True)


def test_epochs_are_counted_from_the_steps_of_the_optimizer(make, monkeypatch):
    monkeypatch.setattr(promotion, "load_state", lambda model, file: None)  # a fault
    tuner = make(objective="val_loss")
    table = search(tuner)
    (promoted,) = table.query("rung == 1").to_dict("records")
    assert (promoted["epochs"], promoted["epochs_run"]) == (2, 2), "not 3: it began anew"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Return the folder of a search stopped before its promotion, and the table of a whole one."""
    folder = tmp_path_factory.mktemp("stopped")
    options = {"max_epochs": 3, "objective": "val_loss", "directory": folder}
    whole = search(make_tuner("hyperband", build, name="whole", **options), shuffle=False)
    promoted = whole.query("rung == 1")["trial"].item()
    with pytest.raises(KeyboardInterrupt):
        search(
            make_tuner("hyperband", build, name="search", **options),
            interrupt_at=promoted,
            shuffle=False,
        )
    return folder / "search", whole, promoted


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["flipped", "cut", "removed"])
def test_a_damaged_state_is_trained_again(make, tmp_path, stopped, capsys, damage):
    folder, whole, promoted = stopped
    shutil.copytree(folder, tmp_path / "search")
    tuner = make(objective="val_loss")
    files = list(tuner.folder.glob(f"trial_*/{oracles.LAST_EPOCH}"))
    for file in files:
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.unlink() if damage == "removed" else file.write_bytes(
            content if damage == "flipped" else content[:-30]
        )
    assert files
    resumed = search(tuner, shuffle=False, verbose=1)
    assert "is damaged or missing: it is run again" in capsys.readouterr().out
    assert len(Count.fits) == len(whole) - (promoted - 1) + 1
    pd.testing.assert_frame_equal(comparable(whole), comparable(resumed), check_exact=True)


def test_a_builder_of_other_variables_each_time(tmp_path):
    models = [build_on_ids(hp) for hp in map(_with_units, (3, 4))]
    promotion.save_state(models[0], tmp_path / "state.npz")
    with pytest.raises(ValueError, match="the same variables each time.*Received"):
        promotion.load_state(models[1], tmp_path / "state.npz")


def _with_units(units):
    hp = kt.HyperParameters()
    hp.values["units"] = units
    return hp


# The oracle alone, told made-up scores: which files it keeps, and whom it promotes.


def run_oracle(oracle, scores, reverse=False):
    """Run all trials, in threes, and return who was promoted to which rung."""
    promoted = set()
    while True:
        for rung in (rung for bracket in oracle._brackets for rung in bracket["rounds"]):
            rung.sort(key=lambda info: info["id"], reverse=reverse)  # the order of arrival
        trials = [oracle.create_trial(f"worker {i}") for i in range(3)]
        trials = [trial for trial in trials if trial.status == "RUNNING"]
        if not trials:
            return promoted
        for trial in trials:
            values = trial.hyperparameters.values
            if first := parent(values):
                assert oracle.file(first, oracles.LAST_EPOCH).exists(), "pruned, though needed"
                promoted.add((values["units"], values["learning_rate"], values["tuner/round"]))
            oracle.file(trial.trial_id, oracles.LAST_EPOCH).touch()
            oracle.file(trial.trial_id, "checkpoint.weights.h5").touch()
        for trial in trials:
            oracle.update_trial(trial.trial_id, {"val_loss": scores(trial)})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)


def test_no_state_is_deleted_that_a_later_rung_needs(make, monkeypatch):
    monkeypatch.setattr(oracles, "KEPT", 2)
    wide = functools.partial(build, largest=1000)
    oracle = make(build=wide, max_epochs=27, objective="val_loss").oracle
    rng = np.random.default_rng(0)
    # Worse from rung to rung: those who go on are not among the best.
    run_oracle(oracle, lambda trial: trial.hyperparameters.values["tuner/round"] + rng.uniform())
    folder = oracle.file("0000", "").parent
    assert len(oracle.trials) == 70
    assert not list(folder.glob(f"trial_*/{oracles.LAST_EPOCH}"))
    assert len(list(folder.glob("trial_*/checkpoint.weights.h5"))) == 2


def test_a_tie_in_a_rung_is_not_broken_by_the_order_of_arrival(make):
    wide = functools.partial(build, largest=1000)
    promoted = []
    for reverse in (False, True):
        options = {"max_epochs": 9, "objective": "val_loss", "name": f"reverse {reverse}"}
        oracle = make(build=wide, **options).oracle
        promoted.append(run_oracle(oracle, lambda trial: 0.5, reverse))
    assert promoted[0] == promoted[1] != set()


def test_a_trial_is_the_same_whatever_number_its_parent_has():
    """The numbers are those of arrival, which several processes leave to chance."""
    trials = []
    for number in ("0001", "0007"):
        hp = kt.HyperParameters()
        hp.values = {"units": 3, "tuner/trial_id": number, "tuner/bracket": 1, "tuner/round": 1}
        trials.append(kt.engine.trial.Trial(hp))
    assert trial_seed(trials[0], 1) == trial_seed(trials[1], 1)
    trials[1].hyperparameters.values["tuner/round"] = 0
    assert trial_seed(trials[0], 1) != trial_seed(trials[1], 1)


def test_old_states_are_deleted(large):
    assert not list(large.folder.glob(f"trial_*/{oracles.LAST_EPOCH}"))
