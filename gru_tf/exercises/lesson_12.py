"""Exercises of lesson 12: multiplications of a step, a task that needs the state, and chunks."""

import numpy as np

from gru_tf.exercises.checking import Wrong, as_array, as_number, close, exercise, require

N_X, N_H = 64, 128


@exercise("12.1", "n_x n_h for a matrix on the input, n_h² for one on the state, n_h for each ⊙.")
def multiplications(gru, min_gru):
    gru, min_gru = as_number(gru, "n_gru"), as_number(min_gru, "n_min_gru")
    matrices, on_input = 3 * (N_X * N_H + N_H**2), 3 * N_X * N_H
    right, right_min = matrices + 3 * N_H, 2 * N_X * N_H + 2 * N_H
    require((gru, min_gru) != (right_min, right), "the two are the wrong way round.")
    causes = {
        matrices: "lacks the products element by element: r ⊙ state, and two in the last line.",
        matrices + N_H: "has one product element by element: there are three.",
        matrices
        + 2 * N_H: "has two products element by element: there are three, one of them r's.",
        on_input + 3 * N_H: "lacks the products with the state.",
        matrices + 6 * N_H: "is the number of weights, biases included: a bias is added.",
        2 * (N_X * N_H + N_H**2) + 3 * N_H: "has two gates: the candidate is a third product.",
    }
    require(gru not in causes, f"n_gru {causes.get(gru)}")
    require(gru == right, f"n_gru is not {gru:,.0f}.")
    causes = {
        2 * N_X * N_H: "lacks the products element by element: two in the last line.",
        2 * N_X * N_H + N_H: "has one product element by element: there are two.",
        2 * N_X * N_H + 3 * N_H: "has three products element by element: there is no reset gate.",
        3 * N_X * N_H + 2 * N_H: "has three matrices: there is no reset gate.",
        2 * (N_X * N_H + N_H**2) + 2 * N_H: "multiplies the state by matrices: minGRU doesn't.",
    }
    require(min_gru not in causes, f"n_min_gru {causes.get(min_gru)}")
    require(min_gru == right_min, f"n_gru is right, and n_min_gru is not {min_gru:,.0f}.")


@exercise(
    "12.2", "set marked[:, 0] = True, and repeat values[:, :1] over all steps for the answers."
)
def first_marked(function):
    n, steps = 300, 30
    result = function(n, steps, np.random.default_rng(0))
    require(
        isinstance(result, tuple | list) and len(result) == 2, "the result is no pair (x, answers)."
    )
    x, answers = as_array(result[0], "x", (n, steps, 2)), as_array(result[1], "answers")
    require(
        answers.shape in ((n, steps), (n, steps, 1)),
        f"answers have the shape {answers.shape}, not {n, steps}: one for each step.",
    )
    answers = answers.reshape(n, steps)
    for name, array in (("x", x), ("answers", answers)):
        require(np.isin(array, (0, 1)).all(), f"{name} holds other numbers than 0 and 1.")
    values, marked = x[..., 0], x[..., 1] > 0
    require(
        marked[:, 0].all() or not (values[:, 0] == 1).all(),
        "values and markers are the wrong way round: the values come first in x.",
    )
    require(marked[:, 0].all(), "some stream has no marker at its first step: no answer there yet.")
    later = marked[:, 1:].mean()
    require(later > 0, "no later step is marked: then a gate that sees the input is enough.")
    require(
        (marked != marked[0]).any(),
        "all streams have their markers at the same steps: draw them for each stream.",
    )
    require(
        (values != values[0]).any(), "all streams hold the same values: draw them for each stream."
    )
    require(
        0.1 < later < 0.35, f"of the later steps {later:.0%} are marked: draw about one in five."
    )
    require(0.3 < values.mean() < 0.7, "values are not 0 and 1 equally often.")
    same = (
        values[:, 1:][marked[:, 1:]]
        == np.broadcast_to(values[:, :1], (n, steps - 1))[marked[:, 1:]]
    )
    require(not same.all(), "later marked values are all the first one: draw them anew.")
    last = np.maximum.accumulate(np.where(marked, np.arange(steps), 0), axis=1)
    by_last = np.take_along_axis(values, last, axis=1)
    if not (answers == values[:, :1]).all():
        require((answers != by_last).any(), "the answers are those of the last marker so far.")
        require((answers != values).any(), "the answers are the values of the same step.")
        require(
            (answers == values[:, :1]).any(), "the answers are the opposite of the marked values."
        )
        raise Wrong("some answer is not the value at the first marker of its stream.")
    again = function(n, steps, np.random.default_rng(0))
    require(
        np.array_equal(as_array(again[0], "x"), x),
        "the same rng gives other streams: draw with rng.",
    )
    rng = np.random.default_rng(0)
    function(n, steps, rng)
    for source, sentence in (
        (rng, "the second call with an rng gives the {} of the first: draw with the rng itself."),
        (
            np.random.default_rng(1),
            "another rng gives the same {}: draw with the rng that is given.",
        ),
    ):
        other = as_array(function(n, steps, source)[0], "x", x.shape)
        for place, what in enumerate(("values", "markers")):
            require((other[..., place] != x[..., place]).any(), sentence.format(what))
    few = function(2, 7, np.random.default_rng(1))
    as_array(few[0], "x of 2 streams of 7 steps", (2, 7, 2))
    return "Now train both layers on it: the marker alone doesn't say whether it is the first."


