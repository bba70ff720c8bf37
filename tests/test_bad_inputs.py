"""Bad input to every public function: refused in words of its own, before any work is done.

A new public name enters ROWS, with bad values for each of its arguments, or OTHERS.
"""

import dataclasses
import functools
import inspect
import re
import traceback
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd
import pytest

import gru_tf
from gru_tf import (
    convert,
    datasets,
    equations,
    exercises,
    interactive,
    models,
    plots,
    text,
    tuning,
    weights,
)
from gru_tf.datasets import files
from gru_tf.datasets.swings import best_guess
from gru_tf.tuning.report import write_report

PACKAGE = Path(gru_tf.__file__).parent
WINGS = (gru_tf, datasets, exercises, interactive, models, plots, text, tuning)
MODULES = (convert, equations, weights)  # without __all__: what is defined there is public


@dataclasses.dataclass
class Row:
    """A call that is right, and for each of its arguments what can't be taken."""

    call: object
    good: dict
    bad: dict  # argument: list of bad values
    left: tuple = ()  # arguments that anything may be given for


# What is no argument of its kind.
FLAGS = ["yes", "no", "", None, 1, 0, 2.0, [], [True], np.array([True, False])]
TEXTS = [None, 3, "one text", b"text", [1], ["a", None], [b"a"], {"a": 1}, [["a"]], {"a"}]
WORDS = [None, 3, "one text", {"a": 1}, [3], [[1]], [None], [["a"], 3], [{"a"}], [["a", 5]]]
WORDS += [[b"ab"], [["a", []]], pd.DataFrame({"a": [["b"]]})]
CHOICE = [None, 3, "", "yes", "KEEP", True, ["keep"], b"keep", ("write", "keep"), np.array(["a"])]
ARRAY = [None, "a", {"a": 1}, [[1.0], [1.0, 2.0]], ["a"], [None], object(), {1.0}, 1j]
FINITE = [*ARRAY, [np.nan], [np.inf], 3.0]
IDS = [None, 3, "ab", 2.5, ["a"], [1.5], [[1], [1, 2]], {"a": 1}, [None], [[1.5]]]
ID_LISTS = [None, 3, "ab", [], [3], [[1.5]], [["a"]], [[-1]], {"a": 1}, [None], {1, 2}]
FUNCTION = [None, 3, "name", [len], {}, 2.5, b"", (), True, np.zeros(2)]
AXES = ["axes", 3, [], {}, True, 2.5, np.zeros(2), (), b"", object()]


def whole(least):
    return [None, "3", 2.5, True, [3], np.nan, 3j, b"3", {}, least - 1]


def number(*outside):
    return [None, "a", True, [0.5], np.nan, np.inf, 1j, *outside]


def optional(bad):
    return [value for value in bad if value is not None]


def masked(values):
    return np.ma.masked_array(values, mask=[True, *[False] * (len(values) - 1)])


def generator(values=()):
    return (value for value in values)


def some_weights(**options):
    return weights.GRUWeights.random(2, 3, seed=0, **options)


@functools.cache
def some_trace():
    return equations.gru_forward(np.zeros((2, 4, 2)), some_weights(), return_trace=True)[1]


@functools.cache
def some_model():
    return models.build_language_model(num_tokens=6, embedding_dim=2, units=3)


@functools.cache
def some_translator():
    return models.build_translator(num_source=6, num_target=6, units=2)


def some_reviews():
    ids = np.zeros((2, 5), "int32")
    parts = [ids, np.zeros(2, "int32")] * 3
    return datasets.Reviews(*parts, word_index={"a": 4}, truncating="pre")


def some_step(words, states):
    raise AssertionError("work has started")


def some_chorales():
    midi = tuple(np.arange(60 + i, 75 + i, dtype="int32") for i in range(10))
    quarters = tuple(np.ones(15, "float32") for _ in midi)
    return datasets.Chorales(tuple("abcdefghij"), midi, quarters)


def some_builder(hp):
    raise AssertionError("work has started")


W = some_weights().arrays()
CONCATENATED = ["W_z", "W_r", "W_h", "b_z", "b_r", "b_h"]
TOGETHER = dict(zip(CONCATENATED, some_weights().to_concatenated(), strict=True))
TORCH = convert.to_torch(some_weights(reset_after=True, update_gate="keep"))
ONNX = convert.to_onnx(some_weights())
TUNER = [None, 3, "tuner", [], {}, object, kt.Tuner, lambda: None, some_builder, np.zeros(2)]
MODEL = [None, 3, "model", [], {}, object(), keras.Model, lambda x: x, np.zeros(2), b""]
PATH_NAME = [None, 3, "", ".", "..", "a/b", b"a", ["a"], True, "a/"]
SEARCH = {"max_epochs": 3, "directory": "nowhere", "name": "try", "build": some_builder}
LAYER = "as Keras' layers take it"


