"""Race to an accuracy on film reviews: a tutorial's own code against this package's.

    python benchmarks/imdb.py [--source keras] [--seeds 0 1 2]

Both train in one process on the same reviews, turn by turn: 4,000 reviews each, 125
batches of 32, then the validation accuracy is measured, which is not counted. A race
ends once both have reached the target, or after the last pass. The tutorial's code pads
every review to 500 words on the left and has no mask; ours is in batches by length, and
without dropout, which pays later than the first pass.

What is found is written to data/results/imdb_race.json and, as a table, to docs/imdb.md (with
Keras' reviews, to imdb_race_keras.json alone).
"""

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import gru_tf
from gru_tf.datasets import bucket_by_length, load_imdb, load_results, pad_left
from gru_tf.models import build_peak_sentiment_classifier
from results import as_markdown, write_results

TURN = 4000  # reviews


class Tutorial:
    """Embedding(10000, 128), GRU(128), Adam: as the tutorial writes them."""

    def __init__(self):
        self.model = keras.Sequential(
            [
                keras.layers.Embedding(10_000, 128),
                keras.layers.GRU(128),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        self.model.compile("adam", "binary_crossentropy", metrics=["accuracy"])

    def train(self, x, y, seed):
        return self.model.fit(x, y, batch_size=32, shuffle=False, verbose=0)

    def measure(self, x, y):
        return self.model.evaluate(x, y, batch_size=250, verbose=0)[1]

    @staticmethod
    def prepare(x):
        return pad_left(x)


class Ours:
    """A small GRU, its last state and its peaks, in batches by length."""

    def __init__(self):
        self.model = build_peak_sentiment_classifier(dropout=0.0, word_dropout=0.0, gru=gru_tf.GRU)

    def train(self, x, y, seed):
        data = bucket_by_length(x, y, batch_size=32, seed=seed)
        return self.model.fit(data, shuffle=False, verbose=0)

    def measure(self, x, y):
        data = bucket_by_length(x, y, batch_size=250, shuffle=False)
        return self.model.evaluate(data, verbose=0)[1]

    @staticmethod
    def prepare(x):
        return x


class Runner:
    """One of the two, with its clock and its best weights."""

    def __init__(self, kind, reviews):
        self.kind = kind()
        self.x, self.x_valid, self.x_test = map(
            kind.prepare, (reviews.x_train, reviews.x_valid, reviews.x_test)
        )
        self.reviews = reviews
        self.name = kind.__name__.lower()
        self.seconds, self.curve, self.best, self.weights = 0.0, [], 0.0, None

    def turn(self, rows, seed):
        """Train on these rows, and measure."""
        x, y = self.x[rows], self.reviews.y_train[rows]
        start = time.perf_counter()
        self.kind.train(x, y, seed)
        self.seconds += time.perf_counter() - start
        accuracy = float(self.kind.measure(self.x_valid, self.reviews.y_valid))
        self.curve.append((round(self.seconds, 2), round(accuracy, 4)))
        if accuracy > self.best:
            self.best, self.weights = accuracy, self.kind.model.get_weights()

    def test(self):
        """Return the accuracy on the held-out reviews, by the weights of the best turn."""
        self.kind.model.set_weights(self.weights)
        return float(self.kind.measure(self.x_test, self.reviews.y_test))

    def seconds_to(self, target):
        return next((seconds for seconds, accuracy in self.curve if accuracy >= target), None)


def race(reviews, seed, target, passes):
    """Return a row for each of the two."""
    keras.utils.set_random_seed(seed)
    runners = [Runner(Tutorial, reviews), Runner(Ours, reviews)]
    rng = np.random.default_rng(seed)
    n_turns = len(reviews.x_train) // TURN
    for number in range(passes * n_turns):
        if number % n_turns == 0:
            order = rng.permutation(len(reviews.x_train))
        rows = order[number % n_turns * TURN :][:TURN]
        for runner in runners:
            runner.turn(rows, seed=number)
            seconds, accuracy = runner.curve[-1]
            print(f"seed {seed}  {runner.name:8} {(number + 1) * TURN:7,} reviews", end="  ")
            print(f"{seconds:7.1f} s   validation accuracy {accuracy:.4f}", flush=True)
        if all(runner.seconds_to(target) for runner in runners):
            break
    return [
        {
            "seed": seed,
            "code": runner.name,
            "seconds_a_pass": round(
                runner.seconds / (len(runner.curve) * TURN) * len(reviews.x_train), 1
            ),
            "seconds_to_target": runner.seconds_to(target),
            "target": target,
            "best_validation_accuracy": round(runner.best, 4),
            "test_accuracy": round(runner.test(), 4),
            "curve": runner.curve,
        }
        for runner in runners
    ]


def write_page(results, path):
    """Write the results of a race as a page with a table."""
    target, machine = results["rows"][0]["target"], results["machine"]
    heads = ["seed", "code", "s a pass", f"s to {target}", "best validation", "held-out"]
    keys = ["seed", "code", "seconds_a_pass", "seconds_to_target"]
    keys += ["best_validation_accuracy", "test_accuracy"]
    table = as_markdown(heads, [[row[key] for key in keys] for row in results["rows"]])
    path.write_text(
        f"# Film reviews: seconds to a validation accuracy of {target}\n\n"
        f"Written by `{results['command']}`: {results['date']}, {machine['cores']} cores, "
        f"TensorFlow {machine['versions']['tensorflow']}, Keras {machine['versions']['keras']}.\n\n"
        f"{__doc__.split(chr(10) * 2)[2]}\n\n{table}\n"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--source", default="package", choices=["package", "keras"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--target", type=float, default=0.87, help="validation accuracy")
    parser.add_argument("--passes", type=int, default=3, help="largest number, over all reviews")
    options = parser.parse_args()
    reviews = load_imdb(options.source)
    name = "imdb_race" if options.source == "package" else "imdb_race_keras"
    command = "python benchmarks/imdb.py --seeds " + " ".join(map(str, options.seeds))
    command += "" if options.source == "package" else " --source keras"
    rows = []
    for seed in options.seeds:
        rows += race(reviews, seed, options.target, options.passes)
        write_results(name, command, rows)
    if options.source == "package":
        write_page(load_results(name), Path("docs/imdb.md"))
    print(f"{'code':9} seed   s a pass   s to {options.target}   best validation   test")
    for row in rows:
        reached = row["seconds_to_target"] or float("nan")
        print(
            f"{row['code']:9} {row['seed']:4} {row['seconds_a_pass']:10.1f} {reached:11.1f}", end=""
        )
        print(f"{row['best_validation_accuracy']:18.4f} {row['test_accuracy']:6.4f}")


if __name__ == "__main__":
    main()