@exercise(
    "12.3", "state before a chunk times the product of its factors so far, added to each step."
)
def scan_in_chunks(function):
    rng = np.random.default_rng(0)
    cases = [(24, size, (3,)) for size in (4, 1, 24)]
    cases += [(24, 7, (3,)), (25, 8, (2, 3)), (5, 9, (3,)), (1, 1, (2,))]
    for steps, size, shape in cases:
        a, b = rng.uniform(0.2, 1, (steps, *shape)), rng.normal(size=(steps, *shape))
        compare_states(function, a, b, size)
    flips = rng.choice([-1.0, 0.0, 1.0], (40, 2))
    compare_states(function, flips, rng.normal(size=(40, 2)), 6)
    steps, size, *other_sizes = 400, 20, 4, 50
    a, b = (rng.uniform(0.2, 1, (steps, 2)).view(Counted) for _ in range(2))
    if not (n := count_products(function, a, b, size)):
        return (
            "Whether the chunks run at once could not be seen: a and b were turned into other "
            "arrays or lists before any product."
        )
    require(
        n < steps / 2,  # a loop may leave out the first step, of each chunk even
        f"the states are right, but all steps were taken one after the other: {n} products for "
        f"{steps} steps in chunks of {size}. Take the same step of all chunks by one product.",
    )
    require(
        any(count_products(function, a, b, other) != n for other in other_sizes),
        f"the states are right, but size changes nothing: {n} products for chunks of {size}, of "
        f"{other_sizes[0]} and of {other_sizes[1]} steps. Cut time into chunks of size steps.",
    )
    return "The chunks can run at once: only their ends wait for each other."


class Counted(np.ndarray):
    """An array that counts products, element by element, of itself and of what comes from it."""

    products = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        Counted.products += ufunc is np.multiply
        outs = options.get("out", ())
        options |= {"out": tuple(map(plain, outs))} if outs else {}
        options |= {"where": plain(options["where"])} if "where" in options else {}
        result = getattr(ufunc, method)(*map(plain, inputs), **options)
        return outs[0] if len(outs) == 1 else as_counted(result)

    def __array_function__(self, function, types, arguments, options):
        return as_counted(super().__array_function__(function, types, arguments, options))

    def __getitem__(self, key):
        return as_counted(super().__getitem__(key))  # an element, too


def count_products(function, a, b, size):
    Counted.products = 0
    compare_states(function, a, b, size)
    return Counted.products


def plain(value):
    return value.view(np.ndarray) if isinstance(value, Counted) else value


def as_counted(value):
    if type(value) in (list, tuple):
        return type(value)(map(as_counted, value))
    return np.asarray(value).view(Counted) if isinstance(value, np.ndarray | np.generic) else value


def loop(a, b, h=0.0):
    states = []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        states.append(h)
    return np.stack(states)


def compare_states(function, a, b, size):
    where = f"for {len(a)} steps in chunks of {size}"
    given = a.copy(), b.copy()
    found = as_array(function(*given, size), f"{where}, the result")
    a, b = plain(a), plain(b)  # what follows is not counted
    right = loop(a, b)
    if found.shape != right.shape:
        short = found.shape[1:] == right.shape[1:] and len(found) < len(right)
        reason = "the steps behind the last whole chunk are missing." if short else ""
        reason = reason or f"the shape is {found.shape}, not {right.shape}."
        raise Wrong(f"{where}, {reason}")
    require((given[0] == a).all() and (given[1] == b).all(), f"{where}, an argument was changed.")
    if close(found, right):
        return
    require(
        np.isfinite(found).all(),
        f"{where}, a state is not finite: is there a division by a factor?",
    )
    parts = [slice(i, i + size) for i in range(0, len(a), size)]
    alone = np.concatenate([loop(a[part], b[part]) for part in parts])
    require(not close(found, alone), f"{where}, each starts from zeros: add what came before.")
    for rule, sentence in (
        ("one back", "only the chunk before is added, but its end lacks what came before it."),
        ("late", "the factors are one step late: the first step of a chunk has its own factor."),
        ("added", "what came before is added as it is: the factors change it on the way."),
    ):
        for ends in (right, None):
            wrong = joined_wrongly(a, b, parts, rule, ends)
            require(not close(found, wrong), f"{where}, {sentence}")
    first = int(np.argmax((np.abs(found - right) > 1e-3).reshape(len(a), -1).any(axis=1)))
    raise Wrong(f"{where}, the states are right up to step {first} and wrong from there.")


def joined_wrongly(a, b, parts, rule, ends):
    """Return the states by a wrong rule, with the right ends of chunks or with those it makes."""
    states, state = [], 0.0
    for part in parts:
        inside, factors = loop(a[part], b[part]), np.cumprod(a[part], axis=0)
        if rule == "late":
            factors = np.concatenate([np.ones_like(factors[:1]), factors[:-1]])
        elif rule == "added":
            factors = np.ones_like(factors)
        states.append(inside + factors * state)
        state = (inside if rule == "one back" else states[-1] if ends is None else ends[part])[-1]
    return np.concatenate(states)
