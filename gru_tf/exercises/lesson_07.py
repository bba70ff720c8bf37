"""Exercises of lesson 07: perplexity, min-p, and the rank of the true order."""

import numpy as np

from gru_tf.exercises.checking import Wrong, as_array, as_number, close, exercise, require

N_TOKENS = 2002
N_SHUFFLES = 20


@exercise(
    "07.1", "each token costs -ln(1/2002); perplexity is exp of the mean, bits are mean/ln 2."
)
def uniform(perplexity, bits):
    perplexity, bits = as_number(perplexity, "perplexity"), as_number(bits, "bits")
    nats = np.log(N_TOKENS)
    if np.isclose(perplexity, nats, rtol=0.01) or np.isclose(
        perplexity, nats / np.log(2), rtol=0.01
    ):
        raise Wrong("the perplexity is the exponential of the mean cost, and you gave the cost.")
    require(
        not np.isclose(perplexity, 1 / N_TOKENS, rtol=0.01),
        "the perplexity is not the probability of a token: the surer a model, the smaller it is.",
    )
    require(perplexity != 2000, "2000 are the words: the two labels are tokens, too.")
    require(abs(perplexity - N_TOKENS) < 0.5, f"the perplexity is not {perplexity:g}.")
    require(not np.isclose(bits, nats, rtol=0.01), "the bits are in nats: divide by ln 2.")
    require(bits > 0, "the bits have the wrong sign: a cost is -ln p, not ln p.")
    require(
        np.isclose(bits, nats / np.log(2), rtol=0.01), f"the perplexity is, bits are not {bits:g}."
    )


@exercise("07.2", "compare with share * probabilities.max(), and divide what is left by its sum.")
def min_p(function):
    for probabilities, share in (
        ([0.5, 0.3, 0.2], 0.5),
        ([0.1, 0.4, 0.2, 0.3], 0.6),
        ([0.0625, 0.5, 0.25, 0.1875], 0.5),  # 0.25 is exactly half of the largest
        ([0.25] * 4, 1.0),
        ([0.01] * 50 + [0.5], 0.1),
    ):
        p = np.array(probabilities)
        given = p.copy()
        kept = as_array(function(given, share), "the result", p.shape)
        require((given == p).all(), "the function changed the array that it was given: copy first.")
        right = np.where(p >= share * p.max(), p, 0)
        require(np.isfinite(kept).all(), "the result holds what is no number: was all cut away?")
        if not close(kept, right / right.sum()):
            raise Wrong(what_min_p_did(kept, p, share, right))
    return "It keeps many tokens where the model is unsure, and few where it is sure."


def what_min_p_did(kept, p, share, right):
    place = f"for {p.tolist() if len(p) < 9 else 'fifty rare tokens and one frequent'} and {share}"
    if close(kept, right):
        return f"{place}, what is kept is right, but does not sum to 1."
    if np.isclose(kept.sum(), 1) and close(np.sort(kept), np.sort(right / right.sum())):
        return f"{place}, the probabilities are right, but not at the places of their tokens."
    if ((kept > 0) & (p < share * p.max())).any():
        if ((kept > 0) == (p < share * p.max())).all():
            return f"{place}, the rare tokens are kept and the likely ones cut."
        return f"{place}, a token is kept that is below share times the largest."
    edge = np.isclose(p, share * p.max())
    if ((kept == 0) & edge).any() and ((kept > 0) == (right > 0))[~edge].all():
        return f"{place}, a token at exactly share times the largest is cut: 'at least' keeps it."
    if ((kept == 0) & (right > 0)).any():
        return f"{place}, a token is cut that has at least share times the largest."
    return f"{place}, the right tokens are kept, but not in their own proportions."


@exercise(
    "07.3", "shuffle row[1:-1] alone, sum the logs of each row, and count the sums above the true."
)
def rank_of_truth(function):
    rng = np.random.default_rng(0)
    table = np.log(rng.dirichlet(np.ones(12), 12))  # the token before, the token after
    table = np.round(1024 * table) / 1024  # so that sums are exact in any order
    rows = [[10, *rng.integers(3, 10, n).tolist(), 2] for n in (9, 9, 9, 6, 12)]
    for row in [*rows, [11, 4, 4, 4, 4, 2]]:
        given = list(row)
        said, scored = rank_by(function, given, table)
        compare_ranks(said, row, given, scored, table)
    again = [rank_by(function, list(rows[0]), table) for _ in range(2)]
    require(again[0] == again[1], "the same rng gives other shuffles: shuffle with rng.")


def rank_by(function, row, table):
    """Return what the reader's function says of a row, and the rows that it had scored."""
    scored = []

    def logs_of(rows):
        try:
            rows = [[int(token) for token in one] for one in rows]
        except TypeError:
            raise Wrong("logs_of takes a list of rows, and was given something else.") from None
        scored.extend(rows)
        return [table[one[:-1], one[1:]] for one in rows]

    return as_number(function(row, np.random.default_rng(1), logs_of), "the rank"), scored


def compare_ranks(said, row, given, scored, table):
    require(given == row, "the function changed the row that it was given: shuffle a copy.")
    require(row in scored, "the true row was not scored.")
    scored.remove(row)
    while len(scored) > N_SHUFFLES and row in scored:  # it may be scored beside each shuffled row
        scored.remove(row)
    require(all(one[:1] == row[:1] for one in scored), "the label was moved: it stays in front.")
    require(all(one[-1:] == row[-1:] for one in scored), "END was moved: it stays last.")
    require(
        all(sorted(one) == sorted(row) for one in scored),
        "a shuffled row does not have the words of the true one.",
    )
    if len(scored) != N_SHUFFLES:
        raise Wrong(f"{len(scored)} shuffled rows were scored, not {N_SHUFFLES}.")
    some_move = len({*row[1:-1]}) > 1
    require(
        not some_move or any(one != row for one in scored),
        "no row was shuffled: `rng.shuffle(row[1:-1])` shuffles a copy, which is lost.",
    )
    differ = len({*map(tuple, scored)}) > 1 or not some_move
    require(differ, "all shuffled rows are the same one: shuffle anew for each.")
    sums = np.array([table[one[:-1], one[1:]].sum() for one in scored])
    true = table[row[:-1], row[1:]].sum()
    same = np.isclose(sums, true)
    likelier, less = int(((sums > true) & ~same).sum()), int(((sums < true) & ~same).sum())
    if said == likelier:
        return
    # Where sums are equal, the order of additions may decide: any count between is as right.
    if same.any() and said == likelier + same.sum():
        raise Wrong("a shuffle that is as likely as the true row was counted as likelier.")
    require(said != less, "the less likely rows were counted: count those above the true one.")
    require(not np.isclose(said, likelier / N_SHUFFLES), "the result is a share: return how many.")
    require(said != likelier + 1, "the rank is one too high: it starts from 0.")
    raise Wrong(f"{likelier} shuffled rows are likelier as a whole, and you returned {said:g}.")
