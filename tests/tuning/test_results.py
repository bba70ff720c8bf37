"""What came of a search: the leaderboard, the best model, the progress."""

import keras
import keras_tuner as kt
import numpy as np
import pytest

from gru_tf.tuning import best_model, leaderboard
from gru_tf.tuning.importance import importance
from gru_tf.tuning.progress import duration
from gru_tf.tuning.report import write_report
from small_search import Count, X, Y, build, build_without_input, search


def test_leaderboard_holds_what_was_measured(make):
    tuner = make("random", max_trials=4)
    table = search(tuner)
    epochs = np.array([logs["val_accuracy"] for logs in Count.epochs]).reshape(4, 3)
    by_trial = table.sort_values("trial")
    np.testing.assert_allclose(by_trial["score"], epochs.max(axis=1))
    assert table["score"].is_monotonic_decreasing
    assert table.index.tolist() == [1, 2, 3, 4]
    assert set(table["epochs_run"]) == {3}
    assert set(table["status"]) == {"completed"}
    assert (table["seconds"] > 0).all()
    best = tuner.get_best_hyperparameters()[0]
    assert table.loc[1, ["units", "learning_rate"]].to_dict() == best.values


def test_a_tie_for_the_best_is_not_broken_by_the_order_of_arrival(make):
    oracle = make("random", max_trials=4).oracle
    for i in range(4):
        trial = oracle.create_trial(f"worker {i}")
        oracle.update_trial(trial.trial_id, {"val_accuracy": 0.5})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    best = oracle.get_best_trials(3)
    oracle.trials = dict(reversed(oracle.trials.items()))
    assert oracle.get_best_trials(3) == best


def build_with_odd_names(hp):
    model = build(hp)
    hp.Choice("score", [7, 8])
    hp.Choice("epochs", [70, 80])
    return model


def test_hyperparameters_named_as_columns_are_kept_apart(make):
    table = search(make("random", build_with_odd_names, max_trials=3, max_epochs=1))
    assert set(table["hp.score"]) <= {7, 8}
    assert table["score"].max() <= 1
    assert table["epochs"].tolist() == [1, 1, 1]
    names = ["units", "learning_rate", "hp.score", "hp.epochs"]
    assert table.attrs["hyperparameters"] == names
    assert table.drop(columns="why").round(3).attrs["hyperparameters"] == names


def build_ranked(hp):
    hp.Int("rank", 1, 30)
    hp.Choice("ties", ["a", "b"])
    return build(hp)


def test_hyperparameters_named_rank_and_ties_are_kept_apart(make):
    tuner = make("random", build_ranked, max_trials=10)
    oracle = tuner.oracle
    for _ in range(10):
        trial = oracle.create_trial("worker")
        score = trial.hyperparameters.get("rank") / 30
        oracle.update_trial(trial.trial_id, {"val_accuracy": score})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    table = leaderboard(tuner)
    assert table.index.name == "rank"
    np.testing.assert_allclose(table["hp.rank"] / 30, table["score"])
    assert set(table["hp.ties"]) == {"a", "b"}
    page = write_report(tuner.folder).read_text()
    assert "<th>hp.rank</th>" in page
    assert "<td>hp.rank</td>" in page, "its importance"


def test_leaderboard_of_hyperband_has_rungs(make):
    table = search(make(objective="val_loss")).sort_values("trial")
    assert table["score"].min() == leaderboard(make(objective="val_loss"))["score"].iloc[0]
    assert table["bracket"].tolist() == [1, 1, 1, 1, 0, 0]
    assert table["rung"].tolist() == [0, 0, 0, 1, 0, 0]
    assert table["epochs_run"].tolist() == [1, 1, 1, 2, 3, 3]
    assert table["epochs"].tolist() == [1, 1, 1, 3, 3, 3]


def test_leaderboard_counts_the_epochs_before_an_early_stop(make):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    table = search(make("random", max_trials=2), callbacks=[Stop()])
    assert table["epochs_run"].tolist() == [2, 2]


def test_leaderboard_before_the_search(make):
    table = leaderboard(make())
    assert len(table) == 0
    assert table.attrs["hyperparameters"] == []
    with pytest.raises(ValueError, match="needs 8 different settings .* Received: 0"):
        importance(table)


def build_that_fails(hp):
    model = build(hp)
    if hp.get("learning_rate") == 0.1:
        raise RuntimeError("no such rate")
    return model


def test_a_failed_trial_does_not_end_the_search(make, capsys):
    tuner = make("grid", build_that_fails, max_epochs=1)
    table = search(tuner, verbose=1)
    assert len(table) == 12
    failed = table[table["learning_rate"] == 0.1]
    assert set(failed["status"]) == {"failed"}
    assert failed["score"].isna().all()
    assert table["score"].iloc[:8].notna().all()
    assert capsys.readouterr().out.count("failed: RuntimeError: no such rate") == 4


