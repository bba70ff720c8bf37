import pytest

from gru_tf.exercises import check, checking


@pytest.fixture(autouse=True)
def _no_failures_before():
    checking.FAILURES.clear()


@pytest.fixture
def verdict(capsys):
    """Return a function that checks an answer for the first time and returns the sentence."""

    def ask(number, *answers):
        checking.FAILURES.clear()
        check(number, *answers)
        return capsys.readouterr().out.rstrip("\n")

    return ask


@pytest.fixture
def is_right(verdict):
    """Return a function that asserts that an answer is accepted."""

    def ask(number, *answers):
        said = verdict(number, *answers)
        assert said.startswith(f"{number}: right."), said

    return ask


@pytest.fixture
def is_refused(verdict):
    """Return a function that asserts that an answer is refused with this in the sentence."""

    def ask(number, sentence, *answers):
        said = verdict(number, *answers)
        assert sentence in said, said
        assert ": right." not in said
        assert " raised " not in said
        assert "can't be tested" not in said
        assert "Hint:" not in said

    return ask
