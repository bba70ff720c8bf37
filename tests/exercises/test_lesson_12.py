"""The checks of lesson 12: right answers in several forms, and wrong ones."""

import copy

import numpy as np
import pytest


def test_multiplications(is_right):
    is_right("12.1", 74_112, 16_640)
    is_right("12.1", 74_112.0, np.float32(16_640))


@pytest.mark.parametrize(
    ("gru", "min_gru", "sentence"),
    [
        (16_640, 74_112, "wrong way round"),
        (73_728, 16_640, "n_gru lacks the products element by element"),
        (73_984, 16_640, "n_gru has two products"),
        (24_960, 16_640, "n_gru lacks the products with the state"),
        (74_496, 16_640, "number of weights"),
        (49_536, 16_640, "two gates"),
        (74_112, 16_384, "n_min_gru lacks"),
        (74_112, 16_512, "n_min_gru has one product"),
        (74_112, 24_832, "three matrices"),
        (74_112, 49_408, "minGRU doesn't"),
        (1, 16_640, "n_gru is not 1"),
        (74_112, 1, "n_min_gru is not 1"),
    ],
)
def test_multiplications_refused(is_refused, gru, min_gru, sentence):
    is_refused("12.1", sentence, gru, min_gru)


def streams(n, steps, rng, share=0.2):
    values, marked = rng.integers(0, 2, (n, steps)), rng.random((n, steps)) < share
    marked[:, 0] = True
    x = np.stack([values, marked], axis=-1).astype("float32")
    return x, np.repeat(values[:, :1], steps, axis=1)


def in_other_order(n, steps, rng):
    marked, values = rng.uniform(size=(n, steps)) < 0.3, rng.random((n, steps)) < 0.5
    marked |= np.arange(steps) == 0
    answers = np.broadcast_to(values[:, 0, None, None], (n, steps, 1))
    return np.concatenate([values[..., None], marked[..., None]], axis=2), answers


def as_tensors(n, steps, rng):
    import tensorflow as tf

    return [tf.constant(part) for part in streams(n, steps, rng)]


@pytest.mark.parametrize("answer", [streams, in_other_order, as_tensors])
def test_first_marked(is_right, answer):
    is_right("12.2", answer)


def changed(change):
    def answer(n, steps, rng):
        x, answers = streams(n, steps, rng)
        return change(x, answers)

    return answer


def last_marked(x, answers):
    last = np.maximum.accumulate(np.where(x[..., 1] > 0, np.arange(x.shape[1]), 0), axis=1)
    return x, np.take_along_axis(x[..., 0], last, axis=1)


def all_marked_equal(x, answers):
    x[..., 0] = np.where(x[..., 1] > 0, answers, x[..., 0])
    return x, answers


def first_unmarked(x, answers):
    x[:3, 0, 1] = 0
    return x, answers


def of_its_own(n, steps, rng):
    return streams(n, steps, np.random.default_rng())


def of_its_own_seed(n, steps, rng):
    return streams(n, steps, np.random.default_rng(0))


def with_markers_of_its_own(n, steps, rng):
    x, answers = streams(n, steps, rng)
    x[..., 1] = streams(n, steps, np.random.default_rng(0))[0][..., 1]
    return x, answers


def of_a_copy(n, steps, rng):
    return streams(n, steps, copy.deepcopy(rng))


def every_fifth(x, answers):
    x[..., 1] = np.arange(x.shape[1]) % 5 == 0
    return x, answers


def one_row_of(place):
    def change(x, answers):
        x[..., place] = x[0, :, place]
        return x, np.repeat(x[:, :1, 0], x.shape[1], axis=1)

    return changed(change)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (changed(last_marked), "last marker so far"),
        (changed(lambda x, y: (x, x[..., 0])), "the same step"),
        (changed(lambda x, y: (x, 1 - y)), "opposite"),
        (changed(lambda x, y: (x[..., ::-1], y)), "values come first"),
        (changed(lambda x, y: (x, y[:, 0])), "one for each step"),
        (changed(lambda x, y: (x.swapaxes(0, 1), y)), "has the shape (30, 300, 2)"),
        (changed(all_marked_equal), "draw them anew"),
        (changed(first_unmarked), "no marker at its first step"),
        (changed(lambda x, y: x), "no pair"),
        (changed(lambda x, y: (2 * x - 1, y)), "other numbers than 0 and 1"),
        (lambda n, steps, rng: streams(n, steps, rng, 0), "no later step is marked"),
        (lambda n, steps, rng: streams(n, steps, rng, 0.5), "about one in five"),
        (lambda n, steps, rng: streams(n, steps, rng, 0.02), "about one in five"),
        (changed(lambda x, y: (x, y.T)), "the shape (30, 300), not (300, 30)"),
        (of_its_own, "draw with rng"),
        (of_its_own_seed, "the second call with an rng gives the values of the first"),
        (with_markers_of_its_own, "the second call with an rng gives the markers of the first"),
        (of_a_copy, "the second call with an rng"),
        (changed(every_fifth), "markers at the same steps"),
        (one_row_of(1), "markers at the same steps"),
        (one_row_of(0), "the same values"),
        (changed(lambda x, y: (x, np.where(np.arange(30) == 7, 0, y))), "some answer"),
    ],
)
def test_first_marked_refused(is_refused, answer, sentence):
    is_refused("12.2", sentence, answer)