def row(call, good, *left, **bad):
    return Row(call, good, bad, left)


GATES = {"update_gate": CHOICE, "reset_after": FLAGS}
# fmt: off
ROWS = {
    # The layers: what is Keras' own is refused by Keras, or not.
    "gru_tf.GRU": row(
        gru_tf.GRU,
        {"units": 3},
        ...,
        units=whole(1),
        use_cudnn=["yes", None, 2, [], "True"],
        **GATES,
    ),
    "gru_tf.GRUCell": row(gru_tf.GRUCell, {"units": 3}, ..., units=whole(1), **GATES),
    "gru_tf.MinGRU": row(
        gru_tf.MinGRU,
        {"units": 3},
        ...,
        units=whole(1),
        update_gate=CHOICE,
        dropout=number(-0.1, 1, 1.0),
    ),
    "gru_tf.GRU()": row(
        lambda sequences, mask: gru_tf.GRU(3)(sequences, mask=mask),
        {"sequences": np.zeros((2, 5, 1), "float32"), "mask": None},
        sequences=[np.zeros((2, 0, 1), "float32"), np.zeros((2, 5, 1), complex)],
        mask=[
            np.ones(shape, bool)
            for shape in [(2,), (5,), (2, 4), (3, 5), (5, 2), (2, 5, 2), (2, 5, 1, 1), (1, 1)]
        ],
    ),
    # The data
    "datasets.bucket_by_length": row(
        datasets.bucket_by_length,
        {"x": [[1, 7], [1, 7, 8]], "y": [0, 1]},
        x=[
            *ID_LISTS, np.zeros((2, 0), int), np.zeros((2, 3)), np.array(3), [[0, 1]],
            [[1, 2**31]], generator([[1, 2]]), [[[1], [2, 3]]],
            np.ma.masked_array([[1, 2]], mask=[[0, 1]]), {1, 2}, [[[np.nan]]], np.array([[0, 1]]),
            [[[1j]]],
        ],
        y=[
            *optional(ARRAY), 3, [1], [0, np.nan], [[[0]], [[1]]], generator([0, 1]),
            masked([0, 1]),
        ],
        batch_size=whole(1),
        shuffle=FLAGS,
        seed=whole(0),
        every_step=FLAGS,
        sample_weight=[
            "a", 3, [1], [1, np.nan], ["a", "b"], [[1, 1]], masked([1, 1]), {}, 1j, [-1],
        ],
    ),
    "datasets.bucket_by_length every step": row(
        functools.partial(datasets.bucket_by_length, every_step=True),
        {"x": [[1, 7], [1, 7, 8]], "y": [[0, 1], [1, 1, 1]]},
        "x",
        "batch_size",
        "shuffle",
        "seed",
        "sample_weight",
        "every_step",
        y=[
            3, "ab", [0, 1], [[0], [1]], [["a", "b"], [1, 1, 1]], [[0, 1]], {}, [None, None], [[]],
            object(),
        ],
    ),
    "datasets.pad_left": row(
        datasets.pad_left,
        {"x": [[1, 7], [1]]},
        x=[
            *ID_LISTS, np.zeros((2, 0), int), [[0, 1]], [[1, 2**31]], generator([[1]]),
            np.zeros((2, 3)), np.zeros((2, 3, 1)), np.ma.masked_array([[1, 2]], mask=[[0, 1]]),
        ],
    ),
    "datasets.make_windows": row(
        datasets.make_windows,
        {"series": np.arange(9.0), "window": 2},
        series=[
            *FINITE, [1.0], [], np.zeros((9, 1, 1)), generator([1, 2, 3, 4]),
            masked(np.arange(9.0)), [True] * 9, [1j] * 9,
        ],
        window=[*whole(1), 9, 100],
        horizon=[*whole(1), 8],
        every_step=FLAGS,
    ),
    "datasets.load_results": row(
        datasets.load_results,
        {"name": "tuning"},
        name=[
            None, 3, "", "x" * 5000, "../results/tuning", "tuning.json", ["tuning"], b"a", True,
            "tuning\0",
        ],
    ),
    "datasets.load_imdb": row(
        datasets.load_imdb,
        {},
        source=CHOICE,
        num_words=whole(5),
        maxlen=whole(1),
        truncating=CHOICE,
        seed=whole(0),
    ),
    "datasets.load_review_sentences": row(
        datasets.load_review_sentences,
        {},
        word_index=[
            3, "a", ["a"], {"the": "a"}, {"the": 4.0}, {"the": -4}, {"the": 3}, {4: 4},
            {"a": 4, "b": 4}, {"the": True}, {"the": 2**31}, {"the": None},
        ],
        num_words=whole(5),
        maxlen=whole(1),
        truncating=CHOICE,
        seed=whole(0),
    ),
    "datasets.load_review_texts": row(datasets.load_review_texts, {}, seed=whole(0)),
    "datasets.Reviews.encode": row(
        some_reviews().encode, {"texts": ["a"]}, texts=[*TEXTS, generator([1]), np.zeros(2)]
    ),
    "datasets.Reviews.decode": row(
        some_reviews().decode, {"ids": [1, 4]}, ids=[*IDS, [[1, 4]], [np.nan], [-1]]
    ),
    "datasets.load_next_value": row(
        datasets.load_next_value,
        {},
        window=whole(1),
        n_train=whole(1),
        n_valid=whole(1),
        n_test=whole(1),
        seed=whole(0),
        noise=number(0, -1, 1e-200, 1e300, 10**400),
        periods=[
            None, 3, "ab", (3,), (3, 2), (3, np.inf), ("a", "b"), (3, None), (3, 4, 5),
            (3, np.nan), {3, 4}, (3, True),
        ],
    ),
    "datasets.swings.best_guess": row(
        best_guess,
        {"x": np.zeros((2, 4, 1))},
        x=[
            *ARRAY, 3.0, np.zeros((2, 4)), np.zeros((2, 1, 1)), np.zeros((2, 4, 2)),
            [[[np.nan]] * 2],
        ],
        noise=number(0, -1, 1e-200, 1e300, 10**400),
        periods=[None, 3, "ab", (3,), (3, 2), (3, np.inf), (3, None), (3, 4, 5), {3, 4}],
    ),
    "datasets.load_date_pairs": row(
        datasets.load_date_pairs,
        {},
        n=[*whole(1), 34_526],
        seed=whole(0),
        forms=[
            None, 3, "d/M/yy", [], ["x"], [3], {"d/M/yy"}, [["d/M/yy"]], generator(["d/M/yy"]),
            ["d/M/yy", None],
        ],
    ),
    "datasets.load_english_french": row(
        datasets.load_english_french,
        {},
        seed=whole(0),
        min_words=whole(1),
        max_words=whole(2),
    ),
    "datasets.load_boston_housing": row(
        datasets.load_boston_housing, {}, include_b=FLAGS, corrected=FLAGS
    ),
    "datasets.split_by_melody": row(
        datasets.split_by_melody,
        {"chorales": some_chorales()},
        chorales=[
            None, 3, "bach", [], {}, some_chorales().midi, np.zeros(3), datasets.Chorales,
            some_reviews(), True,
        ],
        n_intervals=whole(1),
        seed=whole(0),
    ),
    **{
        f"datasets.{name}": row(getattr(datasets, name), {})
        for name in [
            "load_basic_motions", "load_chorales", "load_ecg", "load_japanese_vowels",
            "load_stocks", "load_weather",
        ]
    },
    "exercises.check": row(
        exercises.check,
        {"number": "07.1"},
        "answers",
        number=[None, 3, "", "7.1", "99.9", ["07.1"], True, 7.1, b"07.1", "07.1 "],
    ),
    # The models
    "models.teacher_inputs": row(
        models.teacher_inputs,
        {"targets": np.array([[5, 2, 0]]), "start": 1, "end": 2},
        targets=[
            None, 3, "ab", [[1.5]], [["a"]], [1], [[1], [1, 2]], np.zeros((1, 2)), {},
            np.zeros((1, 0), int), [[-1]],
        ],
        start=whole(1),
        end=whole(0),
    ),
    "models.encode": row(
        models.encode,
        {"model": some_translator(), "source": np.array([[5, 2, 0]])},
        model=[*MODEL, some_model()],
        source=[
            None, 3, "ab", [[1.5]], [["a"]], [1], [[1], [1, 2]], np.zeros((1, 2)), {},
            np.zeros((1, 0), int), [[-1]], [[6]],
        ],
    ),
    "models.decode_step": row(
        models.decode_step,
        {"model": some_translator(), "words": np.array([1]), "states": [0] * 3},
        model=[*MODEL, some_model()],
        words=[None, 3, "ab", [1.5], ["a"], [[1]], [[1], [1, 2]], np.zeros(2), {}, [-1], [6]],
        states=[None, 3, "ab", [], [1], {}, np.zeros((3, 1, 2)), (1, 2), generator([1, 2, 3]), b""],
    ),
    # The figures
    "plots.plot_cell": row(
        plots.plot_cell, {}, "title", reset_after=FLAGS, backward=FLAGS, ax=AXES
    ),
    "plots.plot_confusion": row(
        plots.plot_confusion,
        {"actual": [0, 1], "predicted": [1, 1], "class_names": ["a", "b"]},
        "title",
        actual=[*IDS, [0, 2], [-1, 0], [[0, 1]], [0]],
        predicted=[*IDS, [0, 2], [-1, 0], [[0, 1]], [0]],
        class_names=[None, 3, "ab", [], {}, [1, 2], [None, None], {"a", "b"}, b"ab", True],
        ax=AXES,
    ),
    "plots.plot_forecast": row(
        plots.plot_forecast,
        {"actual": [1.0, 2.0], "forecasts": {"a": [1.0, 2.0]}},
        "xlabel",
        "ylabel",
        "title",
        actual=[*ARRAY, 3.0, [[1.0, 2.0]]],
        forecasts=[
            None, 3, "a", [1.0, 2.0], {"a": [1.0]}, {"a": "b"}, {"a": None}, {"a": 3.0},
            {"a": [[1.0, 2.0]]}, {"a": ["b", "c"]}, {"a", "b"},
        ],
        time=[
            "ab", 3, [1.0], [[0, 1]], {}, ["a", "b"], [None, None], [1j, 2j], object(),
            [[1], [1, 2]],
        ],
        ax=AXES,
    ),
    "plots.plot_gates": row(
        plots.plot_gates,
        {"gates": {"z": np.zeros((3, 2))}},
        "title",
        gates=[
            None, 3, "z", [], {}, np.zeros((3, 2)), {"z": [1.0]}, {"z": "a"}, {"z": None},
            {"z": [["a"]]}, {"z": np.zeros((0, 2))},
        ],
        labels=[3, "abc", ["a"], {}, [], {"a", "b", "c"}, True, 2.5, [[1], [2]], b"abc"],
        style=CHOICE,
        axes=[*AXES, [3]],
    ),
    "interactive.GatePanel": row(interactive.GatePanel, {}, preset=CHOICE),
    "plots.plot_history": row(
        plots.plot_history,
        {"history": {"loss": [0.5]}},
        "label",
        "color",
        "title",
        history=[
            None, 3, "loss", [0.5], {}, {"acc": [1.0]}, {"loss": "a"}, {"loss": 3}, {"loss": None},
            {"loss": [[0.5]]}, np.zeros(2),
        ],
        metric=[None, 3, "", "accuracy", ["loss"], {}, True, b"loss", ("loss",), 0.5],
        ax=AXES,
    ),
    "plots.plot_search": row(
        plots.plot_search,
        {"table": {"trial": [1], "epochs_run": [2], "score": [0.5]}},
        "hyperparameters",
        "metric",
        "label",
        "color",
        "title",
        table=[
            None, 3, "trial", [], {}, {"trial": [1]}, np.zeros(3), {"trial", "score"},
            {"trial": [1], "epochs_run": ["a"], "score": [1]},
            {"trial": [1], "epochs_run": [1, 2], "score": [1]},
            {"trial": None, "epochs_run": None, "score": None},
        ],
        view=CHOICE,
        direction=CHOICE,
        ax=AXES,
    ),
    "plots.plot_search by hyperparameters": row(
        functools.partial(plots.plot_search, view="slices"),
        {"table": tuning.results.pd.DataFrame({"trial": [1], "score": [0.5], "units": [3]})},
        "table",
        "metric",
        "label",
        "color",
        "title",
        "view",
        "direction",
        "ax",
        hyperparameters=[3, "units", ["unit"], [3], {}, True, [None], [["units"]], b"units", 2.5],
    ),
    # Texts
    "text.TextToWordIds": row(
        text.TextToWordIds,
        {"words": ["a"], "maxlen": 3},
        "kwargs",
        words=[None, 3, "word", [1], ["a", "a"], [None], [b"a"], [["a"]], {"a": 4}, {"a"}],
        maxlen=whole(1),
        truncating=CHOICE,
    ),
    "text.read_texts": row(
        text.read_texts,
        {"model": some_model(), "reviews": some_reviews()},
        model=[*MODEL, keras.Sequential()],
        reviews=[
            None, 3, "reviews", [], {}, {"word_index": {}}, datasets.Reviews, np.zeros(2),
            dataclasses.replace(some_reviews(), word_index={"a": 5}),
            dataclasses.replace(some_reviews(), word_index={"a": "b"}), object(),
        ],
    ),
    "text.tokenise": row(
        text.tokenise, {"text": "a"}, text=[None, 3, b"a", ["a"], {}, 2.5, True, ("a",), {"a"}, 1j]
    ),
    "text.index_words": row(
        text.index_words, {"texts": [["a"]], "size": 9}, texts=WORDS, size=whole(5)
    ),
    "text.words_to_ids": row(
        text.words_to_ids,
        {"texts": [["a"]], "word_index": {"a": 4}},
        texts=WORDS,
        word_index=[
            None, 3, "a", ["a"], [("a", 4)], {"a"}, True, 2.5, b"a", object(), {"a": "4"},
            {"a": 4.0}, {"a": True},
        ],
    ),
    "text.ids_to_words": row(
        text.ids_to_words,
        {"ids": [4], "word_index": {"a": 4}},
        ids=[*IDS, [[1]], [np.nan]],
        word_index=[None, 3, "a", ["a"], [("a", 4)], {"a"}, True, 2.5, b"a", object()],
    ),
    "text.learn_dictionary": row(
        text.learn_dictionary,
        {"sources": [["a"]], "targets": [["b"]]},
        sources=[*WORDS, [], [["a"], ["b"]], ["a"]],
        targets=[*WORDS, [], [["a"], ["b"]], ["b"]],
        iterations=whole(1),
    ),
    "text.NGrams": row(
        text.NGrams,
        {"order": 2, "n_tokens": 6},
        order=whole(1),
        n_tokens=whole(1),
        smoothing=CHOICE,
    ),
    "text.NGrams.fit": row(
        text.NGrams(2, 6).fit,
        {"sequences": [[1, 4]]},
        sequences=[*ID_LISTS, [[1, 6]], [[]], [[[1]]], generator([[1, 4]]), [generator([1])]],
    ),
    "text.NGrams.log_probabilities": row(
        text.NGrams(2, 6).fit([[1, 4, 5]]).log_probabilities,
        {"sequences": [[1, 4]]},
        sequences=[*ID_LISTS, [[1, 6]], generator([[1, 4]])],
        order=[*optional(whole(1)), 3],
    ),
    "text.NGrams.distribution": row(
        text.NGrams(2, 6).fit([[1, 4, 5]]).distribution,
        {"sequence": [1, 4]},
        sequence=[*IDS, [], [1, 6], [[1]], [-1]],
        order=[*optional(whole(1)), 3],
    ),
    "text.Perplexity": row(
        text.Perplexity,
        {},
        "name",
        "dtype",
        ignore_class=["0", 2.5, True, [0], np.nan, {}, (), 1j, b"", object()],
        from_logits=FLAGS,
    ),
    "text.log_probabilities": row(
        text.log_probabilities,
        {"model": some_model(), "sequences": [[1, 4]]},
        model=MODEL,
        sequences=[*ID_LISTS, [[1, 6]], generator([[1, 4]])],
        batch_size=whole(1),
    ),
    "text.narrow": row(
        text.narrow,
        {"probabilities": [0.5, 0.5]},
        probabilities=[*FINITE, [], [-0.5, 1.5], [0.0, 0.0], [[0.5, 0.5], [0.0, 0.0]], [1j]],
        temperature=number(0, -1),
        top_k=optional(whole(1)),
        top_p=optional(number(0, 1.1, -1)),
    ),
    "text.sample_texts": row(
        text.sample_texts,
        {"model": some_model()},
        model=[*MODEL, some_translator()],
        n=whole(1),
        max_length=whole(1),
        temperature=number(0, -1),
        top_k=optional(whole(1)),
        top_p=optional(number(0, 1.1)),
        start=[*whole(0), 6],
        end=[*whole(0), 6],
        never=[None, 3, "ab", [1.5], ["a"], [None], [-1], [6], {}, [[1]], [2, 3, 4, 5]],
        seed=whole(0),
    ),
    "text.one_step": row(text.one_step, {"model": some_model()}, model=[*MODEL, some_translator()]),
    "text.longest_copy": row(
        text.longest_copy,
        {"sequence": [4, 5], "sequences": [[4]]},
        sequence=[None, 3, "ab", ["a"], [1.5], [-1], [100_001], [[1]], {}, [None], [True]],
        sequences=[None, 3, "ab", [3], [["a"]], [[1.5]], [[-1]], [[100_001]], {"a": 1}, [None]],
    ),
    "text.recall_earlier": row(
        text.recall_earlier,
        {"tokens": [1, 5, 6]},
        tokens=[None, 3, [], {}, {1, 2}, generator([1, 2]), 2.5, True, object(), np.zeros((3, 2))],
        context=[3, [1, 2], {}, {1, 2, 3}, generator([1, 2, 3]), 2.5, True, object(), "ab", []],
        longest=whole(1),
    ),
    "text.fit_trust": row(
        text.fit_trust,
        {"probabilities": np.array([0.5]), "lengths": np.array([1]), "right": np.array([True])},
        probabilities=[*ARRAY, [1.5], *map(np.array, [[np.nan], [0.5, 0.5], [-0.5], 0.5, []])],
        lengths=[*IDS, *map(np.array, [[1, 2], [-1], [[1]], [0.5]])],
        right=[
            None, 3, "a", [1], {}, *map(np.array, [0.5, ["a"], [True, False], [[True]], [2]]),
        ],
        longest=whole(1),
        n_least=whole(1),
    ),
    "text.count_neighbours": row(
        text.count_neighbours,
        {"x": [[1, 4, 5]], "num_words": 6},
        x=[*IDS, [[1.5]], [[6]], [[-1]], [1, 2], np.zeros((2, 0), int), [[[1]]]],
        num_words=whole(1),
        window=whole(1),
    ),
    "text.learn_word_vectors": row(
        text.learn_word_vectors,
        {"x": [[1, 4, 5]], "num_words": 6, "dim": 2},
        x=[
            *IDS, [[1.5]], [[6]], [[-1]], [1, 2], np.zeros((2, 0), int), [[[1]]], [[4, 0]],
            [[3, 3]],
        ],
        num_words=[*whole(1), 2],
        dim=whole(1),
        window=whole(1),
        seed=whole(0),
    ),
    "text.greedy_search": row(
        text.greedy_search,
        {"step": some_step, "states": [np.zeros((2, 3))], "start": 1, "end": 2, "max_steps": 3},
        step=FUNCTION,
        states=[None, 3, "ab", [], [3], {}, [None], np.zeros(2), [[]], generator()],
        start=whole(0),
        end=whole(0),
        max_steps=whole(1),
    ),
    "text.beam_search": row(
        text.beam_search,
        {"step": some_step, "states": [np.zeros((2, 3))], "start": 1, "end": 2, "max_steps": 3},
        step=FUNCTION,
        states=[
            None, 3, "ab", [], [3], {}, [None], np.zeros(2), [[]], generator(),
            [np.zeros((2, 3)), np.zeros((1, 3))],
        ],
        start=whole(0),
        end=whole(0),
        max_steps=whole(1),
        beam=whole(1),
        length_penalty=number(-1),
    ),
    # Searches
    "tuning.make_tuner": row(
        tuning.make_tuner,
        SEARCH,
        kind=CHOICE,
        build=[*FUNCTION, some_model()],
        max_epochs=whole(1),
        directory=[None, 3, b"a", [], {}, True, 2.5, ["a"], object()],
        name=PATH_NAME,
        objective=[
            ("val_loss",), 3, [], {}, True, ["val_loss", 3], b"val_loss", 2.5, object(), [None],
        ],
        max_trials=[*optional(whole(1)), 3],
        factor=whole(2),
        hyperband_iterations=whole(1),
        num_initial_points=[*optional(whole(1)), 3],
        executions_per_trial=[*whole(1), 2],
        hyperparameters=[3, "units", {"units": 3}, [], True, 2.5, ["units"], object(), (), b""],
        tune_new_entries=FLAGS,
        distribution_strategy=[3, "mirrored", {}, [], True, 2.5, object(), (), b"", some_builder],
        seed=whole(1),
        overwrite=FLAGS,
    ),
    "tuning.leaderboard": row(tuning.leaderboard, {}, tuner=TUNER),
    "tuning.report.write_report": row(
        write_report,
        {"folder": "nowhere"},
        folder=[None, 3, [], {}, True, b"nowhere", "nowhere"],
        path=[3, [], {}, True, b"report.html"],
    ),
}

