"""Translation: dates in words to digits, and English to French, over seeds.

    python benchmarks/translation.py          GRUs and their opponents: over two hours
    python benchmarks/translation.py early    dates after four passes, by rate: about 10 minutes
    python benchmarks/translation.py phrases  French by phrases, an opponent: a few minutes

The first writes data/results/translation.json: of each translator the exact matches on dates, by
form; and on the French of an interface BLEU and chrF, by length of the text and beside opponents,
and how often the next word is right after its own. Settings were chosen on the validation parts;
the rows of rates show what other learning rates give there. Two controls ask what attention itself
does: a wider GRU without it, of as many weights, and attention that can't choose.

The second writes data/results/translation_early.json: the exact matches on dates where training is
as short as in the lesson, for two learning rates. The third writes translation_phrases.json beside
it: the strongest opponent, a table of phrases, on the same French and by the same scores.
"""

import argparse
import functools
import itertools
import os
import re
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sacrebleu.metrics import BLEU, CHRF

import gru_tf
from gru_tf.commands import run_command
from gru_tf.datasets import DATE_FORMS, load_date_pairs, load_english_french
from gru_tf.models import (
    build_attention_translator,
    build_translator,
    decode_step,
    encode,
    teacher_inputs,
)
from gru_tf.text import (
    END,
    FIRST_WORD,
    START,
    UNKNOWN,
    beam_search,
    greedy_search,
    index_words,
    learn_dictionary,
)
from phrases import best_path, learn_phrases, learn_trigrams, longest_match
from results import run_table

SEEDS = range(3)
BUILDERS = {"GRU": build_translator, "GRU and attention": build_attention_translator}
WIDER = 156  # units without attention, for about as many weights as with it
UNSEEN = ("d-M-yy", "d MMM yyyy", "EEEE d MMMM yyyy")
SEEN = tuple(form for form in DATE_FORMS if form not in UNSEEN)


def to_ids(texts, index):
    """Return lists of words as ids, each with its end, right-padded with 0."""
    rows = [[*(index.get(word, UNKNOWN) for word in words), END] for words in texts]
    return keras.utils.pad_sequences(rows, padding="post")


def train(build, source, target, x, y, epochs, batch_size, learning_rate, **options):
    """Return a trained translator; its learning rate falls to zero as a cosine."""
    n_steps = epochs * -(-len(x) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, n_steps)
    sizes = len(source) + FIRST_WORD, len(target) + FIRST_WORD
    model = build(*sizes, learning_rate=schedule, gru=gru_tf.GRU, **options)
    before = teacher_inputs(y, START, END)
    model.fit([x, before], y, batch_size=batch_size, epochs=epochs, verbose=0)
    return model


def stepper(model):
    """Return a step of the model's decoder, as the searches take it."""

    def step(words, states):
        p, states, _ = decode_step(model, words, states)
        return np.log(np.asarray(p) + 1e-9), states

    return step


def build_wider(*sizes, units, **options):
    """Build a translator without attention that has about as many weights as one with it."""
    return build_translator(*sizes, units=WIDER, **options)


def build_with_mean(*sizes, **options):
    """Build a translator whose attention can't choose: it finds the mean of all that was read."""
    model = build_attention_translator(*sizes, **options)
    for name in ("keys", "queries"):  # with zeros all scores are equal
        layer = model.get_layer(name)
        layer.set_weights([np.zeros_like(kernel) for kernel in layer.get_weights()])
        layer.trainable = False
    return model


CONTROLS = {"GRU, wider": build_wider, "GRU and the mean": build_with_mean}


# Dates


def exact(model, texts, isos, source, target):
    """Return the share of texts that are translated without an error."""
    letters = {i: letter for letter, i in target.items()}
    states, n_steps = encode(model, to_ids(texts, source)), max(map(len, isos)) + 2
    written = greedy_search(stepper(model), states, START, END, n_steps)
    found = ["".join(letters.get(i, "?") for i in ids) for ids in written]
    return round(float(np.mean([a == b for a, b in zip(found, isos, strict=True)])), 4)


