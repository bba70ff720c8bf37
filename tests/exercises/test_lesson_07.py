"""The checks of lesson 07: right answers in several forms, and wrong ones."""

import numpy as np
import pytest


@pytest.mark.parametrize("perplexity", [2002, 2002.0, np.float32(2001.9995), np.array([2002])])
def test_uniform(is_right, perplexity):
    is_right("07.1", perplexity, np.log2(2002))
    is_right("07.1", perplexity, 11)


@pytest.mark.parametrize(
    ("perplexity", "bits", "sentence"),
    [
        (np.log(2002), np.log2(2002), "you gave the cost"),
        (np.log2(2002), 2002, "you gave the cost"),
        (1 / 2002, np.log2(2002), "not the probability"),
        (2000 * 1.1, 11, "not 2200"),
        (2002, np.log(2002), "in nats"),
        (2002, -np.log2(2002), "wrong sign"),
        (2002, 12, "bits are not 12"),
        (4004, 11, "not 4004"),
        (2000, np.log2(2000), "labels are tokens"),
    ],
)
def test_uniform_refused(is_refused, perplexity, bits, sentence):
    is_refused("07.1", sentence, perplexity, bits)


def min_p(p, share):
    kept = np.where(p >= share * p.max(), p, 0)
    return kept / kept.sum()


def in_float32(p, share):
    p = p.astype("float32")
    return (
        np.where(p >= np.float32(share) * p.max(), p, 0) / p[p >= np.float32(share) * p.max()].sum()
    )


def by_a_loop(p, share):
    kept = [x if x / max(p) >= share else 0 for x in p]
    return [x / sum(kept) for x in kept]


def in_tensorflow(p, share):
    import tensorflow as tf

    kept = tf.where(p >= share * tf.reduce_max(p), p, 0)
    return kept / tf.reduce_sum(kept)


@pytest.mark.parametrize("answer", [min_p, in_float32, by_a_loop, in_tensorflow])
def test_min_p(is_right, answer):
    is_right("07.2", answer)


def changing(p, share):
    p[p < share * p.max()] = 0
    return p / p.sum()


def softmax_again(p, share):
    kept = np.where(p >= share * p.max(), np.exp(p), 0)
    return kept / kept.sum()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda p, s: np.where(p >= s * p.max(), p, 0), "does not sum to 1"),
        (lambda p, s: min_p(p, s * 0.5), "is below share times the largest"),
        (lambda p, s: np.where(p < s * p.max(), p, 0) / p[p < s * p.max()].sum(), "rare tokens"),
        (lambda p, s: np.where(p > s * p.max(), p, 0) / p[p > s * p.max()].sum(), "at least"),
        (lambda p, s: min_p(p, 1.0), "is cut that has"),
        (lambda p, s: np.sort(min_p(p, s))[::-1], "places of their tokens"),
        (lambda p, s: min_p(p, s)[p >= s * p.max()], "the shape (2,), not (3,)"),
        (changing, "changed the array"),
        (softmax_again, "own proportions"),
        (lambda p, s: p, "is below share"),
    ],
)
def test_min_p_refused(is_refused, answer, sentence):
    with np.errstate(all="ignore"):
        is_refused("07.2", sentence, answer)


def rows_to_score(row, rng, n=20, first=1, last=-1):
    middle = row[first:last] if last else row[first:]
    end = row[last:] if last else []
    return [[*row[:first], *rng.permutation(middle).tolist(), *end] for _ in range(n)]


def rank(row, rng, logs_of):
    true, *others = [logs.sum() for logs in logs_of([row, *rows_to_score(row, rng)])]
    return sum(other > true for other in others)


def one_by_one(row, rng, logs_of):
    (true,) = logs_of([row])
    found = 0
    for _ in range(20):
        words = list(row[1:-1])
        rng.shuffle(words)
        (other,) = logs_of([[row[0], *words, row[-1]]])
        found += float(other.mean()) > float(true.mean())  # as long, so the mean decides as well
    return found