# Public names that take no input, or any.
OTHERS = {
    "datasets.DATE_FORMS": "a constant",
    "plots.PALETTE": "a constant",
    "interactive.INPUTS": "a constant",
    "interactive.PRESETS": "a constant",
    "interactive.Preset": "a record, of which PRESETS has some",
    **dict.fromkeys(
        [f"text.{name}" for name in ("END", "FIRST_WORD", "PADDING", "START", "UNKNOWN")],
        "a constant",
    ),
    **dict.fromkeys(
        [f"datasets.{name}" for name in datasets.__all__ if name[0].isupper()],
        "a record that its loader fills",
    ),
    "tuning.Price": "a record that price() fills",
    **dict.fromkeys(
        [f"models.{name}" for name in models.__all__ if name.startswith("build_")],
        "to be copied, under import keras alone, whose errors it has",
    ),
    "tuning.build_tunable_sentiment_classifier": "to be copied",
    "equations.sigmoid": "one line to read; gru_forward checks what it is given",
    "equations.gru_step": "the equations to read; gru_forward checks what they are given",
    "equations.Trace": "a record that gru_forward fills",
    "equations.WAYS_BACK": "a constant",
}

ROWS |= {
    "tuning.price": row(
        tuning.price,
        {"tuner": object.__new__(kt.Tuner)},
        "x",
        "y",
        "validation_data",
        tuner=TUNER,
        validation_split=number(-0.1, 1, 1.0),
        batch_size=whole(1),
        steps_per_epoch=optional(whole(1)),
        validation_steps=optional(whole(1)),
        seconds_per_epoch=["a", True, [], [1, 2, 3], -1, np.nan, (1, None), {}, ("a", "b"), 1j],
        seconds_per_trial=number(-1),
        probe_steps=whole(1),
        probe_seconds=number(-1),
    ),
    "tuning.best_model": row(
        tuning.best_model,
        {"tuner": object.__new__(kt.Tuner), "x": 0, "test_data": 0},
        "x",
        "y",
        "test_data",
        "validation_data",
        "options",
        tuner=TUNER,
        validation_split=number(-0.1, 1, 1.0),
        epochs=optional(whole(1)),
        patience=whole(0),
    ),
    # The equations
    "weights.GRUWeights": row(
        weights.GRUWeights,
        {**W, "reset_after": False, "update_gate": "write"},
        **{name: [*FINITE, np.zeros((3, 1)), [[1j]]] for name in W},
        c_h=["a", 3.0, [1.0], [np.nan], [[1.0]], {}, np.zeros(3), [1j], object(), True],
        **GATES,
    ),
    "weights.GRUWeights.random": row(
        weights.GRUWeights.random,
        {"n_x": 2, "n_h": 3},
        n_x=whole(1),
        n_h=whole(1),
        seed=[*optional(whole(0)), [1], {}],
        dtype=[None, 3, "int32", "float16", "a", [], {}, True, int, np.int64, "complex64"],
        **GATES,
    ),
    "weights.GRUWeights.from_concatenated": row(
        weights.GRUWeights.from_concatenated,
        TOGETHER,
        **{name: [*FINITE, [[1j]], np.zeros((7, 2))] for name in TOGETHER},
        **GATES,
    ),
    "weights.GRUWeights.to_concatenated": row(
        some_weights().to_concatenated, {}, update_gate=CHOICE
    ),
    "weights.GRUWeights.with_update_gate": row(
        some_weights().with_update_gate, {"update_gate": "keep"}, update_gate=CHOICE
    ),
    "weights.GRUWeights.arrays": row(some_weights().arrays, {}),
    "weights.check_update_gate": row(
        weights.check_update_gate, {"update_gate": "keep"}, update_gate=CHOICE
    ),
    "weights.as_real_array": row(
        weights.as_real_array,
        {"name": "values", "values": [1.0]},
        "name",
        values=[*ARRAY, [np.nan], [np.inf], masked([1.0, 2.0])],
    ),
    **{
        f"equations.{function.__name__}": row(
            function,
            {"x": np.zeros((2, 4, 2)), "weights": some_weights()},
            x=[*FINITE, np.zeros((2, 4, 1)), np.zeros((2, 0, 2)), np.zeros((4, 2))],
            weights=[None, 3, "w", [], {}, W, np.zeros(2), weights.GRUWeights, True, object()],
            h_0=[
                "a", 3.0, [np.nan], {}, [["a"]], np.zeros((2, 2)), np.zeros(3), object(), 1j,
                [[1.0], [1.0, 2.0]],
            ],
            **more,
        )
        for function, more in [
            (equations.gru_forward, {"return_trace": FLAGS}),
            (equations.check_gradients, {"step": number(0, -1), "seed": whole(0)}),
        ]
    },
    "equations.gru_backward": row(
        equations.gru_backward,
        {"dh": np.zeros((2, 4, 3)), "trace": some_trace()},
        dh=[*FINITE, np.zeros((2, 4, 2))],
        trace=[None, 3, "trace", [], {}, np.zeros(2), equations.Trace, True, object(), W],
        cut=[None, 3, "skip", ["a"], [3], [None], {"skip": 1}, True, [["skip"]], b"skip"],
    ),
    # The notations
    "convert.from_keras": row(
        convert.from_keras,
        {"source": convert.to_keras(some_weights())},
        source=[
            None, 3, "gru", [], {}, [1], keras.layers.GRU, keras.layers.GRU(3),
            keras.layers.Dense(3), [np.zeros((2, 9)), np.zeros((3, 8))], ["a", "b", "c"],
            [np.zeros((2, 9)), np.zeros((3, 9)), np.full(9, np.nan)],
        ],
        reset_after=["yes", "no", "", 2, 2.5, [], True, [True], {}, np.array([True, False])],
        update_gate=[value for value in CHOICE if value is not None],
    ),
    "convert.to_keras": row(
        convert.to_keras,
        {"weights": some_weights()},
        weights=[None, 3, "w", [], {}, W, np.zeros(2), weights.GRUWeights, True, object()],
        update_gate=CHOICE,
    ),
    "convert.from_torch": row(
        convert.from_torch,
        {"source": TORCH},
        source=[
            None, 3, "gru", [], {}, {"a": 1}, np.zeros(2), True, object(),
            {**TORCH, "weight_hh_l0": np.zeros((8, 3))}, {**TORCH, "bias_hh_l0": None},
            {**TORCH, "bias_hh_l0": ["a"] * 9}, {**TORCH, "weight_hr_l0": 1},
        ],
    ),
    "convert.to_torch": row(
        convert.to_torch,
        {"weights": some_weights(reset_after=True)},
        weights=[None, 3, "w", [], {}, W, np.zeros(2), weights.GRUWeights, True, some_weights()],
    ),
    "convert.from_torch_layers": row(
        convert.from_torch_layers,
        {"source": TORCH},
        source=[
            None, 3, "gru", [], {}, {"a": 1}, np.zeros(2), True, object(),
            {**TORCH, "weight_hh_l0": np.zeros((8, 3))}, {**TORCH, "weight_hr_l0": 1},
            {**TORCH, 3: 1},
        ],
    ),
    "convert.to_torch_layers": row(
        convert.to_torch_layers,
        {"layers": [[some_weights(reset_after=True)]]},
        layers=[
            None, 3, "w", [], {}, [[]], [some_weights()], [[None]], np.zeros(2),
            [[some_weights(reset_after=True)]] * 2, [[some_weights()]],
        ],
    ),
    "convert.from_onnx": row(
        convert.from_onnx,
        ONNX,
        W=[*FINITE, np.zeros((2, 9, 2)), np.zeros((1, 8, 2))],
        R=[*FINITE, np.zeros((2, 9, 3)), np.zeros((1, 8, 3))],
        B=[
            "a", 3.0, [1.0], [np.nan], {}, np.zeros((1, 17)), np.zeros((1, 9)),
            [[1.0], [1.0, 2.0]], 1j, object(), np.zeros((2, 18)),
        ],
        linear_before_reset=[None, "1", 2.5, [], {}, [1], "yes", 1j, b"", np.nan],
    ),
    "convert.to_onnx": row(
        convert.to_onnx,
        {"weights": some_weights()},
        weights=[None, 3, "w", [], {}, W, np.zeros(2), weights.GRUWeights, True, object()],
    ),
}
NO_INPUT = (
    "load_basic_motions", "load_chorales", "load_ecg", "load_japanese_vowels", "load_stocks",
    "load_weather", "arrays",
)
# fmt: on


