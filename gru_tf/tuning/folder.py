"""A search knows what it is: its settings and its data stand in files beside its results.

Keras Tuner goes on with whatever it finds in a folder, without a word if the space, the
budget, the seed, the objective or the data have changed since. `gru_tf.tuning` writes
them down, and compares them here first. Each file holds a checksum of what it says, so
that a score which a bad disk has changed is refused.
"""

import contextlib
import json
import re
import shutil
import warnings

import filelock

from gru_tf.atomic import replacing
from gru_tf.datasets.results import checksum
from gru_tf.tuning.data import describe_data, notes

_WAYS_ON = (
    "Give the search another name, or delete this one: overwrite=True, or --overwrite of a command."
)
GROWS = ("max_trials", "hyperband_iterations")  # a search may be given more of these


def claim_folder(folder, settings, overwrite):
    """Write down what a search is, or refuse a folder that holds something else.

    Args:
        folder: `pathlib.Path` of the search, which need not exist.
        settings: Dict of what identifies the search. Its "versions" may differ, with a
            warning; what `GROWS` names may be larger than before.
        overwrite: Whether to delete what search there is in the folder: the files that a
            search writes, and the folders of its trials. Whatever else lies there is left.

    Raises:
        ValueError: If the folder holds another search that has begun, a damaged one, or files
            but no search, or can't be written. The message says why, and the ways on.
    """
    try:
        # What is being written was begun by another machine, or cut off.
        if folder.exists() and any(path.suffix != ".unfinished" for path in folder.iterdir()):
            if not (folder / "search.json").exists():
                raise ValueError(
                    f"{folder} holds files but no search.json: make_tuner() did not write it, and "
                    "will neither go on there nor delete it. Give the search another name."
                )
            if not overwrite:
                there = _read_settings(folder)
                try:
                    if anew := compare_settings(folder, there, settings):
                        write(folder / "search.json", anew)
                    return
                except ValueError:
                    # Where no trial has run, as of one that was only priced, nothing is lost.
                    if any(folder.glob("trial_*")) or (folder / "oracle.json").exists():
                        raise
            with held(folder):  # or another process runs it
                _forget(folder, begun=overwrite)
        write(folder / "search.json", settings)
    except OSError as error:
        raise ValueError(
            f"{folder} can't be written ({error}). Give make_tuner() another directory."
        ) from error


def _read_settings(folder):
    """Return the settings of the search in a folder, and refuse one that is damaged."""
    there = read(folder / "search.json")
    if "kind" not in there:
        raise damaged(folder / "search.json", "it says no kind of search")
    # When the very first trial starts, its own file is written first.
    begun = len(list(folder.glob("trial_*/trial.json"))) > 1
    if begun and not (folder / "oracle.json").exists():
        raise damaged(folder / "oracle.json", "it is missing")
    return there


def _forget(folder, begun):
    """Delete what a search has written, with its trials if it has begun, and nothing else.

    Its search.json is left, to be written anew: what is cut off amid this is a search still.
    """
    names = r"(data|price)\.json" + (r"|oracle\.json|report\.html|trial_\d+" if begun else "")
    for path in list(folder.iterdir()):
        if re.fullmatch(rf"({names})(\.\w+\.unfinished)?", path.name):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def compare_settings(where, there, settings, ways_on=_WAYS_ON):
    """Refuse other settings than those of a search, and warn of other versions.

    Args:
        where: Where the search is kept, in words.
        there: Dict of the settings that are kept there.
        settings: Dict of the settings here.
        ways_on: A sentence that says what can be done.

    Returns:
        The settings that are to be kept in the place of those, as the search is to grow or
        an earlier version of this package wrote down less of it; or None.

    Raises:
        ValueError: If it is another search.
    """
    versions, here = there.get("versions", {}), settings["versions"]
    builder = {"through": settings["builder"]["through"], **there.get("builder", {})}
    others = [
        f"{name} {versions.get(name)} there, {here[name]} here"
        for name in here
        if versions.get(name) != here[name]
    ]
    grown = {
        name: settings[name]
        for name in GROWS
        if name in there and name in settings and _more(there[name], settings[name])
    }
    compare(where, {**there, "versions": here, "builder": builder, **grown}, settings, ways_on)
    if others:
        warnings.warn(
            f"{where} was begun under other versions: {'; '.join(others)}. Scores are the same "
            "to the last digit under the same versions alone.",
            stacklevel=4,
        )
    anew = grown or "through" not in there["builder"]
    return {**settings, "versions": versions} if anew else None


def _more(there, here):
    return there is not None and (here is None or here > there)


def claim_data(folder, data, begun):
    """Refuse other data than those with which a search was begun.

    Args:
        folder: `pathlib.Path` of the search.
        data: Dict of what was given to `search`, by the names of `fit`'s arguments.
        begun: Whether a trial has been run already.

    Returns:
        Sentences about data of which only a part is compared.

    Raises:
        ValueError: If the data are others. The message says which, and the ways on.
    """
    described = {name: describe_data(value) for name, value in data.items()}
    if begun:
        compare(folder, read(folder / "data.json"), described)
    else:
        write(folder / "data.json", described)
    return list(notes(described))


@contextlib.contextmanager
def held(folder):
    """Keep other processes of this machine from the same search, which they would spoil.

    Raises:
        ValueError: If another process runs it.
    """
    lock = filelock.FileLock(folder / "lock")
    try:
        lock.acquire(timeout=0)  # gone with the process that has it
    except filelock.Timeout:
        raise ValueError(
            f"Another process runs the search in {folder}. Wait for its end or stop it; or "
            "give this search another name. Several processes share one by --storage."
        ) from None
    except (OSError, NotImplementedError):  # a disk that knows no locks
        pass
    try:
        yield
    finally:
        lock.release()


def write(path, content):
    """Write a JSON file, whole or not at all, with the checksum of what it says."""
    content = json.loads(json.dumps(content))  # as it will be read
    with replacing(path) as unfinished:
        sealed = {**content, "sha256": checksum(content)}
        unfinished.write_text(json.dumps(sealed, indent=1) + "\n")


def read(path):
    """Read a JSON file that holds a dict.

    Raises:
        ValueError: If it is damaged or missing.
    """
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise damaged(path, error) from error
    if not isinstance(content, dict):
        raise damaged(path, f"it holds {content!r}")
    found = checksum(content)
    if content.pop("sha256", found) != found:  # earlier versions wrote none
        raise damaged(path, "its sha256 is that of other content")
    return content


def damaged(path, why):
    """Return the error for a file that can't be used."""
    return ValueError(
        f"The file {path} of this search is damaged or missing ({why}). "
        f"What is left is kept. {_WAYS_ON}"
    )


def compare(where, there, here, ways_on=_WAYS_ON):
    """Raise a ValueError that lists what is different here, if anything is."""
    changes = list(_changes(there, json.loads(json.dumps(here))))
    if changes:
        listed = "\n".join(f"  {change}" for change in changes)
        raise ValueError(f"{where} holds another search:\n{listed}\n{ways_on}")


def _changes(there, here, name=""):
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(key for key in here if key not in there)]:
            yield from _changes(there.get(key), here.get(key), f"{name} {key}".strip())
    elif there != here:
        yield f"{name}: {there!r} there, {here!r} here"
        if name == "max_epochs":
            yield "(trials of fewer epochs can't be ranked beside trials of more)"
