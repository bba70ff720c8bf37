"""Where a search of many processes is kept: a database or a journal that bears what happens.

Processes die, networks and servers go away for a while. Optuna asks its storage whose process
is dead, and fails at once where the storage doesn't answer: here are signs of life that work
with any storage, and calls that try again. `gru_tf.tuning.storage` uses them.

Source: https://optuna.readthedocs.io
"""

import contextlib
import functools
import time
from pathlib import Path

import optuna
import sqlalchemy
from optuna.storages._heartbeat import BaseHeartbeat
from optuna.trial import TrialState

_FAILURES = (optuna.exceptions.StorageInternalError, sqlalchemy.exc.SQLAlchemyError, OSError)


class _Heart(BaseHeartbeat):
    """Signs of life for any storage, in place of those that Optuna has for databases alone.

    Optuna's compare the last sign with the database's clock: once a database was away for a
    minute, all look dead. And a process that dies before its first sign is never missed. Here
    each process watches: dead is a trial that stood still for that long before its own eyes.
    """

    patience, retry = 60.0, None

    def watch(self):
        """Begin anew to watch the others, as none of them could give a sign."""
        self.seen = {}  # a trial's id: since when its last sign is the last, and the sign

    def record_heartbeat(self, trial_id):
        with contextlib.suppress(Exception):  # another will come: the thread that calls must live
            self.set_trial_user_attr(trial_id, "beat", time.time())

    def _get_stale_trial_ids(self, study_id):
        now, seen = time.monotonic(), {}
        for trial in self.get_all_trials(study_id, deepcopy=False, states=(TrialState.RUNNING,)):
            beat = trial.user_attrs.get("beat")
            since, last = self.seen.get(trial._trial_id, (now, None))
            seen[trial._trial_id] = (since if last == beat else now, beat)
        self.seen = seen
        return [trial_id for trial_id, (since, _) in seen.items() if now - since > self.patience]

    def get_heartbeat_interval(self):
        return self.patience / 6

    def get_heartbeat_stale_trial_callback(self):
        return self.retry


class _Database(_Heart, optuna.storages.RDBStorage):
    pass


class _Journal(_Heart, optuna.storages.JournalStorage):
    pass


def open_storage(url, patience, retry, say):
    """Open a storage that waits while it doesn't answer.

    Args:
        url: An address: `"sqlite:///file.db"`, `"postgresql://user@host/name"` or
            `"journal:///file.log"`. The file is in the working folder; after a fourth slash
            its path is that from the root, as in `"journal:////shared/file.log"`.
        patience: Seconds to wait for an answer, and for a sign of life of a process.
        retry: What Optuna calls with a study and a trial whose process is dead.
        say: Function that prints a line.

    Returns:
        The storage, and its address without a password.

    Raises:
        ValueError: If the address is not of these forms, or in a folder that is not there.
        ConnectionError: If there is no answer.
    """
    options = {}
    if url.startswith("journal:///") and not url.endswith("/"):
        shown, path = url, url.removeprefix("journal:///")
    else:
        url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        try:
            parsed = sqlalchemy.engine.make_url(url)
            parsed.get_dialect().import_dbapi()
        except (sqlalchemy.exc.ArgumentError, sqlalchemy.exc.NoSuchModuleError) as error:
            raise ValueError(
                "The storage must be sqlite:///file.db, postgresql://user@host/name or "
                f"journal:///file.log. Received: {url.split('@')[-1]!r}."
            ) from error
        shown, path = parsed.render_as_string(hide_password=True), parsed.database
        name = "timeout" if parsed.get_backend_name() == "sqlite" else "connect_timeout"
        options = {"pool_pre_ping": True, "connect_args": {name: int(patience) + 1}}
    if shown.startswith(("sqlite", "journal")) and not Path(path or ".").absolute().parent.is_dir():
        raise ValueError(
            f"{shown} can't be written: there is no such folder. After three slashes stands a path "
            f"from the working folder, after four one from the root. Received: {path}."
        )

    def make():
        if not options:
            return _Journal(optuna.storages.journal.JournalFileBackend(path))
        return _Database(url, options)

    # Where several processes make the tables at once, all but one fail, and try again.
    heart = _patient(make, shown, patience, say)()
    heart.patience, heart.retry = patience, retry
    heart.watch()
    storage = optuna.storages.get_storage(heart)  # with a cache, if it is a database
    for name in optuna.storages.BaseStorage.__abstractmethods__ | {"_get_stale_trial_ids"}:
        again = _patient(getattr(storage, name), shown, patience, say, heart.watch)
        setattr(storage, name, again)
    return storage, shown


def _patient(function, shown, patience, say, then=lambda: None):
    """Return a function that tries again while the storage doesn't answer, and calls another."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        start, wait = time.monotonic(), 0.1
        while True:
            try:
                result = function(*args, **kwargs)
                break
            except _FAILURES as error:
                reason = str(error.__cause__ or error).strip().splitlines()[0]
                if time.monotonic() - start > patience:
                    raise ConnectionError(
                        f"{shown} has not answered for {patience:.0f} s ({reason}). What has ended "
                        "is kept: start this again, and the search goes on."
                    ) from error
                if wait == 0.4:
                    say(f"{shown} does not answer ({reason}): waiting up to {patience:.0f} s")
                time.sleep(wait)
                wait = min(1.6, 2 * wait)
        if wait > 0.1:
            then()
        return result

    return call
