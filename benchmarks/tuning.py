"""Compare kinds of search at equal epochs, and price a tutorial's search for two codes.

    python benchmarks/tuning.py search [--kinds random grid] [--seeds 1 2 3]
    python benchmarks/tuning.py price
    python benchmarks/tuning.py published [--directory searches] [--reviews 4000 --maxlen 80]

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
from three starts; beside it, on the same reviews, lesson 04's best model and a bag of word
pairs. On all reviews it takes from one to ten hours, by the machine; with --reviews and
--maxlen less, as it then trains on the first so many only, and reads the last so many words
of each review. Stopped, the same command goes on. Price and measured minutes of each rung,
the trials, and each model as it is trained, are written to data/results/tuning_published.json.
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

import gru_tf
from gru_tf import models
from gru_tf.checks import number_from
from gru_tf.commands import run_command
from gru_tf.datasets import bucket_by_length, load_imdb, load_results, pad_left
from gru_tf.models import build_sentiment_classifier
from gru_tf.text import learn_word_vectors
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
from sentiment import BAGS, bag_of_words, predict, share_right

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


def run_published(directory, n, maxlen):
    """Run a tutorial's search whole, then train its winner and others; write rows as they come."""
    tuner = make_tuner(
        "hyperband",
        functools.partial(build_tunable_sentiment_classifier, gru=gru_tf.GRU),
        max_epochs=10,
        directory=directory,
        name="published",
    )
    reviews = load_imdb(maxlen=maxlen)
    training, valid, test = (
        (reviews.x_train[:n], reviews.y_train[:n]),
        (reviews.x_valid, reviews.y_valid),
        (reviews.x_test, reviews.y_test),
    )
    batches, *others = (
        functools.partial(bucket_by_length, *part) for part in (training, valid, test)
    )
    data = {"x": batches, "validation_data": others[0]}
    print(price(tuner, **data), flush=True)
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=3, restore_best_weights=True)
    tuner.search(**data, shuffle=False, callbacks=[stop])
    rows = [{"what": "reviews", "training": len(training[0]), "words": maxlen}, *of_search(tuner)]

    def winner(seed):
        tuner.seed = seed  # of this training alone
        model, _ = best_model(tuner, **data, shuffle=False, test_data=others[1])
        return functools.partial(predict, model), {}

    def lesson_04(seed):
        model, epochs = best_peaks(training, valid, seed)
        return functools.partial(predict, model), {"epochs": epochs}

    def pairs(seed):
        options, strengths = BAGS["words and pairs, naive Bayes"]
        bags = {c: bag_of_words(*training, c=c, **options) for c in strengths}
        c = max(bags, key=lambda c: share_right(bags[c](valid[0]), valid[1]))
        return bags[c], {"c": c}

    try:
        before = load_results("tuning_published")["rows"]
    except FileNotFoundError:
        before = []
    done = before[len(rows) :] if before[: len(rows)] == rows else []
    plan = [(winner, 1), (pairs, 0), *((lesson_04, seed) for seed in (1, 2, 3))]
    for train, seed in [*plan, (winner, 2), (winner, 3)]:
        settings = {"what": "model", "model": train.__name__.replace("_", " "), "seed": seed}
        row = next((row for row in done if settings.items() <= row.items()), None)
        if row is None:
            begin = time.perf_counter()
            verdict, more = train(seed)
            row = settings | more | {"seconds": round(time.perf_counter() - begin, 1)}
            for part, (x, y) in {"validation": valid, "test": test}.items():
                row[f"{part}_accuracy"] = round(share_right(verdict(x), y), 4)
            print(row, flush=True)
        rows.append(row)
        write_results("tuning_published", "python benchmarks/tuning.py published", rows)


def of_search(tuner):
    """Return the rows of a search that has ended: of its rungs, priced and measured, and trials."""
    table = leaderboard(tuner)
    measured = table.groupby(["bracket", "rung"])[["seconds", "epochs_run"]].sum()
    rows = []
    for rung in read(tuner.folder / PRICE)["rungs"]:
        took = measured.loc[rung["bracket"], rung["rung"]]
        rows.append(
            {
                "what": "rung",
                **{name: rung[name] for name in ("bracket", "rung", "trials", "epochs")},
                "priced_minutes": round(rung["minutes"], 1),
                "epochs_run": int(took["epochs_run"]),
                "seconds": round(float(took["seconds"]), 1),
            }
        )
    kept = ["trial", "bracket", "rung", "units", "dropout", "learning_rate"]
    kept += ["epochs", "epochs_run", "score", "seconds"]
    trials = table[kept].round({"score": 4, "seconds": 1}).to_dict("records")
    return rows + [{"what": "trial", **row} for row in trials]


def best_peaks(training, valid, seed):
    """Train lesson 04's best model; validation chooses among three numbers of epochs."""
    found = {}
    for epochs in (3, 6, 12):
        keras.utils.set_random_seed(seed)
        steps = epochs * -(-len(training[0]) // 64)
        rate = keras.optimizers.schedules.PolynomialDecay(3e-3, steps, 0.0)
        model = models.build_peak_sentiment_classifier(learning_rate=rate, gru=gru_tf.GRU)
        model.get_layer("words").set_weights([learn_word_vectors(training[0])])
        model.fit(
            bucket_by_length(*training, 64, seed=seed), epochs=epochs, shuffle=False, verbose=0
        )
        found[share_right(predict(model, valid[0]), valid[1])] = model, epochs
    return found[max(found)]


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
    parser.add_argument("--reviews", type=number_from(1), help="to train it on: all")
    parser.add_argument("--maxlen", type=number_from(1), default=500, help="words: %(default)s")
    options = parser.parse_args()
    if options.what == "search":
        search_all(options.kinds, options.seeds)
    elif options.what == "published":
        run_published(options.directory, options.reviews, options.maxlen)
    else:
        rows = price_both(options.rounds, options.seconds)
        write_results("tuning_price", "python benchmarks/tuning.py price", rows)


if __name__ == "__main__":
    run_command(main)
