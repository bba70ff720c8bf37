"""What the layer is timed beside computes the same, and slower lines are named."""

import pytest

import speed
import speed_peers

SHAPE = (3, 7, 4, 5)


@pytest.mark.parametrize(
    ("name", "kinds", "modules"),
    [
        ("Keras, XLA", {"train", "infer"}, []),
        ("JAX", {"train", "infer"}, ["jax"]),
        ("ONNX Runtime", {"infer"}, ["onnx", "onnxruntime"]),
        ("torch.nn.GRU", {"train", "infer"}, ["torch"]),
    ],
)
def test_other_libraries_compute_the_same(name, kinds, modules):
    for module in modules:
        pytest.importorskip(module)
    calls = speed_peers.make_peers(SHAPE, names=[name])  # compares their results
    assert {kind for kind, called in calls if called == name} == kinds


def test_ours_takes_part_as_it_is_and_under_xla():
    calls = speed_peers.make_peers(SHAPE, names=[])
    ours = {kind for kind, called in calls if called == "gru_tf.GRU, XLA"}
    assert ours == {kind for kind, called in calls if called == "gru_tf.GRU"} == {"train", "infer"}


@pytest.mark.parametrize("kind", ["train", "infer"])
def test_another_result_is_not_timed(monkeypatch, kind):
    def wrong(layer, x):
        calls = speed_peers.calls_of(layer, x)
        infer, train = calls["infer"], calls["train"]
        other = {"infer": lambda: 1.1 * infer(), "train": lambda: [1.1 * train()[0]]}
        return calls | {kind: other[kind]}

    monkeypatch.setitem(speed_peers.PEERS, "wrong", wrong)
    with pytest.raises(AssertionError, match="wrong"):
        speed_peers.make_peers(SHAPE, names=["wrong"])


def test_slower_lines_are_named():
    rows = [[SHAPE, "train", 1.0, 1.04], [SHAPE, "infer", 1.0, 1.07]]
    assert speed_peers.slower_lines(rows) == "infer at 3, 7, 4, 5 (1.07)"
    assert speed_peers.slower_lines(rows[:1]) == "none"


@pytest.mark.parametrize(
    ("flags", "said"),
    [("sse2 avx2 avx512f", " with AVX-512"), ("sse2 avx2", " with AVX2"), ("sse2", ""), (None, "")],
)
def test_the_pages_name_the_widest_vectors(tmp_path, flags, said):
    cpuinfo = tmp_path / "cpuinfo"
    if flags:
        cpuinfo.write_text(f"flags\t\t: fpu {flags}\n")
    assert speed.vector_instructions(cpuinfo) == said
