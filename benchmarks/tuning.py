"""Compare kinds of search at equal epochs, and price a tutorial's search for two codes.

    python benchmarks/tuning.py search [--kinds random grid] [--seeds 1 2 3]
    python benchmarks/tuning.py price
    python benchmarks/tuning.py published [--directory searches]

`search` runs Hyperband, random, grid and Bayesian search on the same space with the same
number of epoch-runs, on the reviews cut short: 3,000 reviews of 40 words. A row is a
trial: what it cost, what it scored on validation data, and its accuracy at that epoch on
test reviews that no search has seen; and the minutes that `price` asked for its whole
search. Written to data/results/tuning.json, run by run.

`price` measures seconds an epoch at three widths, turn by turn in one process, of a
tutorial's own code (Keras' layer, reviews left-padded to 500, no mask) and of ours (this
package's layer, batches by length, a mask), and adds up the 30 trials of its search.
Written to data/results/tuning_price.json.

`published` runs that search whole, as `python -m gru_tf.tuning` does, and trains its winner
from three starts. It takes more than an hour; stopped, the same command goes on. Price and
measured minutes of each rung, the trials and the winner are written to
data/results/tuning_published.json.
"""

import argparse
import functools
import itertools
import os
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner as kt
import numpy as np
import pandas as pd

import gru_tf
from gru_tf.checks import number_from
from gru_tf.commands import run_command
from gru_tf.datasets import bucket_by_length, load_imdb, load_results, pad_left
from gru_tf.models import build_sentiment_classifier
from gru_tf.tuning import (
    best_model,
    build_tunable_sentiment_classifier,
    leaderboard,
    make_tuner,
    price,
)
from gru_tf.tuning.folder import read
from gru_tf.tuning.pricing import PRICE, as_batches, dry_run, probe
from results import write_results

MAX_EPOCHS = 9
TRIALS = 8  # of 9 epochs: 72 epoch-runs, Hyperband's 23 trials have 75
KINDS = ("hyperband", "random", "grid", "bayesian")


