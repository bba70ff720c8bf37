"""Pairs of texts that say the same: dates in words and in digits, and English and French."""

import collections
import dataclasses
import datetime
import gettext
import re
import unicodedata

import numpy as np

from gru_tf.checks import check_at_least
from gru_tf.datasets.files import open_packaged_translations
from gru_tf.text.vocabulary import tokenise

# How a date is written, in the letters of Unicode's patterns: d is the day, M the month (MMM as a
# short word, MMMM as a long one), y the year, E the weekday. The day comes before the month unless
# the month is a word.
DATE_FORMS = (
    "d/M/yy",
    "dd/MM/yyyy",
    "d.M.yyyy",
    "d-M-yy",
    "d MMM yy",
    "d MMM yyyy",
    "d-MMM-yyyy",
    "d MMMM yyyy",
    "MMMM d, yyyy",
    "EEE d MMM yy",
    "EEE, d MMM yyyy",
    "EEEE d MMMM yyyy",
)

# A hundred years, so that a year of two digits has one meaning.
_FIRST_DATE, _LAST_DATE = datetime.date(1969, 1, 1), datetime.date(2068, 12, 31)
_HELD_OUT_DATES = 1000  # for validation, and as many for testing

_HELD_OUT_STRINGS = 0.1  # of the English and French pairs, for validation, and as many for testing


@dataclasses.dataclass(frozen=True)
class TextPairs:
    """Texts and what each becomes in the other language, in parts that share none."""

    x_train: tuple  # n_train texts
    y_train: tuple  # n_train texts: the translation of each
    x_valid: tuple
    y_valid: tuple
    x_test: tuple
    y_test: tuple


def load_date_pairs(n=10_000, seed=0, forms=DATE_FORMS):
    """Make dates as people write them in Britain, and each as the ISO standard has it.

    The dates are those from 1969-01-01 to 2068-12-31, so that 7/3/09 is in 2009 and 7/3/70 in
    1970. Each is there at most once, in a form drawn at random. As in Britain, 7/3/09 is in March.

    Args:
        n: Number of pairs to train on, from 1 to 34,525.
        seed: Seed, an int, of the dates to train on and of their forms.
        forms: The forms to draw from, each one of `DATE_FORMS`.

    Returns:
        `TextPairs`: n pairs to train on, 1,000 for validation and 1,000 for testing. No date is
        in two parts. The validation and the test part depend on the forms alone; for all
        forms their dates are the same.

    Raises:
        TypeError: If forms isn't a list or tuple.
        ValueError: If an argument isn't one of those above.
        ImportError: If the package babel isn't installed.

    Example:

    >>> pairs = load_date_pairs(forms=["EEE d MMM yy"])
    >>> len(pairs.x_train), len(pairs.x_test)
    (10000, 1000)
    >>> pairs.x_test[0], pairs.y_test[0]
    ('Mon 23 May 44', '2044-05-23')

    Source: the names and forms of the Unicode Common Locale Data Repository, locale en_GB
    (Unicode licence), as the package babel (BSD) carries them.
    """
    _check_dates(n, seed, forms)
    try:
        from babel.dates import format_date
    except ImportError:
        raise ImportError(
            "The dates are written by the package babel, which is not installed: pip install babel"
        ) from None

    def write(days, rng):
        """Return the days, counted from the first, as texts in forms that are drawn, and in ISO."""
        dates = [_FIRST_DATE + datetime.timedelta(int(day)) for day in days]
        drawn = [forms[i] for i in rng.integers(len(forms), size=len(dates))]
        texts = (format_date(date, form, "en_GB") for date, form in zip(dates, drawn, strict=True))
        return tuple(texts), tuple(date.isoformat() for date in dates)

    always, rng = np.random.default_rng(0), np.random.default_rng(seed)
    days = always.permutation(_number_of_dates())
    valid, test, others = np.split(days, [_HELD_OUT_DATES, 2 * _HELD_OUT_DATES])
    return TextPairs(
        *write(rng.permutation(others)[:n], rng), *write(valid, always), *write(test, always)
    )