def public_names():
    """Yield what the package offers: names of wings, what modules define, methods of classes."""
    for module in (*WINGS, *MODULES):
        short = module.__name__.removeprefix("gru_tf.")
        names = getattr(module, "__all__", None) or [
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and (name.isupper() or getattr(value, "__module__", None) == module.__name__)
        ]
        for name in names:
            yield f"{short}.{name}"
            value = getattr(module, name)
            if (
                inspect.isclass(value)
                and value.__module__.startswith("gru_tf")
                and not issubclass(
                    value,
                    keras.layers.Layer | keras.metrics.Metric,  # Keras calls their methods
                )
            ):
                for method, found in vars(value).items():
                    if not method.startswith("_") and (
                        inspect.isfunction(found) or isinstance(found, classmethod)
                    ):
                        yield f"{short}.{name}.{method}"


def test_every_public_name_has_a_row_or_a_reason():
    names = set(public_names())
    assert not names - set(ROWS) - set(OTHERS), "enter these in ROWS"
    assert not set(OTHERS) - names
    assert not set(OTHERS) & set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_every_argument_has_about_ten_bad_values(name):
    row, arguments = ROWS[name], set(inspect.signature(ROWS[name].call).parameters)
    if ... not in row.left:
        assert set(row.bad) | set(row.left) == arguments
    assert sum(map(len, row.bad.values())) >= 10 or name.split(".")[-1] in NO_INPUT


