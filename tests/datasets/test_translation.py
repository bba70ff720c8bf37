"""Pairs of texts against other readers of the same files, and against Python's own dates."""

import datetime
import re
from importlib import metadata
from pathlib import Path

import pytest

from gru_tf import datasets
from gru_tf.datasets import translation

PARTS = ("train", "valid", "test")
FOLDER = "jupyterlab_language_pack_fr_FR/locale/fr_FR/LC_MESSAGES"


def pairs_of(data, part):
    return list(zip(getattr(data, f"x_{part}"), getattr(data, f"y_{part}"), strict=True))


# Dates

# The same forms for Python's strptime. It reads two digits of a year as from 1969 to 2068, too.
STRPTIME = {
    "d/M/yy": "%d/%m/%y",
    "dd/MM/yyyy": "%d/%m/%Y",
    "d.M.yyyy": "%d.%m.%Y",
    "d-M-yy": "%d-%m-%y",
    "d MMM yy": "%d %b %y",
    "d MMM yyyy": "%d %b %Y",
    "d-MMM-yyyy": "%d-%b-%Y",
    "d MMMM yyyy": "%d %B %Y",
    "MMMM d, yyyy": "%B %d, %Y",
    "EEE d MMM yy": "%a %d %b %y",
    "EEE, d MMM yyyy": "%a, %d %b %Y",
    "EEEE d MMMM yyyy": "%A %d %B %Y",
}


@pytest.mark.parametrize("form", datasets.DATE_FORMS)
def test_each_form_is_read_back_by_python(form):
    data = datasets.load_date_pairs(n=2000, forms=[form])
    for part in PARTS:
        for written, iso in pairs_of(data, part):
            text = written.replace("Sept", "Sep") if "September" not in written else written
            date = datetime.datetime.strptime(text, STRPTIME[form])
            assert date.date().isoformat() == iso
            if "%a" in STRPTIME[form].lower():  # strptime doesn't look at the weekday
                assert written.startswith(date.strftime("%a"))


def test_no_date_is_in_two_parts_nor_twice():
    data = datasets.load_date_pairs(n=34_525)
    dates = [iso for part in PARTS for iso in getattr(data, f"y_{part}")]
    assert len(dates) == len(set(dates)) == 36_525  # a hundred years
    assert (min(dates), max(dates)) == ("1969-01-01", "2068-12-31")
    assert len(data.x_valid) == len(data.x_test) == 1000


def test_the_seed_draws_the_training_part_alone():
    a, b, c = (datasets.load_date_pairs(n=300, seed=seed) for seed in (0, 0, 1))
    assert a == b
    assert a.x_train != c.x_train
    assert (a.x_valid, a.x_test) == (c.x_valid, c.x_test)
    other_forms = datasets.load_date_pairs(n=300, forms=["d.M.yyyy"])
    assert other_forms.y_test == a.y_test


def test_all_forms_are_drawn_about_as_often():
    data = datasets.load_date_pairs(n=12_000)
    with_weekday = sum(bool(re.match("(Mon|Tue|Wed|Thu|Fri|Sat|Sun)", x)) for x in data.x_train)
    assert with_weekday == pytest.approx(3 / 12 * 12_000, rel=0.1)
    with_slash = sum("/" in x for x in data.x_train)
    assert with_slash == pytest.approx(2 / 12 * 12_000, rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, ValueError, "n must be an int of at least 1. Received: 0"),
        ({"n": 34_526}, ValueError, "n must be at most 34525.* Received: 34526"),
        ({"seed": -1}, ValueError, "seed must be .* Received: -1"),
        ({"forms": "d/M/yy"}, TypeError, "forms must be a list or tuple of str"),
        ({"forms": []}, ValueError, r"forms must be of .* Received: \[\]"),
        ({"forms": ["M/d/yy"]}, ValueError, "forms must be of .* Received: .'M/d/yy'"),
    ],
)
def test_dates_name_a_wrong_argument(arguments, error, message):
    with pytest.raises(error, match=message):
        datasets.load_date_pairs(**arguments)


def test_dates_without_babel(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "babel.dates", None)
    with pytest.raises(ImportError, match="pip install babel"):
        datasets.load_date_pairs()


# English and French


@pytest.fixture(scope="module")
def french():
    return datasets.load_english_french()