def load_english_french(seed=0, min_words=2, max_words=12):
    """Load the texts of JupyterLab's menus and messages in English, and in French.

    Left out are texts with a place for a value (`%s`, `{}`), with tags or line breaks, and those
    that French leaves as they are. An English text may be there twice with two translations.

    Args:
        seed: Seed, an int, of the order of the training part.
        min_words: Fewest words of an English text, at least 1.
        max_words: Most words of an English text, at least min_words.

    Returns:
        `TextPairs`: a tenth of the texts is for validation and a tenth for testing. No text is
        in two parts, neither English nor French, nor one that differs only in capitals and
        signs. The order of the validation and the test part depends on nothing.

    Raises:
        ValueError: If an argument isn't one of those above, or a file is damaged.
        ImportError: If the package jupyterlab-language-pack-fr-FR isn't installed.
        FileNotFoundError: If the package lacks its files.

    Example:

    >>> pairs = load_english_french()
    >>> len(pairs.x_train), len(pairs.x_valid), len(pairs.x_test)
    (1770, 216, 229)
    >>> pairs.x_test[0], pairs.y_test[0]
    ('Navigate to current directory', 'Naviguer vers le répertoire actuel')

    Source: the volunteers of Project Jupyter (github.com/jupyterlab/language-packs), BSD licence.
    """
    check_at_least("seed", seed, 0)
    check_at_least("min_words", min_words, 1)
    check_at_least("max_words", max_words, min_words)
    parts = _parts_without_a_common_text(_read_english_french())
    kept = [
        [(en, fr) for en, fr in pairs if min_words <= len(en.split()) <= max_words]
        for pairs in parts
    ]
    if not all(kept):
        raise ValueError(
            "min_words and max_words must leave texts in each part. "
            f"Received: {min_words} and {max_words}."
        )
    kept[0] = [kept[0][i] for i in np.random.default_rng(seed).permutation(len(kept[0]))]
    return TextPairs(*(texts for pairs in kept for texts in zip(*pairs, strict=True)))


def _number_of_dates():
    return (_LAST_DATE - _FIRST_DATE).days + 1


def _check_dates(n, seed, forms):
    most = _number_of_dates() - 2 * _HELD_OUT_DATES
    check_at_least("n", n, 1)
    if n > most:
        raise ValueError(f"n must be at most {most}, as no date comes twice. Received: {n}.")
    check_at_least("seed", seed, 0)
    if not isinstance(forms, list | tuple):
        raise TypeError(f"forms must be a list or tuple of str. Received: {forms!r}.")
    unknown = [form for form in forms if form not in DATE_FORMS]
    if unknown or not forms:
        raise ValueError(f"forms must be of {DATE_FORMS}. Received: {unknown or forms}.")


def _read_english_french():
    pairs = set()
    for file in open_packaged_translations():
        for english, french in gettext.GNUTranslations(file)._catalog.items():
            if not isinstance(english, str):  # a plural: a tuple of a text and its number
                continue
            english = english.split("\x04")[-1]  # what stands before it tells the place of use
            if re.search(r"[\n%{}<>]", english + french):
                continue
            english, french = (" ".join(text.split()) for text in (english, french))
            if english and french and english != french:
                pairs.add((english, french))
    return sorted(pairs)


def _parts_without_a_common_text(pairs):
    """Return the pairs for training, for validation and for testing, the two last shuffled."""
    groups = _groups_with_a_common_text(pairs)
    always = np.random.default_rng(0)
    size, parts = _HELD_OUT_STRINGS * len(pairs), ([], [], [])
    for i in always.permutation(len(groups)):
        part = next((part for part in parts[1:] if len(part) + len(groups[i]) <= size), parts[0])
        part.extend(groups[i])
    return parts[0], *([part[i] for i in always.permutation(len(part))] for part in parts[1:])


def _groups_with_a_common_text(pairs):
    """Return lists of pairs: those that have a text in common, on either side, are in one list."""
    pairs_of_text = collections.defaultdict(list)
    for i, pair in enumerate(pairs):
        for text in pair:
            pairs_of_text[_bare(text)].append(i)
    groups, seen = [], set()
    for first in range(len(pairs)):
        group, to_visit = [], [first]
        while to_visit:
            i = to_visit.pop()
            if i not in seen:
                seen.add(i)
                group.append(pairs[i])
                to_visit += (j for text in pairs[i] for j in pairs_of_text[_bare(text)])
        if group:
            groups.append(group)
    return groups


def _bare(text):
    """Return the words of a text without capitals and signs; of a text of signs, itself."""
    text = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(tokenise(text)) or text