def train_on_dates(model, seed, epochs, rate):
    """Return a translator of dates of most forms, its data, and its two indices of letters."""
    data = load_date_pairs(10_000, seed=seed, forms=SEEN)
    source, target = index_words(data.x_train, 500), index_words(data.y_train, 500)
    x, y = to_ids(data.x_train, source), to_ids(data.y_train, target)
    settings = dict(epochs=epochs, batch_size=64, learning_rate=rate, units=128)
    return train(BUILDERS[model], source, target, x, y, **settings), data, source, target


def dates(model, seed, **_):
    """Train on single dates of most forms; test on other dates, of those forms and the others."""
    network, data, *letters = train_on_dates(model, seed, epochs=10, rate=0.01)
    result = {"exact": exact(network, data.x_test, data.y_test, *letters)}
    for form in DATE_FORMS:
        of_form = load_date_pairs(1, forms=[form])
        some = of_form.x_test[:300], of_form.y_test[:300]
        result[f"exact, {form}"] = exact(network, *some, *letters)
    return result


EARLY_RATES = (0.005, 0.01)


def early_dates(model, rate, seed, **_):
    """Train for four passes, as the lesson does; test on other dates of the same forms."""
    network, data, *letters = train_on_dates(model, seed, epochs=4, rate=rate)
    return {"exact": exact(network, data.x_test, data.y_test, *letters)}


# English and French


def tidy(text):
    """Return a text in small letters, with one kind of apostrophe and of space."""
    return " ".join(text.lower().replace("\u2019", "'").split())


def cut(text):
    """Return words, each with the apostrophe after it, and signs."""
    return re.findall(r"[^\W_]+'?|[^\w\s]|_", text)


def join(words):
    return " ".join(words).replace("' ", "'")


def load_french():
    data = load_english_french()
    parts = ("train", "valid", "test")
    return {
        name: [tidy(text) for text in getattr(data, name)]
        for name in (f"{side}_{part}" for side in "xy" for part in parts)
    }


def edit_distances(a, b):
    """Return how many words must change from each text to each other, (len(a), len(b)).

    Texts are ids, right-padded with 0. The distance is divided by the length of the longer text.
    """
    a_lengths, b_lengths = (a != 0).sum(axis=1), (b != 0).sum(axis=1)
    found = np.zeros((len(a), len(b)))
    before = np.tile(np.arange(b.shape[1] + 1.0)[:, None, None], (1, *found.shape))
    for i in range(a.shape[1]):
        row = np.full_like(before, i + 1)
        for j in range(b.shape[1]):
            other = before[j] + (a[:, i, None] != b[None, :, j])
            row[j + 1] = np.minimum(other, np.minimum(before[j + 1], row[j]) + 1)
            ends = np.ix_(a_lengths == i + 1, b_lengths == j + 1)
            found[ends] = row[j + 1][ends]
        before = row
    return found / np.maximum(a_lengths[:, None], b_lengths)


def by_memory(texts, data):
    """Return the translation of the training text that is nearest, and how far that is."""
    index = index_words([cut(text) for text in data["x_train"] + texts], 10**6)
    known, asked = (to_ids([cut(t) for t in part], index) for part in (data["x_train"], texts))
    distances = edit_distances(asked, known)
    return [data["y_train"][i] for i in distances.argmin(axis=1)], distances.min(axis=1)


def by_words(texts, data):
    """Return texts translated word by word."""
    pairs = ([cut(text) for text in data[side]] for side in ("x_train", "y_train"))
    dictionary = learn_dictionary(*pairs)
    return [join(next(iter(dictionary.get(word, [word]))) for word in cut(text)) for text in texts]


def scores(found, expected):
    """Return BLEU and chrF of texts."""
    return {
        "bleu": round(BLEU(lowercase=True).corpus_score(found, [expected]).score, 2),
        "chrf": round(CHRF(lowercase=True).corpus_score(found, [expected]).score, 2),
    }


def scores_by_length(found, data):
    """Return BLEU and chrF of translations of the test part, and chrF by length of the text."""
    result = scores(found, data["y_test"])
    n_words = np.array([len(cut(text)) for text in data["x_test"]])
    for low, high in ((1, 2), (3, 3), (4, 5), (6, 99)):
        some = np.flatnonzero((n_words >= low) & (n_words <= high))
        part = scores([found[i] for i in some], [data["y_test"][i] for i in some])
        result[f"chrf, {low} to {high} words"] = part["chrf"]
    return result