def cases():
    for name, row in ROWS.items():
        for argument in row.bad:
            yield pytest.param(row, argument, id=f"{name}-{argument}")


@pytest.fixture(autouse=True)
def no_file_is_read(monkeypatch):
    def read(*arguments):
        raise AssertionError("work has started")

    for name in ("open_data", "open_packaged_reviews", "open_packaged_translations"):
        for module in (files, datasets.reviews, datasets.translation, datasets.music):
            monkeypatch.setattr(module, name, read, raising=False)


@pytest.mark.parametrize(("row", "argument"), list(cases()))
def test_bad_input_is_refused_by_name(row, argument):
    wrong = []
    for value in row.bad[argument]:
        try:
            row.call(**{**row.good, argument: value})
        except Exception as error:
            fault = what_is_wrong(error, argument)
        else:
            fault = "accepted"
        if fault:
            wrong.append(f"{argument}={value!r:.60}: {fault}")
    assert not wrong, "\n".join(wrong)


def what_is_wrong(error, argument):
    """Say in what an error falls short of one that the package raises on its own."""
    raiser = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    text = f"{type(error).__name__}: {str(error):.200}"
    if not raiser.is_relative_to(PACKAGE):
        return f"raised in {raiser.name}: {text}"
    if not isinstance(error, ValueError | TypeError | FileNotFoundError):
        return f"another class: {text}"
    if not re.search(rf"\b{argument}\b", str(error)):
        return f"doesn't name {argument}: {text}"
    if "Received" not in str(error):
        return f"doesn't say what was received: {text}"
    return None