def loop(a, b, h=0.0):
    states = []
    for a_t, b_t in zip(a, b, strict=True):
        h = a_t * h + b_t
        states.append(h)
    return np.stack(states)


def chunk_by_chunk(
    a, b, size, carry=lambda factors, h: factors * h, end=lambda states, inside: states
):
    found, h = [], 0.0
    for i in range(0, len(a), size):
        inside = loop(a[i : i + size], b[i : i + size])
        factors = np.cumprod(a[i : i + size], axis=0)
        found.append(inside + carry(factors, h))
        h = end(found[-1], inside)[-1]
    return np.concatenate(found)


def all_at_once(a, b, size, join=loop):
    n = -(-len(a) // size) * size
    pad = [(0, n - len(a)), *[(0, 0)] * (a.ndim - 1)]
    shape = (-1, size, *a.shape[1:])
    a_chunks, b_chunks = (np.pad(v, pad).reshape(shape).swapaxes(0, 1) for v in (a, b))
    inside, factors = loop(a_chunks, b_chunks), np.cumprod(a_chunks, axis=0)
    ends = join(factors[-1], inside[-1])
    before = np.concatenate([np.zeros_like(ends[:1]), ends[:-1]])
    states = inside + factors * before
    return states.swapaxes(0, 1).reshape(n, *a.shape[1:])[: len(a)]


def in_float32(a, b, size):
    return all_at_once(a.astype("float32"), b.astype("float32"), size)


def without_padding(a, b, size):
    size = min(size, len(a))
    n = len(a) // size * size
    shape = (-1, size, *a.shape[1:])
    a_chunks, b_chunks = (v[:n].reshape(shape).swapaxes(0, 1) for v in (a, b))
    inside, factors = loop(a_chunks, b_chunks), np.cumprod(a_chunks, axis=0)
    ends = loop(factors[-1], inside[-1])
    before = np.concatenate([np.zeros_like(ends[:1]), ends[:-1]])
    states = (inside + factors * before).swapaxes(0, 1).reshape(n, *a.shape[1:])
    if n == len(a):
        return states
    return np.concatenate([states, loop(a[n:], b[n:], states[-1])])


def from_the_ends_again(a, b, size):
    """No array of factors: the loop runs again, from the states before the chunks."""
    n = -(-len(a) // size)
    pad = [(0, n * size - len(a)), *[(0, 0)] * (a.ndim - 1)]
    a_chunks, b_chunks = (np.pad(v, pad).reshape(n, size, *a.shape[1:]) for v in (a, b))
    whole, end = np.ones_like(a_chunks[:, 0]), np.zeros_like(b_chunks[:, 0])
    for t in range(size):
        whole *= a_chunks[:, t]
        end = np.where(True, a_chunks[:, t] * end + b_chunks[:, t], 0)
    h = np.zeros_like(end)
    for k in range(1, n):
        h[k] = whole[k - 1] * h[k - 1] + end[k - 1]
    states = np.zeros_like(b_chunks)
    for t in range(size):
        h = states[:, t] = np.add(np.multiply(a_chunks[:, t], h), b_chunks[:, t])
    return states.reshape(n * size, *a.shape[1:])[: len(a)]


def corrected_in_place(a, b, size):
    """Every `size`th row is one step of all chunks; a list of rows comes back."""
    states, factors = b.copy(), a.copy()
    for t in range(1, min(size, len(a))):
        n = len(states[t::size])
        states[t::size] += a[t::size] * states[t - 1 :: size][:n]
        factors[t::size] *= factors[t - 1 :: size][:n]
    for start in range(size, len(a), size):
        states[start : start + size] += factors[start : start + size] * states[start - 1]
    return list(states)


def by_a_scan_of_the_ends(a, b, size):
    return all_at_once(a, b, size, lambda factors, inside: by_a_scan(factors, inside, None))


def by_a_scan(a, b, size):
    reach = 1
    while reach < len(a):
        b = np.concatenate([b[:reach], a[reach:] * b[:-reach] + b[reach:]])
        a = np.concatenate([a[:reach], a[reach:] * a[:-reach]])
        reach *= 2
    return b


@pytest.mark.parametrize(
    "answer",
    [
        all_at_once,
        in_float32,
        without_padding,
        from_the_ends_again,
        corrected_in_place,
        by_a_scan_of_the_ends,
    ],
)
def test_scan_in_chunks(is_right, verdict, answer):
    is_right("12.3", answer)
    assert "only their ends wait" in verdict("12.3", answer)


def test_scan_in_chunks_of_other_arrays_is_right_as_far_as_can_be_seen(is_right, verdict):
    def of_copies(a, b, size):
        return all_at_once(np.array(a), np.array(b), size)

    is_right("12.3", of_copies)
    assert "could not be seen" in verdict("12.3", of_copies)


def row_by_row(a, b, size):
    states = np.zeros_like(b)
    for t in range(len(a)):
        states[t] = b[t] if t == 0 else np.multiply(a[t], states[t - 1]) + b[t]
    return states


def number_by_number(a, b, size):
    states = b.copy()
    for index in np.ndindex(b[1:].shape):
        t, place = index[0] + 1, index[1:]
        states[t, *place] += a[t, *place] * states[t - 1, *place]
    return states


def in_lists(a, b, size):
    states = [b[0]]
    for a_t, b_t in list(zip(a, b, strict=True))[1:]:
        states.append(a_t * states[-1] + b_t)
    return states


def at_once_without_chain(a, b, size):
    ends = [loop(a[i : i + size], b[i : i + size])[-1] for i in range(0, len(a), size)]
    found = []
    for number, i in enumerate(range(0, len(a), size)):
        before = ends[number - 1] if number else 0
        found.append(loop(a[i : i + size], b[i : i + size], before))
    return np.concatenate(found)


def late_with_right_ends(a, b, size):
    states, found = loop(a, b), []
    for i in range(0, len(a), size):
        factors = np.cumprod(a[i : i + size], axis=0)
        before = states[i - 1] if i else 0
        found.append(loop(a[i : i + size], b[i : i + size]) + late(factors, before))
    return np.concatenate(found)


def late(factors, h):
    return np.concatenate([np.ones_like(factors[:1]), factors[:-1]]) * h


def by_division(a, b, size):
    factors = np.cumprod(a, axis=0)
    with np.errstate(all="ignore"):
        return factors * np.cumsum(b / factors, axis=0)


def in_place(a, b, size):
    for t in range(1, len(a)):
        b[t] += a[t] * b[t - 1]
    return b


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda a, b, n: chunk_by_chunk(a, b, n, lambda f, h: 0), "each starts from zeros"),
        (lambda a, b, n: chunk_by_chunk(a, b, n, late), "one step late"),
        (lambda a, b, n: chunk_by_chunk(a, b, n, lambda f, h: h), "as it is"),
        (late_with_right_ends, "one step late"),
        (at_once_without_chain, "lacks what"),
        (lambda a, b, n: chunk_by_chunk(a, b, n, end=lambda states, inside: inside), "lacks what"),
        (lambda a, b, n: loop(a, b)[: len(a) // n * n], "last whole chunk are missing"),
        (lambda a, b, n: loop(a, b)[::-1], "right up to step 0"),
        (lambda a, b, n: loop(a, b).T, "the shape is"),
        (by_division, "division by a factor"),
        (in_place, "an argument was changed"),
        (lambda a, b, size: loop(a, b), "one after the other: 400 products for 400 steps"),
        (chunk_by_chunk, "one after the other: 440 products"),
        (row_by_row, "one after the other"),
        (number_by_number, "one after the other"),
        (by_a_scan, "size changes nothing"),
        (lambda a, b, size: all_at_once(a, b, 16), "size changes nothing"),
        (in_lists, "one after the other"),
    ],
)
def test_scan_in_chunks_refused(is_refused, answer, sentence):
    is_refused("12.3", sentence, answer)
