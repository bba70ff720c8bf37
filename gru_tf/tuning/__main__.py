"""The full search of lesson 05, from the command line.

python -m gru_tf.tuning --price     # what it costs on this machine
python -m gru_tf.tuning             # run it; Ctrl-C stops it
python -m gru_tf.tuning             # the same again: go on where it stopped
python -m gru_tf.tuning --report    # one page about it, to be read without a network

By many processes, on one machine or on many, each started by the same command:

python -m gru_tf.tuning --storage sqlite:///imdb.db
python -m gru_tf.tuning --storage postgresql://user@host/searches
"""

import argparse
import contextlib
import functools
import sys
import tempfile
from pathlib import Path

import keras

from gru_tf.checks import number_from
from gru_tf.commands import run_command
from gru_tf.datasets import bucket_by_length, load_imdb
from gru_tf.layers import GRU
from gru_tf.tuning import (
    best_model,
    build_tunable_sentiment_classifier,
    leaderboard,
    make_tuner,
    price,
)
from gru_tf.tuning.report import write_report
from gru_tf.tuning.search import KINDS


def main(arguments=None):
    """Search for a sentiment classifier, retrain the best, judge it on held-out films, save it.

    Args:
        arguments: List of the words of the command line, or None for those typed.

    Returns:
        Accuracy of the retrained model on the test reviews, or None with `--price` or
        `--report`, and with `--storage` where another process ran the last trial.
    """
    options = _parse(arguments)
    if options.report:
        try:
            print(write_report(Path(options.directory, options.name)))
        except (OSError, ValueError) as error:
            sys.exit(str(error))
        return None
    saved = Path(options.directory, f"{options.name}.keras")
    with contextlib.ExitStack() as stack:
        # The price of a new search, which deletes nothing; what the database keeps, no folder does.
        if options.storage or (options.price and options.overwrite):
            options.directory = stack.enter_context(tempfile.TemporaryDirectory())
        try:
            return _run(options, saved)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            sys.exit(str(error))


def _run(options, saved):
    build = functools.partial(
        build_tunable_sentiment_classifier, max_units=options.max_units, gru=GRU
    )
    tuner = make_tuner(
        options.kind,
        build,
        max_epochs=options.max_epochs,
        max_trials=options.max_trials,
        directory=options.directory,
        name=options.name,
        overwrite=options.overwrite,
    )
    reviews = load_imdb(maxlen=options.maxlen)
    some = slice(None, None, options.every)
    # Functions, so that each trial has its batches in the same order.
    training, validation, test = (
        functools.partial(bucket_by_length, x[some], y[some])
        for x, y in (
            (reviews.x_train, reviews.y_train),
            (reviews.x_valid, reviews.y_valid),
            (reviews.x_test, reviews.y_test),
        )
    )
    if not options.storage:
        print(price(tuner, training, validation_data=validation))
        print(f"  then up to {2 * options.max_epochs} epochs of the best setting, anew", flush=True)
    if options.price:
        return None

    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=3, restore_best_weights=True)
    data = {"x": training, "validation_data": validation, "shuffle": False}
    if options.storage:
        from gru_tf.tuning import storage

        last = storage.search(
            tuner, options.storage, patience=options.patience, **data, callbacks=[stop]
        )
    else:
        tuner.search(**data, callbacks=[stop])
        last = True
    print(leaderboard(tuner).head(10).to_string())
    if not last:
        print("Another process ran the last trial: it trains the best setting and judges it.")
        return None
    model, scores = best_model(tuner, **data, test_data=test, verbose=2)
    print(f"accuracy on the held-out reviews: {scores['accuracy']:.4f}")
    saved.parent.mkdir(parents=True, exist_ok=True)  # with --storage nothing was written here
    with tempfile.TemporaryDirectory(dir=saved.parent) as unfinished:
        model.save(Path(unfinished, saved.name))
        Path(unfinished, saved.name).replace(saved)
    print(f"saved: {saved}, which keras.models.load_model() reads after `import gru_tf`")
    return scores["accuracy"]


def _parse(arguments):
    parser = argparse.ArgumentParser(
        "python -m gru_tf.tuning", description=main.__doc__.splitlines()[0]
    )
    parser.add_argument("--price", action="store_true", help="estimate what is left, and stop")
    parser.add_argument(
        "--report",
        action="store_true",
        help="write a page about the search of that --name and --directory, finished or not, to "
        "be read without a network; and stop",
    )
    parser.add_argument("--name", default="imdb", help="name of the search: %(default)s")
    parser.add_argument("--directory", default="searches", help="for its files: %(default)s")
    parser.add_argument("--overwrite", action="store_true", help="delete a search of that name")
    parser.add_argument("--kind", default="hyperband", choices=KINDS, help="by default hyperband")
    parser.add_argument(
        "--max-epochs", type=number_from(1), default=10, help="of a model: %(default)s"
    )
    parser.add_argument("--max-trials", type=number_from(1), help="for the other kinds")
    parser.add_argument(
        "--max-units", type=number_from(32), default=512, help="of the GRU: %(default)s"
    )
    parser.add_argument(
        "--maxlen", type=number_from(1), default=500, help="words of a review: %(default)s"
    )
    parser.add_argument(
        "--every", type=number_from(1), help="use only every Nth review, to try it out"
    )
    parser.add_argument(
        "--storage",
        metavar="URL",
        help="of a database that many processes share: sqlite:///FILE, "
        "postgresql://USER@HOST/NAME, or journal:///FILE on a disk that machines share; a fourth "
        "slash begins a path from the root",
    )
    parser.add_argument(
        "--patience",
        type=number_from(1, float),
        default=60,
        help="with it, seconds without a sign of life after which a process counts as dead, or "
        "the database as gone: %(default)s",
    )
    options = parser.parse_args(arguments)
    if options.storage and options.report:
        parser.error("--report is for a search in a folder: optuna-dashboard shows a database")
    if options.storage and (options.price or options.overwrite):
        parser.error("--price and --overwrite are for a search in a folder: not with --storage")
    return options


if __name__ == "__main__":
    run_command(main, "Stopped: the same command goes on from here.")
