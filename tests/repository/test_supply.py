"""What is installed: locked with checksums, licensed, asked about. Nothing here needs a network."""

import email.message
import re
import tomllib
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

import pins
import supply

LOCKS = [path.with_suffix(".lock") for path in pins.LOCKED]


@pytest.mark.parametrize("path", pins.LOCKED, ids=lambda path: path.stem)
def test_a_lock_has_each_pin_and_all_have_checksums(path):
    text = path.with_suffix(".lock").read_text(encoding="utf-8")
    found = pins.locked(path.with_suffix(".lock"))
    pinned = [Requirement(line) for line in pins.as_list(path.read_text(encoding="utf-8"))]
    for pin in pinned:
        versions = {version for name, version, _ in found if name == pins.normalised(pin.name)}
        assert {f"=={version}" for version in versions} == {str(pin.specifier)}, pin
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(found) >= len(pinned)
    for entry in entries:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry
    assert "://" not in text  # no index, and no file of one machine
    assert "--hash=md5" not in text


def test_what_is_locked_lies_in_the_ranges_of_the_package():
    project = tomllib.loads((pins.ROOT / "pyproject.toml").read_text())["project"]
    found = pins.locked(LOCKS[0])
    for wanted in map(Requirement, project["dependencies"]):
        versions = [v for name, v, _ in found if name == pins.normalised(wanted.name)]
        assert versions, f"{wanted} is not locked"
        assert all(wanted.specifier.contains(version) for version in versions), wanted


def test_the_table_of_licences_has_every_package_that_is_locked():
    text = supply.LICENCES.read_text(encoding="utf-8")
    versions = {}
    for name, version, _ in [line for lock in LOCKS for line in pins.locked(lock)]:
        versions.setdefault(name, set()).add(version)
    rows = dict(re.findall(r"^\| \**([a-z0-9-]+)\** \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE))
    wrong = {n for n, v in versions.items() if set(rows.get(n, "").split(", ")) != v}
    assert not wrong, "run `make licences`"


def distribution(name="a", requires=(), **fields):
    about = email.message.Message()
    about["Name"] = name
    for field, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            about[field.replace("_", "-")] = value
    return SimpleNamespace(metadata=about, requires=list(requires))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"License_Expression": "MIT OR Apache-2.0", "License": "x"}, "MIT OR Apache-2.0"),
        ({"License": "BSD"}, "BSD"),
        (
            {"License": "Copyright 2020\n all of it", "Classifier": "License :: A License"},
            "A License",
        ),
        (
            {"License": "UNKNOWN", "Classifier": ["License :: OSI Approved :: X License"]},
            "X License",
        ),
        ({"License": "UNKNOWN", "Classifier": "License :: OSI Approved"}, "not stated"),
        ({"Classifier": ["License :: A License", "License :: B License"]}, "A License, B License"),
        ({}, "not stated"),
    ],
)
def test_what_a_package_says_of_its_licence(fields, words):
    assert supply.licence(distribution(**fields)) == words


def test_what_a_package_needs_is_found_through_others_and_in_circles():
    here = {
        "a": distribution("a", ["B_b>=1", 'c ; extra == "more"', 'd ; python_version < "3"']),
        "b-b": distribution("b-b", ["a", "e"]),
        "c": distribution("c"),
        "d": distribution("d"),
    }
    assert supply.with_needs(["A"], here) == {"a", "b-b"}


def test_an_audit_tells_a_silent_database_from_one_without_faults(monkeypatch, capsys):
    fault = {"id": "X-1", "fix_versions": ["2"]}
    audited = {"name": "numpy", "version": "1", "vulns": []}
    faulty, silent = {**audited, "vulns": [fault]}, {"name": "numpy", "skip_reason": "not found"}
    for answers, status, words in [
        (
            [[silent]],
            0,
            "Skipped: the database of known faults can't be asked from here (not found)",
        ),
        (["ConnectionError: no route"], 0, "Skipped: .* no route"),
        ([[audited], [audited, audited]], 0, "2 packages asked about, 0 known faults"),
        ([[audited], [audited, silent]], 0, "Not in the database: numpy"),
        ([[faulty], [faulty]], 1, "numpy 1: X-1, mended in 2"),
    ]:
        answers = list(answers)
        monkeypatch.setattr(supply, "ask_about", lambda text, left=answers: left.pop(0))
        assert supply.audit() == status
        assert not answers
        said = capsys.readouterr().out
        assert words in said or re.search(words, said)
    monkeypatch.setattr(supply, "ask_about", lambda text, left=[[audited], "broken"]: left.pop(0))
    with pytest.raises(SystemExit, match="broken"):
        supply.audit()


def test_a_lock_that_cannot_be_written_stays(tmp_path, monkeypatch):
    path = tmp_path / "requirements.txt"
    path.write_text("a==1\n")
    path.with_suffix(".lock").write_text("old")
    monkeypatch.setattr(pins, "LOCKED", [path])
    monkeypatch.setattr(pins, "ROOT", tmp_path)
    monkeypatch.setattr(pins, "find_uv", lambda: "false")
    with pytest.raises(SystemExit, match=r"requirements.lock stays as it is"):
        pins.lock()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["requirements.lock", "requirements.txt"]
    assert path.with_suffix(".lock").read_text() == "old"
    monkeypatch.setattr(pins, "find_uv", lambda: None)
    with pytest.raises(SystemExit, match="requirements-setup.txt"):
        pins.lock()


def test_pins_are_freed_but_for_those_that_are_held():
    text = "# a\nkeras==3.1  # why\nreviews==0.0.2    # held: because\n\nuv==1\n"
    assert pins.freed(text) == ["keras", "reviews==0.0.2", "uv"]