@pytest.mark.slow
def test_progress_is_one_line_a_trial(make, capsys):
    search(make("random", max_trials=1, max_epochs=1))
    assert capsys.readouterr().out == ""
    search(make(name="loud"), verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert lines[3].startswith("trial 4 of 6 | val_accuracy 0.")
    assert ", best 0." in lines[3]
    assert " s left | bracket 1 rung 1 units=" in lines[3]
    assert "left" not in lines[5]
    assert lines[-1].startswith("6 trials, 0 of them failed, best 0.")
    search(make(name="loud"), verbose=1)
    said = capsys.readouterr().out
    assert said.startswith("Nothing left to run: this search is finished. 6 trials, 0 of them")
    assert ": bracket " in said


def test_leaderboard_has_the_number_of_weights(make):
    table = search(make("random", max_trials=3, max_epochs=1))
    # 3 inputs and a bias for each unit; one output for each, and its bias
    np.testing.assert_array_equal(table["parameters"], 5 * table["units"] + 1)


def test_time_left_from_the_trials_before(make):
    progress = make("random", max_trials=6).oracle._display
    oracle = progress.oracle
    progress.start(print, [1, 3, 2, 5, 5, 4])
    for epochs in (1, 3, 2):
        trial = oracle.create_trial("me")
        cost = {"epochs_run": epochs, "seconds": 2 + 10 * epochs}
        oracle.update_trial(trial.trial_id, {"val_accuracy": 0.5, **cost})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert progress.seconds_left() == pytest.approx(3 * 2 + 14 * 10)


def test_durations():
    said = [duration(seconds) for seconds in (0, 59.6, 600, 36_000, 3.6e6, float("nan"))]
    assert said == ["0 s", "60 s", "10 min", "10.0 h", "1,000.0 h", "an unknown time"]


@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_old_checkpoints_are_deleted(large):
    table = leaderboard(large)
    kept = len(list(large.folder.glob("trial_*/checkpoint.weights.h5")))
    assert 10 <= kept < len(table)
    for model, (_, trial) in zip(large.get_best_models(10), table.iterrows(), strict=False):
        score = model.evaluate(X[24:], Y[24:], verbose=0)[0]
        assert score == pytest.approx(trial["score"])


@pytest.mark.slow
def test_best_model_is_judged_on_held_out_data(make):
    tuner = make("random", max_trials=2, max_epochs=1, objective="val_loss")
    table = search(tuner)
    held_out = X[:8], 1 - Y[:8]
    data = {"x": X, "y": Y, "validation_split": 0.25, "test_data": held_out}
    model, scores = best_model(tuner, **data, epochs=10)
    assert model.layers[0].units == table["units"].iloc[0]
    expected = model.evaluate(*held_out, verbose=0, return_dict=True)
    assert scores == pytest.approx(expected)
    again = best_model(tuner, **data, epochs=10)[1]
    assert again == scores


def test_best_model_has_the_weights_of_its_best_epoch(make):
    tuner = make("random", max_trials=2, objective="val_loss")
    search(tuner)
    callbacks = Count.start()
    model, _ = best_model(
        tuner, X, Y, validation_data=(X, 1 - Y), test_data=(X, Y), callbacks=callbacks, patience=2
    )
    assert len(Count.epochs) < 6, "learning the opposite, it stops early"
    losses = [logs["val_loss"] for logs in Count.epochs]
    assert model.evaluate(X, 1 - Y, verbose=0)[0] == pytest.approx(min(losses))


def test_best_model_that_learns_its_shape_from_the_data(make):
    tuner = make("grid", build_without_input, max_epochs=1)
    search(tuner)
    held_out = X[:8], Y[:8]
    model, scores = best_model(tuner, X, Y, validation_split=0.25, test_data=lambda: held_out)
    assert scores == pytest.approx(model.evaluate(*held_out, verbose=0, return_dict=True))


class ReturnsANumber(kt.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        history = model.fit(*args, **kwargs)
        return min(history.history["val_loss"])


def test_best_model_by_an_objective_that_only_fit_knows(make):
    tuner = make("random", ReturnsANumber(), max_trials=2, objective=None)
    table = search(tuner)
    callbacks = Count.start()
    weights = np.linspace(0, 1, 8)
    held_out = X[:8], Y[:8], weights
    data = {"validation_split": 0.25, "test_data": held_out, "epochs": 5, "callbacks": callbacks}
    model, scores = best_model(tuner, X, Y, **data)
    assert model.layers[0].units == table["units"].iloc[0]
    assert len(Count.epochs) == 5, "nothing stops it"
    assert scores == model.evaluate(
        *held_out[:2], sample_weight=weights, verbose=0, return_dict=True
    )


class SetsApart(kt.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, x, y, **kwargs):
        return model.fit(x[:24], y[:24], validation_data=(x[24:], y[24:]), **kwargs)


def test_best_model_where_fit_sets_data_apart(make):
    tuner = make("random", SetsApart(), max_trials=2, max_epochs=1)
    tuner.search(X, Y, verbose=0)
    callbacks = Count.start()
    held_out = X[:8], Y[:8]
    model, scores = best_model(tuner, X, Y, test_data=held_out, callbacks=callbacks)
    assert all("val_accuracy" in logs for logs in Count.epochs)
    assert scores == model.evaluate(*held_out, verbose=0, return_dict=True)


def test_best_model_of_an_unfinished_search(make):
    with pytest.raises(ValueError, match="No trial of 'search' is completed"):
        best_model(make(), X, Y, validation_split=0.2, test_data=(X, Y))


def test_best_model_without_validation_data(make):
    tuner = make("random", max_trials=1, max_epochs=1)
    search(tuner)
    with pytest.raises(ValueError, match=r"\['val_accuracy'\] needs validation_data"):
        best_model(tuner, X, Y, test_data=(X, Y))