def opponent(model, **_):
    data = load_french()
    if model == "copying":
        return scores(data["x_test"], data["y_test"])
    if model == "dictionary":
        return scores(by_words(data["x_test"], data), data["y_test"])
    remembered, distances = by_memory(data["x_test"], data)
    if model == "translation memory":
        return scores(remembered, data["y_test"])
    score = {"both, limit for BLEU": "bleu", "both, limit for chrF": "chrf"}[model]

    def mixed(near, distances, far, limit):
        return [a if d <= limit else b for a, d, b in zip(near, distances, far, strict=True)]

    # How near is near enough, the validation part decides: for each score, or it would be judged
    # by a score that it was not tuned for.
    parts = *by_memory(data["x_valid"], data), by_words(data["x_valid"], data)
    limits = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    valid = {k: scores(mixed(*parts, k), data["y_valid"])[score] for k in limits}
    limit = max(valid, key=valid.get)
    found = mixed(remembered, distances, by_words(data["x_test"], data), limit)
    return scores(found, data["y_test"]) | {"limit": limit}


# What each part of the search over phrases may weigh; the share of a translation weighs 1.
GRID = {
    "backward": (0.25, 0.5, 1.0, 2.0),
    "trigrams": (0.5, 1.0, 2.0),
    "word": (0.5, 1.0, 1.5, 2.0, 2.5),
    "phrase": (-2.0, -1.0, 0.0, 1.0),
}


@functools.cache
def weigh_phrases():
    """Return what phrases are searched with, and of all weights the validation part's scores."""
    data = load_french()
    pairs = [[cut(text) for text in data[side]] for side in ("x_train", "y_train")]
    parts = learn_phrases(*pairs), learn_trigrams(pairs[1])
    asked, tried = [cut(text) for text in data["x_valid"]], []
    for values in itertools.product(*GRID.values()):
        weights = dict(zip(GRID, values, strict=True))
        found = [join(best_path(words, *parts, weights)) for words in asked]
        tried.append((weights, scores(found, data["y_valid"])))
    return parts, tried


def by_phrases(model, **_):
    """Score phrases: untuned, or with the weights that are best for a score of the validation."""
    data = load_french()
    asked, more = [cut(text) for text in data["x_test"]], {}
    if model == "phrases, untuned":
        pairs = ([cut(text) for text in data[side]] for side in ("x_train", "y_train"))
        table = learn_phrases(*pairs)
        found = [join(longest_match(words, table)) for words in asked]
    else:
        parts, tried = weigh_phrases()
        score = {"phrases, tuned for BLEU": "bleu", "phrases, tuned for chrF": "chrf"}[model]
        more, _ = max(tried, key=lambda one: one[1][score])
        found = [join(best_path(words, *parts, more)) for words in asked]
    return scores_by_length(found, data) | more


LONGEST = 14  # words of a text that is trained on: the few longer ones would triple the time
RATES = (4e-3, 8e-3, 1.6e-2, 3.2e-2)
FRENCH = dict(epochs=20, batch_size=64, learning_rate=8e-3, units=128, dropout=0.4)


def french_words(data):
    """Return the words of both sides of what is trained on, and the two indices of them."""
    pairs = [(cut(x), cut(y)) for x, y in zip(data["x_train"], data["y_train"], strict=True)]
    pairs = [pair for pair in pairs if max(map(len, pair)) <= LONGEST]
    texts = list(zip(*pairs, strict=True))
    return texts, *(index_words(side, 10**6) for side in texts)


def train_on_french(name, data, settings=FRENCH):
    """Return a translator and its two indices of words."""
    texts, source, target = french_words(data)
    x, y = to_ids(texts[0], source), to_ids(texts[1], target)
    build = (BUILDERS | CONTROLS)[name]
    return train(build, source, target, x, y, **settings), source, target


def to_french(network, source, target, texts, **search):
    """Return translations, by greedy search or by the beam search that is described."""
    states = encode(network, to_ids([cut(text) for text in texts], source))
    step, words = stepper(network), {i: word for word, i in target.items()}
    if search:
        written, _ = beam_search(step, states, START, END, 20, **search)
    else:
        written = greedy_search(step, states, START, END, 20)
    return [join(words[i] for i in ids if i in words) for ids in written]


