"""The page about a search: its numbers are the leaderboard's, and it needs nothing else."""

import html.parser
import io
import re

import numpy as np
import pandas as pd
import pytest

from gru_tf.tuning import __main__ as command
from gru_tf.tuning import leaderboard, price
from gru_tf.tuning.importance import importance
from gru_tf.tuning.report import write_report
from small_search import Count, X, Y, build, search


@pytest.fixture(scope="module")
def large_page(large):
    return write_report(large.folder, large.folder.parent / "page.html").read_text()


def tables(page):
    found = re.findall(r'<table [^>]*"dataframe">.*?</table>', page, re.DOTALL)
    return [pd.read_html(io.StringIO(table))[0] for table in found]


def curves(page):
    """Return the vertices of the learning curves by their tooltip."""
    part = page[page.index("<h2>Learning curves") : page.index("<h2>All trials")]
    pattern = r'<g><title>(.*?)</title>\s*<path d="(.*?)"'
    drawn = re.findall(pattern, part, re.DOTALL)
    return [
        (tip, [tuple(map(float, re.findall(r"-?[\d.]+", p))) for p in re.findall(r"[ML][^ML]*", d)])
        for tip, d in drawn
    ]


def test_numbers_are_those_of_the_leaderboard(large, large_page):
    expected = leaderboard(large)
    found = tables(large_page)[-1].set_index("rank")
    names = ["trial", "units", "bracket", "rung", "epochs", "epochs_run", "parameters", "status"]
    pd.testing.assert_frame_equal(found[names], expected[names], check_dtype=False)
    for name in ("score", "learning_rate", "seconds"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)
    by_rung = tables(large_page)[0]
    assert by_rung["bracket"].tolist() == [2, 2, 2, 1, 1, 0]
    assert by_rung["trials"].tolist() == [4, 2, 1, 3, 2, 3]
    assert by_rung["epochs"].tolist() == [4, 2, 2, 6, 4, 12]
    assert by_rung["minutes"].sum() == pytest.approx(expected["seconds"].sum() / 60, abs=0.04)
    assert "15 trials, 0 of them failed, best 0." in large_page
    assert "not finished" not in large_page


def test_every_trial_has_its_curve(make):
    tuner = make("random", max_trials=3, objective="val_loss")
    table = search(tuner).sort_values("trial")
    losses = np.array([logs["val_loss"] for logs in Count.epochs]).reshape(3, 3)
    drawn = curves(write_report(tuner.folder).read_text())
    assert len(drawn) == 3
    heights, values = [], []
    for tip, points in drawn:
        number = int(re.match(r"trial (\d+): ", tip)[1])
        assert f"units={table['units'].iloc[number - 1]} " in tip
        assert f"score {losses[number - 1].min():.4f}" in tip
        heights += [y for _, y in points]
        values += losses[number - 1].tolist()
    # Points of the page lie as the losses do: downwards, and on a line.
    assert np.corrcoef(heights, values)[0, 1] == pytest.approx(-1, abs=1e-6)


def test_promoted_trials_go_on_where_their_parents_ended(large, large_page):
    table, starts = leaderboard(large).set_index("trial"), {}
    for tip, points in curves(large_page):
        starts[int(re.match(r"trial (\d+): ", tip)[1])] = points[0][0]
    assert len(starts) == 15
    first = table["epochs"] - table["epochs_run"]
    x = [starts[number] for number in table.index]
    assert np.corrcoef(x, first)[0, 1] == pytest.approx(1, abs=1e-6)


def test_price_stands_beside_the_time(make):
    tuner = make("random", max_trials=2, max_epochs=1)
    cost = price(tuner, X, Y, seconds_per_epoch=60.0)
    search(tuner)
    price(tuner, X, Y, seconds_per_epoch=600.0)  # of what is left: it does not count
    page = write_report(tuner.folder).read_text()
    assert cost.minutes == 2
    assert tables(page)[0]["priced minutes"].tolist() == [2]
    took = leaderboard(tuner)["seconds"].sum() / 120
    assert f"The search took {took:.2f} times as long" in page


def build_that_fails(hp):
    model = build(hp)
    if hp.get("learning_rate") == 0.1:
        raise RuntimeError("no such <rate>")
    return model