def build(hp, kind):
    """Build a small classifier from one space; a grid needs few points of each axis."""
    coarse = kind == "grid"
    units = hp.Choice("units", [8, 48] if coarse else [8, 16, 24, 32, 40, 48])
    dropout = hp.Choice("dropout", [0.0, 0.5] if coarse else [0.0, 0.25, 0.5])
    rates = [3e-4, 1e-2] if coarse else [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
    rate = hp.Choice("learning_rate", rates)
    return build_sentiment_classifier(5000, 32, units, dropout, rate, gru=gru_tf.GRU)


class HeldOut(keras.callbacks.Callback):
    """Adds the accuracy on test reviews to what each epoch reports."""

    x = y = None  # of the class, as Keras Tuner copies callbacks for each trial
    seconds = []  # that each epoch's look took, and no search without it would

    def on_epoch_end(self, epoch, logs=None):
        begin = time.perf_counter()
        logs["held_out"] = self.model.evaluate(self.x, self.y, batch_size=250, verbose=0)[1]
        self.seconds.append(time.perf_counter() - begin)


def search(kind, seed):
    """Yield a row a trial of one search."""
    reviews = load_imdb(num_words=5000, maxlen=40)
    HeldOut.x, HeldOut.y = reviews.x_test, reviews.y_test
    options = {} if kind == "hyperband" else {"max_trials": TRIALS}
    if kind == "bayesian":
        options["num_initial_points"] = min(3, TRIALS)
    with tempfile.TemporaryDirectory() as folder:
        tuner = make_tuner(
            kind,
            functools.partial(build, kind=kind),
            max_epochs=MAX_EPOCHS,
            directory=folder,
            name=kind,
            seed=seed,
            **options,
        )
        data = {
            "x": reviews.x_train[:3000],
            "y": reviews.y_train[:3000],
            "validation_data": (reviews.x_valid, reviews.y_valid),
            "batch_size": 64,
        }
        priced = price(tuner, **data).minutes
        HeldOut.seconds.clear()
        tuner.search(**data, callbacks=[HeldOut()], verbose=0)
        looks = iter(HeldOut.seconds)
        for row in leaderboard(tuner).sort_values("trial").to_dict("records"):
            trial = tuner.oracle.trials[tuner.oracle.start_order[row["trial"] - 1]]
            held_out = trial.metrics.get_last_value("held_out")
            kept = ("trial", "units", "dropout", "learning_rate", "epochs_run")
            yield {
                "kind": kind,
                "seed": seed,
                **{name: row[name] for name in kept},
                "score": round(row["score"], 4),
                "held_out": round(float(held_out), 4),
                "seconds": round(
                    row["seconds"] - sum(itertools.islice(looks, row["epochs_run"])), 1
                ),
                "priced_minutes": round(priced, 2),  # of all trials of this search
            }


def search_all(kinds, seeds):
    try:
        rows = load_results("tuning")["rows"]
    except FileNotFoundError:
        rows = []
    for seed in seeds:
        for kind in kinds:
            rows = [row for row in rows if (row["kind"], row["seed"]) != (kind, seed)]
            rows += search(kind, seed)
            rows.sort(key=lambda row: (KINDS.index(row["kind"]), row["seed"], row["trial"]))
            write_results("tuning", "python benchmarks/tuning.py search", rows)
            best = max((r for r in rows if (r["kind"], r["seed"]) == (kind, seed)),
                       key=lambda row: row["score"])  # fmt: skip
            print(kind, seed, best, flush=True)


def build_tutorial(hp):
    """Build what the tutorial builds: its layer reads every zero of the padding."""
    layers = [keras.layers.Embedding(10_000, 128), keras.layers.GRU(hp.get("units"))]
    model = keras.Sequential(
        [keras.Input((500,)), *layers, keras.layers.Dense(1, activation="sigmoid")]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def price_both(rounds, seconds):
    """Return the rows of the price: an epoch's seconds at three widths, and the whole search."""
    reviews = load_imdb()
    parts = [(reviews.x_train, reviews.y_train), (reviews.x_valid, reviews.y_valid)]
    left = [(pad_left(x), y) for x, y in parts]
    buckets = bucket_by_length(*parts[0]), None, bucket_by_length(*parts[1])
    ours = functools.partial(build_tunable_sentiment_classifier, gru=gru_tf.GRU)
    codes = {
        "tutorial": (build_tutorial, as_batches(*left[0], left[1], 0, 32)),
        "ours": (ours, as_batches(*buckets, 0, 32)),
    }
    with tempfile.TemporaryDirectory() as folder:
        tuner = make_tuner("hyperband", ours, max_epochs=10, directory=folder, name="price")
        trials = [(t.hyperparameters.get("units"), epochs) for t, epochs in dry_run(tuner)]
    widths = [32, 256, 512]
    probes = {key: [] for key in [(code, width) for width in widths for code in codes]}
    for _ in range(rounds):
        for code, width in probes:
            hp = kt.HyperParameters()
            hp.values = {"units": width, "dropout": 0.0, "learning_rate": 1e-3}
            builder, batches = codes[code]
            probes[code, width].append(probe(builder, hp, *batches, 3, seconds))
    rows = []
    for code in codes:
        epoch, start = np.array([np.median(probes[code, width], axis=0) for width in widths]).T
        # Between the widths, an epoch's seconds grow with the arithmetic: see lesson 04.
        units, epochs = np.array(trials).T
        total = (epochs * np.interp(units * (units + 128), [w * (w + 128) for w in widths], epoch)
                 + start.mean()).sum()  # fmt: skip
        rows.append(
            {
                "code": code,
                "widths": widths,
                "seconds_per_epoch": epoch.round(1).tolist(),
                "seconds_per_trial": round(float(start.mean()), 1),
                "trials": len(trials),
                "epoch_runs": int(epochs.sum()),
                "hours": round(float(total) / 3600, 2),
            }
        )
        print(rows[-1], flush=True)
    print("ratio", round(rows[1]["hours"] / rows[0]["hours"], 3))
    return rows


def run_published(directory):
    """Return the rows of a tutorial's search, run whole: of its rungs, trials and winner."""
    tuner = make_tuner(
        "hyperband",
        functools.partial(build_tunable_sentiment_classifier, gru=gru_tf.GRU),
        max_epochs=10,
        directory=directory,
        name="published",
    )
    reviews = load_imdb()
    x, valid, test = (
        functools.partial(bucket_by_length, x, y)
        for x, y in (
            (reviews.x_train, reviews.y_train),
            (reviews.x_valid, reviews.y_valid),
            (reviews.x_test, reviews.y_test),
        )
    )
    data = {"x": x, "validation_data": valid}
    print(price(tuner, **data), flush=True)
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=3, restore_best_weights=True)
    tuner.search(**data, shuffle=False, callbacks=[stop])

    table = leaderboard(tuner)
    measured = table.groupby(["bracket", "rung"])[["seconds", "epochs_run"]].sum()
    rows = []
    for rung in pd.DataFrame(read(tuner.folder / PRICE)["rungs"]).to_dict("records"):
        took = measured.loc[rung["bracket"], rung["rung"]]
        rows.append(
            {
                "what": "rung",
                **{name: rung[name] for name in ("bracket", "rung", "trials", "epochs")},
                "priced_minutes": round(rung["minutes"], 1),
                "epochs_run": int(took["epochs_run"]),
                "seconds": round(took["seconds"], 1),
            }
        )
    settings = ["units", "dropout", "learning_rate"]
    kept = ["trial", "bracket", "rung", *settings, "epochs", "epochs_run", "score", "seconds"]
    trials = table[kept].round({"score": 4, "seconds": 1})
    rows += [{"what": "trial", **row} for row in trials.to_dict("records")]
    for seed in (1, 2, 3):
        tuner.seed = seed  # of the winner's own training alone
        begin = time.perf_counter()
        model, scores = best_model(tuner, **data, shuffle=False, test_data=test)
        seconds = time.perf_counter() - begin
        rows.append(
            {
                "what": "winner",
                "seed": seed,
                **trials.iloc[0][settings].to_dict(),
                "seconds": round(seconds, 1),
                "validation_accuracy": round(model.evaluate(valid(), verbose=0)[1], 4),
                "test_accuracy": round(scores["accuracy"], 4),
            }
        )
        print(rows[-1], flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("search", "price", "published"))
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seeds", nargs="+", type=number_from(1), default=[1, 2, 3])
    parser.add_argument(
        "--rounds", type=number_from(1), default=9, help="of the price: %(default)s"
    )
    parser.add_argument(
        "--seconds", type=number_from(0.1, float), default=5, help="a probe: %(default)s"
    )
    parser.add_argument(
        "--directory", default="searches", help="for the published search: %(default)s"
    )
    options = parser.parse_args()
    if options.what == "search":
        search_all(options.kinds, options.seeds)
    elif options.what == "published":
        rows = run_published(options.directory)
        write_results("tuning_published", "python benchmarks/tuning.py published", rows)
    else:
        rows = price_both(options.rounds, options.seconds)
        write_results("tuning_price", "python benchmarks/tuning.py price", rows)


if __name__ == "__main__":
    run_command(main)