@pytest.fixture(scope="module")
def raw_pairs():
    """The pairs of the files by babel's reader, not by gettext."""
    from babel.messages.mofile import read_mo

    pairs = set()
    for path in (
        metadata.distribution("jupyterlab-language-pack-fr-FR").locate_file(FOLDER).iterdir()
    ):
        if path.suffix == ".mo":
            with path.open("rb") as file:
                pairs |= {
                    (message.id, message.string)
                    for message in read_mo(file)
                    if isinstance(message.id, str)
                }
    pairs = {
        tuple(" ".join(text.split()) for text in pair) for pair in pairs if "\n" not in str(pair)
    }
    return {(en, fr) for en, fr in pairs if en and fr and en != fr}


def test_the_pairs_are_those_of_the_files(french, raw_pairs):
    found = [pair for part in PARTS for pair in pairs_of(french, part)]
    assert len(found) == len(set(found)) == 2215
    assert set(found) <= raw_pairs
    expected = {
        (en, fr)
        for en, fr in raw_pairs
        if 2 <= len(en.split()) <= 12 and not set("%{}<>") & set(en + fr) and "\\n" not in en + fr
    }
    assert len(expected - set(found)) < 0.01 * len(expected)  # what lies between two line breaks


def test_no_text_is_in_two_parts_in_any_casing(french):
    seen = [
        {
            re.sub(r"[\W_]+", " ", text.casefold()).strip()
            for pair in pairs_of(french, part)
            for text in pair
        }
        for part in PARTS
    ]
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        assert not {text for text in seen[a] & seen[b] if text}
    # Without the parts' rule there would be such texts.
    everything = [pair for part in PARTS for pair in pairs_of(french, part)]
    assert len({en.casefold() for en, _ in everything}) < len(everything)


def test_sizes_and_seed(french):
    assert [len(getattr(french, f"x_{part}")) for part in PARTS] == [1770, 216, 229]
    other = datasets.load_english_french(seed=1)
    assert sorted(pairs_of(other, "train")) == sorted(pairs_of(french, "train"))
    assert other.x_train != french.x_train
    assert other.x_test == french.x_test
    short = datasets.load_english_french(min_words=1, max_words=1)
    assert {len(text.split()) for text in short.x_test} == {1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be .* Received: -1"),
        ({"min_words": 0}, "min_words must be .* Received: 0"),
        ({"min_words": 3, "max_words": 2}, "max_words must be .* at least 3. Received: 2"),
        ({"min_words": 900, "max_words": 999}, "leave texts in each part. Received: 900 and 999"),
    ],
)
def test_french_names_a_wrong_argument(arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.load_english_french(**arguments)


def test_french_without_its_package_or_damaged(monkeypatch, tmp_path, package):
    remedy = "pip install --force-reinstall jupyterlab-language-pack-fr-FR==4.5.post3"
    monkeypatch.setattr(metadata, "distribution", lambda name: package(tmp_path, "4.5.post3"))
    with pytest.raises(FileNotFoundError, match=remedy):
        datasets.load_english_french()
    (tmp_path / FOLDER).mkdir(parents=True)
    (tmp_path / FOLDER / "jupyterlab.mo").write_bytes(b"no catalogue")
    with pytest.raises(ValueError, match=f"damaged.*{remedy}"):
        datasets.load_english_french()

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ImportError, match="pip install jupyterlab-language-pack-fr-FR==4.5.post3"):
        datasets.load_english_french()


def test_the_package_s_code_never_runs(french):
    import sys

    assert "jupyterlab_language_pack_fr_FR" not in sys.modules


def test_pins_are_those_that_the_checksum_is_of():
    root = Path(__file__).parents[2]
    for name in ("requirements.txt", "pyproject.toml"):
        assert "jupyterlab-language-pack-fr-FR==4.5.post3" in (root / name).read_text()


def test_texts_that_share_a_text_are_in_one_group():
    pairs = [("Open", "Ouvrir"), ("open...", "Ouvrez"), ("Unlock", "ouvrez!"), ("Close", "Fermer")]
    groups = translation._groups_with_a_common_text(pairs)
    assert sorted(map(sorted, groups)) == sorted([sorted(pairs[:3]), pairs[3:]])
