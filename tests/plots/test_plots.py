"""Figures: what is drawn equals what was given."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gru_tf.plots import (
    PALETTE,
    plot_confusion,
    plot_forecast,
    plot_gates,
    plot_history,
    plot_search,
)


@pytest.fixture(autouse=True)
def _close_figures():
    before = dict(plt.rcParams)
    yield
    plt.close("all")
    assert dict(plt.rcParams) == before, "matplotlib's settings must be left alone"


def _lines(ax):
    return {line.get_label(): line.get_xydata().tolist() for line in ax.get_lines()}


def test_history_draws_training_and_validation_by_epoch():
    ax = plot_history({"mae": [3.0, 2.0], "val_mae": [4.0, 5.0], "loss": [9.0, 9.0]}, "mae")
    assert _lines(ax) == {"training": [[1, 3], [2, 2]], "validation": [[1, 4], [2, 5]]}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "mae")
    assert ax.get_title() == "mae by epoch"


def test_history_of_keras_and_without_validation():
    import keras

    rng = np.random.default_rng(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    history = model.fit(rng.normal(size=(8, 2)), rng.normal(size=8), epochs=3, verbose=0)
    lines = _lines(plot_history(history))
    assert list(lines) == ["training"]
    np.testing.assert_allclose(
        lines["training"], np.column_stack([[1, 2, 3], history.history["loss"]])
    )


def test_histories_of_two_models_share_axes():
    ax = plot_history({"loss": [2.0, 1.0]}, label="GRU")
    same = plot_history({"loss": [3.0, 2.5]}, label="LSTM", color=PALETTE[1], ax=ax)
    assert same is ax
    assert list(_lines(ax)) == ["GRU training", "LSTM training"]
    assert [line.get_color() for line in ax.get_lines()] == list(PALETTE[:2])


def test_history_without_the_metric():
    with pytest.raises(ValueError, match=r"\['loss'\].*'accuracy'"):
        plot_history({"loss": [1.0]}, "accuracy")


def test_gates_as_heat_maps_with_words():
    rng = np.random.default_rng(1)
    z, h = rng.uniform(size=(4, 3)), rng.uniform(-1, 1, size=(4, 2))
    words = ["not", "a", "bad", "film"]
    axes = plot_gates({"update gate z": z, "state h": h}, words)
    assert [ax.get_title(loc="left") for ax in axes] == ["update gate z", "state h"]
    for ax, values, low in zip(axes, (z, h), (0, -1), strict=True):
        image = ax.get_images()[0]
        np.testing.assert_array_equal(image.get_array(), values.T)
        assert image.get_clim() == (low, 1)
        assert ax.get_ylabel() == "unit"
    assert [label.get_text() for label in axes[-1].get_xticklabels()] == words
    assert axes[-1].get_xticks().tolist() == [1, 2, 3, 4]


def test_gates_as_lines():
    r = np.random.default_rng(2).uniform(size=(5, 2))
    (ax,) = plot_gates({"reset gate r": r}, style="lines", title="A signal")
    drawn = np.array([line.get_ydata() for line in ax.get_lines()]).T
    np.testing.assert_array_equal(drawn, r)
    assert ax.get_lines()[0].get_xdata().tolist() == [1, 2, 3, 4, 5]
    assert ax.get_xlabel() == "time step"
    assert ax.figure.get_suptitle() == "A signal"


def test_gates_on_given_axes():
    _, given = plt.subplots(2)
    gates = {"z": np.zeros((3, 1)), "r": np.ones((3, 1))}
    assert list(plot_gates(gates, axes=given)) == list(given)


@pytest.mark.parametrize(
    ("gates", "options", "message"),
    [
        ({"z": np.zeros(3)}, {}, r"\(time, units\).*\(3,\)"),
        ({}, {}, "must hold arrays"),
        ({"z": np.zeros((3, 1)), "r": np.zeros((4, 1))}, {}, "same number of time steps"),
        ({"z": np.zeros((3, 1))}, {"labels": ["a"]}, "1 labels"),
        ({"z": np.zeros((3, 1))}, {"style": "bars"}, "'bars'"),
    ],
)
def test_gates_of_wrong_shape(gates, options, message):
    with pytest.raises(ValueError, match=message):
        plot_gates(gates, **options)


def test_gates_with_too_few_axes():
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="axes must be 2, one per gate. Received: 1"):
        plot_gates({"z": np.zeros((3, 1)), "r": np.zeros((3, 1))}, axes=ax)


# Four trials in the order 1..4 cost 2, 2, 3 and 4 epochs; the third failed.
TRIALS = {
    "trial": [4, 1, 2, 3],
    "epochs_run": [4, 2, 2, 3],
    "score": [0.9, 0.7, 0.6, np.nan],
}


@pytest.mark.parametrize("table", [TRIALS, pd.DataFrame(TRIALS)])
def test_search_by_epochs_spent(table):
    ax = plot_search(table, label="Hyperband")
    trials, best = ax.get_lines()
    assert trials.get_label() == "Hyperband trials"
    assert trials.get_xdata().tolist() == [2, 4, 7, 11]
    np.testing.assert_array_equal(trials.get_ydata(), [0.7, 0.6, np.nan, 0.9])
    assert best.get_ydata().tolist() == [0.7, 0.7, 0.7, 0.9]
    assert ax.get_ylabel() == "val_accuracy"
    assert "epochs" in ax.get_xlabel()


def test_search_for_a_low_score():
    _, best = plot_search(TRIALS, direction="min", metric="val_loss").get_lines()
    assert best.get_ydata().tolist() == [0.7, 0.6, 0.6, 0.6]


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ({"trial": [1]}, {}, r"\['epochs_run', 'score'\]"),
        (TRIALS, {"direction": "up"}, "'up'"),
        (TRIALS, {"view": "pie"}, '"slices" or "brackets".*pie'),
        (TRIALS, {"view": "brackets"}, r"\['bracket', 'rung', 'epochs'\]"),
        (pd.DataFrame(TRIALS), {"view": "slices"}, "which columns of the table hold some"),
        (TRIALS, {"view": "slices", "hyperparameters": ["units"]}, r"Received: \['units'\]"),
    ],
)
def test_search_with_bad_input(table, options, message):
    with pytest.raises(ValueError, match=message):
        plot_search(table, **options)


# Two settings on rung 0 of bracket 1, the better of which is promoted; one in bracket 0.
RUNGS = pd.DataFrame(
    {
        "trial": [1, 2, 3, 4],
        "score": [0.6, 0.7, 0.8, 0.5],
        "units": [8, 16, 16, 4],
        "rate": [0.1, 0.01, 0.01, 0.1],
        "bracket": [1, 1, 1, 0],
        "rung": [0, 0, 1, 0],
        "epochs": [1, 1, 3, 3],
        "epochs_run": [1, 1, 2, 3],
        "seconds": [1.0, 1.0, 2.0, 3.0],
        "parameters": [80, 160, 160, 40],
        "status": 4 * ["completed"],
        "why": 4 * [""],
    }
)


NAMES = ["units", "rate"]


def test_search_by_bracket():
    ax = plot_search(RUNGS, "brackets", hyperparameters=NAMES)
    lines = {tuple(line.get_xdata()): line for line in ax.get_lines()}
    assert set(lines) == {(1,), (1, 3), (3,)}
    assert lines[1, 3].get_ydata().tolist() == [0.7, 0.8]
    assert lines[1, 3].get_color() == lines[1,].get_color() != lines[3,].get_color()
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["bracket 0", "bracket 1"]


def test_search_by_hyperparameter():
    table = RUNGS.copy()
    table.attrs["hyperparameters"] = NAMES  # as a leaderboard has them
    axes = plot_search(table, "slices", metric="val_accuracy")
    assert [ax.get_xlabel() for ax in axes] == ["units", "rate"]
    first, promoted = axes[0].get_lines()
    assert first.get_xdata().tolist() == [1, 2, 0]  # among 4, 8 and 16 units
    assert first.get_ydata().tolist() == [0.6, 0.7, 0.5]
    assert promoted.get_ydata().tolist() == [0.8]
    assert [text.get_text() for text in axes[0].get_xticklabels()] == ["4", "8", "16"]
    assert axes[0].get_ylabel() == "val_accuracy"


def test_search_by_hyperparameter_without_rungs():
    table = pd.DataFrame({"trial": range(20), "score": np.linspace(0, 1, 20), "units": range(20)})
    (ax,) = plot_search(table, "slices", hyperparameters=["units"])
    assert ax.get_lines()[0].get_xdata().tolist() == list(range(20))
    assert ax.get_legend() is None


def test_search_by_setting():
    table = RUNGS.assign(kind=["a", "b", "b", None], same=1)
    names = ["units", "rate", "kind", "same"]  # the last never differs: it is left out
    ax = plot_search(table, "parallel", metric="accuracy", hyperparameters=names)
    drawn = {line.get_gid(): line for line in ax.get_lines() if line.get_gid()}
    assert list(drawn) == ["trial-4", "trial-1", "trial-3"], "the best last, each setting once"
    expected = {1: [1 / 3, 1, 0, 1 / 3], 3: [1, 0, 1, 1], 4: [0, 1, np.nan, 0]}
    for trial, heights in expected.items():
        np.testing.assert_allclose(drawn[f"trial-{trial}"].get_ydata(), heights)
    shades = [sum(line.get_color()[:3]) for line in drawn.values()]
    assert shades == sorted(shades, reverse=True), "the darker, the better"
    names = [text.get_text() for text in ax.get_xticklabels()]
    assert names == ["units", "rate", "kind", "accuracy"]
    rates = RUNGS.assign(rate=[1e-4, 1e-3, 1e-2, 1e-3], units=[1, 2, 3, 4])
    ax = plot_search(rates, "parallel", direction="min", hyperparameters=["rate"])
    heights = {line.get_gid(): line.get_ydata()[0] for line in ax.get_lines() if line.get_gid()}
    assert heights == pytest.approx({"trial-1": 0, "trial-4": 0.5, "trial-3": 1})


def test_forecasts_are_drawn_over_the_series_at_their_times():
    time = np.arange("2014-01-01T00", "2014-01-01T04", dtype="datetime64[h]")
    forecasts = {"GRU": [np.nan, 2.0, 3.5, 4.0], "persistence": [np.nan, 1.0, 2.0, 3.0]}
    labels = {"ylabel": "temperature (\u00b0C)", "title": "A night"}
    ax = plot_forecast([1.0, 2.0, 3.0, 4.0], forecasts, time, **labels)
    drawn = {line.get_label(): line for line in ax.get_lines()}
    assert list(drawn) == ["actual", "GRU", "persistence"]
    np.testing.assert_array_equal(drawn["actual"].get_ydata(), [1, 2, 3, 4])
    for name, values in forecasts.items():
        np.testing.assert_array_equal(drawn[name].get_ydata(), values)
        np.testing.assert_array_equal(drawn[name].get_xdata(orig=True), time)
    assert len({line.get_color() for line in ax.get_lines()}) == 3
    assert (ax.get_ylabel(), ax.get_title()) == ("temperature (\u00b0C)", "A night")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(drawn)


def test_forecasts_number_the_steps_and_share_axes():
    ax = plot_forecast([5, 6], {})
    assert plot_forecast([7, 8], {"GRU": [7, 8]}, ax=ax) is ax
    assert [line.get_xdata().tolist() for line in ax.get_lines()] == 3 * [[0, 1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0]], {}), r"actual must be \(time,\).*\(1, 1\)"),
        (([1.0, 2.0], {"GRU": [1.0]}), r"'GRU'. must have 2 rows. Received shape: \(1,\)"),
        (([1.0, 2.0], {}, [0]), r"time must have 2 rows. Received shape: \(1,\)"),
    ],
)
def test_forecasts_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_forecast(*arguments)


def test_confusion_counts_as_scikit_learn_does():
    from sklearn.metrics import confusion_matrix

    rng = np.random.default_rng(0)
    actual = rng.integers(0, 3, 200)
    predicted = np.where(rng.uniform(size=200) < 0.7, actual, rng.integers(0, 4, 200))
    ax = plot_confusion(actual, predicted, list("abcd"), title="Letters")  # no case of class d
    counts = confusion_matrix(actual, predicted, labels=range(4))
    assert [int(text.get_text()) for text in ax.texts] == counts.ravel().tolist()
    assert [text.get_position() for text in ax.texts[:2]] == [(0, 0), (1, 0)]
    shares = np.asarray(ax.get_images()[0].get_array())
    expected = confusion_matrix(actual, predicted, labels=range(4), normalize="true")
    np.testing.assert_allclose(shares, expected)
    assert [label.get_text() for label in ax.get_xticklabels()] == list("abcd")
    assert [label.get_text() for label in ax.get_yticklabels()] == list("abcd")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "actual class")


@pytest.mark.parametrize(
    ("actual", "predicted", "name"),
    [
        ([0, 2], [0, 1], "actual"),
        ([0, 1], [0, -1], "predicted"),
        ([0, 1], [0], "predicted"),
        ([0, 1], [0.2, 0.8], "predicted"),
        ([[0]], [[0]], "actual"),
    ],
)
def test_confusion_names_what_are_no_classes(actual, predicted, name):
    with pytest.raises(ValueError, match=f"{name} must be classes.* from 0 to 1.* Received"):
        plot_confusion(actual, predicted, ["a", "b"])