def test_an_unfinished_search_with_failures_in_a_folder_with_brackets(make, tmp_path):
    options = {"build": build_that_fails, "max_epochs": 1, "name": "my [2] search"}
    tuner = make("grid", **options)
    with pytest.raises(KeyboardInterrupt):
        search(tuner, interrupt_at=4)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    page = write_report(tuner.folder).read_text()
    assert "This search is not finished" in page
    table = leaderboard(tuner)
    left = 12 - int(table["status"].isin(["completed", "failed"]).sum())
    assert f"{left} trials of {left} epochs are still to run" in page
    assert "RuntimeError: no such &lt;rate&gt;" in page
    assert "The importance needs 8 different settings" in page
    after = {path: path.read_bytes() for path in before}
    assert after == before, "a report changes nothing of the search"
    assert len(search(make("grid", **options))) == 12


class Loads(html.parser.HTMLParser):
    """Collects what would make a browser ask for something."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        loaded = {
            name: value for name, value in attributes if name in ("src", "href", "xlink:href")
        }
        self.found += [v for v in loaded.values() if not v.startswith("#")]
        if tag in ("script", "link", "img", "iframe", "object", "embed"):
            self.found.append(tag)


def test_nothing_is_loaded_and_the_page_is_light(large_page):
    loads = Loads()
    loads.feed(large_page)
    assert loads.found == []
    assert "@import" not in large_page
    assert re.findall(r"url\((?!#)", large_page) == []
    assert "default-src 'none'" in large_page
    assert len(large_page) < 400_000
    ids = re.findall(r'\bid="([^"]*)"', large_page)
    assert len(set(ids)) == len(ids)


def test_without_a_search_it_says_so(make, tmp_path):
    with pytest.raises(ValueError, match="holds no search.json"):
        write_report(tmp_path / "none")
    with pytest.raises(ValueError, match="No trial of the search in .* has begun"):
        write_report(make().folder)
    with pytest.raises(SystemExit, match="holds no search.json"):
        command.main(["--report", "--directory", str(tmp_path), "--name", "none"])


def test_command_writes_it(large, capsys):
    words = ["--report", "--directory", str(large.folder.parent), "--name", large.folder.name]
    assert command.main(words) is None
    written = large.folder / "report.html"
    assert capsys.readouterr().out.strip() == str(written)
    assert tables(written.read_text())[-1]["score"].notna().all()
    with pytest.raises(SystemExit):
        command.main([*words, "--storage", "sqlite:///none.db"])
    assert "optuna-dashboard shows a database" in capsys.readouterr().err


# Importance


def made_up(score, n=40):
    """Return a leaderboard of settings drawn at random, with a score that follows a rule."""
    rng = np.random.default_rng(0)
    columns = {"units": rng.integers(1, 100, n), "kind": rng.choice(["a", "b"], n)}
    table = pd.DataFrame({**columns, "rate": rng.uniform(size=n)})
    table["score"] = score(table) + rng.normal(scale=0.01, size=n)
    table.attrs["hyperparameters"] = ["units", "kind", "rate"]
    return table


def test_importance_finds_what_the_score_is_made_of():
    found = importance(made_up(lambda t: t["units"] / 100 + 0.3 * (t["kind"] == "b")))
    assert found.index.tolist() == ["units", "kind", "rate"]
    assert (found["importance"] > 3 * found["error"])[["units", "kind"]].all()
    assert abs(found["importance"]["rate"]) < 0.02
    assert found.attrs["r2"] > 0.8
    # Where the kind alone counts, a setting that gets another's is wrong by 0.3 if they differ.
    table = made_up(lambda t: 0.3 * (t["kind"] == "b"))
    share = (table["kind"] == "b").mean()
    found = importance(table)["importance"]
    assert found["kind"] == pytest.approx(0.3 * 2 * share * (1 - share), abs=0.04)


def test_importance_of_noise_is_none():
    found = importance(made_up(lambda t: np.random.default_rng(1).normal(size=len(t))))
    assert found.attrs["r2"] < 0.1
    assert (found["importance"] < 2 * found["error"]).all()


def test_importance_bears_what_is_missing_and_never_differs():
    table = made_up(lambda t: t["units"] / 100)
    table.loc[::3, "rate"] = np.nan
    table.loc[::5, "score"] = np.nan
    table["kind"] = "a"
    assert importance(table).index.tolist() == ["units", "rate"]
    with pytest.raises(ValueError, match="needs 8 different settings .* Received: 7"):
        importance(table.dropna(subset="score").head(7))