def exposure(network, source, target, data):
    """Return how often the next word is right, after the right words and after its own."""
    x = to_ids([cut(text) for text in data["x_test"]], source)
    y = to_ids([cut(text) for text in data["y_test"]], target)
    told = network.predict([x, teacher_inputs(y, START, END)], verbose=0).argmax(axis=2) == y
    states, words, own = encode(network, x), np.full(len(x), START), []
    for t in range(y.shape[1]):
        p, states, _ = decode_step(network, words, states)
        words = np.asarray(p).argmax(axis=1)
        own.append(words == y[:, t])
    own, real = np.stack(own, axis=1), y != 0
    later = real & (np.cumsum(~own, axis=1) - ~own > 0)  # after its first error
    return {
        "right after right words": round(float(told[real].mean()), 4),
        "right after its own": round(float(own[real].mean()), 4),
        "later, after right words": round(float(told[later].mean()), 4),
        "later, after its own": round(float(own[later].mean()), 4),
    }


def french(model, seed, **_):
    data = load_french()
    network = train_on_french(model, data)
    greedy = to_french(*network, data["x_test"])
    result = scores_by_length(greedy, data)
    for penalty in (0.0, 1.0):
        found = to_french(*network, data["x_test"], beam=4, length_penalty=penalty)
        score = scores(found, data["y_test"])
        result |= {f"{name}, beam 4, penalty {penalty:g}": score[name] for name in score}
    return result | exposure(*network, data)


def rates(model, rate, **_):
    """Score another learning rate on the validation part."""
    data = load_french()
    network = train_on_french(model, data, FRENCH | {"learning_rate": rate})
    found = scores(to_french(*network, data["x_valid"]), data["y_valid"])
    return {f"validation_{name}": score for name, score in found.items()}


def weights(model, **_):
    """Count the weights that are trained on French, and the numbers that each word is read off."""
    _, source, target = french_words(load_french())
    sizes = len(source) + FIRST_WORD, len(target) + FIRST_WORD
    network = (BUILDERS | CONTROLS)[model](*sizes, units=FRENCH["units"])
    trained = sum(int(np.prod(weight.shape)) for weight in network.trainable_weights)
    return {"weights": trained, "read by the softmax": network.get_layer("words").kernel.shape[0]}


def plan():
    both = [f"both, limit for {score}" for score in ("BLEU", "chrF")]
    for model in ("copying", "translation memory", "dictionary", *both):
        yield {"task": "french", "model": model, "seed": 0}, opponent
    for task, run in {"french": french, "dates": dates}.items():
        for model in BUILDERS:
            for seed in SEEDS:
                yield {"task": task, "model": model, "seed": seed}, run
    for model in BUILDERS:
        for rate in RATES:
            for seed in SEEDS[:2]:
                yield {"task": "rates", "model": model, "rate": rate, "seed": seed}, rates
    for model in BUILDERS | CONTROLS:
        yield {"task": "weights", "model": model, "seed": 0}, weights
    for model in CONTROLS:
        for seed in SEEDS:
            yield {"task": "french", "model": model, "seed": seed}, french
        for rate in RATES[1:3]:
            for seed in SEEDS[:2]:
                yield {"task": "rates", "model": model, "rate": rate, "seed": seed}, rates


def early():
    """Yield what tells each row of early dates from the others, and what makes it."""
    for model in BUILDERS:
        for rate in EARLY_RATES:
            for seed in SEEDS:
                yield {"model": model, "rate": rate, "seed": seed}, early_dates


def phrases():
    """Yield what tells each row of phrases from the others, and what makes it."""
    for model in ("untuned", "tuned for BLEU", "tuned for chrF"):
        yield {"model": f"phrases, {model}", "seed": 0}, by_phrases


def run_one(run, settings):
    """Run one row of the table, from its seed."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings["seed"])
    start = time.perf_counter()
    return settings | run(**settings) | {"seconds": round(time.perf_counter() - start, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", nargs="?", choices=("all", "early", "phrases"), default="all")
    parser.add_argument("--anew", action="store_true", help="do again what is not stale, too")
    options = parser.parse_args()
    if options.table == "early":
        run_table("translation_early", list(early()), run_one, anew=options.anew)
    elif options.table == "phrases":
        run_table("translation_phrases", list(phrases()), run_one, anew=options.anew)
    else:
        run_table("translation", list(plan()), run_one, anew=options.anew)


if __name__ == "__main__":
    run_command(main)