def as_an_array(row, rng, logs_of):
    rows = np.array([row, *rows_to_score(row, rng)])
    sums = np.array([logs.astype("float32").sum() for logs in logs_of(rows)])
    return int((sums[1:] > sums[0] + 1e-6).sum())


def in_pairs(row, rng, logs_of):
    pairs = [logs_of([row, other]) for other in rows_to_score(row, rng)]
    return sum(other.sum() > true.sum() for true, other in pairs)


@pytest.mark.parametrize("answer", [rank, one_by_one, as_an_array, in_pairs])
def test_rank_of_truth(is_right, answer):
    is_right("07.3", answer)


def less_likely(row, rng, logs_of):
    true, *others = [logs.sum() for logs in logs_of([row, *rows_to_score(row, rng)])]
    return sum(other < true for other in others)


def from_one(row, rng, logs_of):
    return rank(row, rng, logs_of) + 1


def as_a_share(row, rng, logs_of):
    return rank(row, rng, logs_of) / 20


def by_the_last(row, rng, logs_of):
    true, *others = [logs[-1] for logs in logs_of([row, *rows_to_score(row, rng)])]
    return sum(other > true for other in others)


def with_rows(**options):
    def answer(row, rng, logs_of):
        rows = [row, *rows_to_score(row, rng, **options)]
        true, *others = [logs.sum() for logs in logs_of(rows)]
        return sum(other > true for other in others)

    return answer


def the_same_shuffle(row, rng, logs_of):
    rows = rows_to_score(row, rng, 1) * 20
    true, *others = [logs.sum() for logs in logs_of([row, *rows])]
    return sum(other > true for other in others)


def shuffles_a_copy(row, rng, logs_of):
    rows = []
    for _ in range(20):
        rng.shuffle(row[1:-1])
        rows.append(list(row))
    true, *others = [logs.sum() for logs in logs_of([row, *rows])]
    return sum(other > true for other in others)


def in_place(row, rng, logs_of):
    (true,) = logs_of([list(row)])
    found = 0
    for _ in range(20):
        row[1:-1] = rng.permutation(row[1:-1]).tolist()
        found += logs_of([list(row)])[0].sum() > true.sum()
    return found


def with_ties(row, rng, logs_of):
    true, *others = [logs.sum() for logs in logs_of([row, *rows_to_score(row, rng)])]
    return sum(other >= true - 1e-9 for other in others)


def with_another_rng(row, rng, logs_of):
    return rank(row, np.random.default_rng(), logs_of)


def drawn_with_repeats(row, rng, logs_of):
    rows = [[row[0], *rng.choice(row[1:-1], len(row) - 2), row[-1]] for _ in range(20)]
    true, *others = [logs.sum() for logs in logs_of([row, *rows])]
    return sum(other > true for other in others)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (less_likely, "less likely rows were counted"),
        (from_one, "one too high"),
        (as_a_share, "a share"),
        (by_the_last, "likelier as a whole"),
        (with_rows(n=10), "10 shuffled rows were scored, not 20"),
        (with_rows(first=0), "the label was moved"),
        (with_rows(last=None), "END was moved"),
        (the_same_shuffle, "all shuffled rows are the same"),
        (shuffles_a_copy, "shuffles a copy, which is lost"),
        (in_place, "changed the row"),
        (with_ties, "as likely as the true row"),
        (drawn_with_repeats, "does not have the words"),
        (lambda row, rng, logs_of: logs_of(row), "takes a list of rows"),
        (lambda row, rng, logs_of: rank(row, rng, lambda rows: logs_of(rows[1:])), "not scored"),
    ],
)
def test_rank_of_truth_refused(is_refused, answer, sentence):
    is_refused("07.3", sentence, answer)


def test_rank_of_truth_draws_from_rng(is_refused):
    is_refused("07.3", "shuffle with rng", with_another_rng)
