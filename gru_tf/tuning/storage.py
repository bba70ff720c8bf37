"""One search by many processes, on one machine or on many: through Optuna and a database.

Optuna hands out the trials, keeps their results and takes the trial of a dead process from it;
its Hyperband pruner stops what is behind. What a trial is, this package says: its setting is the
one that the search in a folder would start, its seed comes from that setting, and `Search` runs
it. So a setting has the same score wherever it is run, and a random search or a grid has the
same table as in a folder. Only `--storage` imports this module, which needs the extra "storage".

Sources: https://optuna.readthedocs.io, and for its pruner Li et al. 2020, arXiv:1810.05934
"""

import json
import time
import warnings
from pathlib import Path

from gru_tf.tuning.data import describe_data, notes
from gru_tf.tuning.folder import compare, compare_settings, read
from gru_tf.tuning.memory import with_less_to_collect, without_warnings
from gru_tf.tuning.pricing import dry_run
from gru_tf.tuning.progress import printer
from gru_tf.tuning.search import check_data
from gru_tf.tuning.space import fit_arguments, is_fixed
from gru_tf.tuning.trials import chosen, parent, place

try:
    import optuna
    from optuna.trial import TrialState

    from gru_tf.tuning.database import open_storage
    from gru_tf.tuning.worker import MOST_LOST, Study, Worker
except ImportError as error:
    raise ImportError(
        "A search in a database needs Optuna, and for PostgreSQL psycopg. In the folder of the "
        'clone: .venv/bin/python -m pip install --editable ".[storage]". '
        f"Missing: {error}."
    ) from error

WAYS_ON = "Give the search another name; `optuna delete-study` deletes one."


def search(tuner, url, *args, patience=60.0, verbose=1, **kwargs):
    """Run trials of a search in a database until none is left, beside other processes.

    Args:
        tuner: A tuner from `make_tuner`, whose own folder gets nothing but working files. It
            says what the search is; afterwards `leaderboard` and `best_model` read it.
        url: Where the search is kept: `"sqlite:///file.db"` for processes of one machine,
            `"postgresql://user@host/name"` for many machines, or
            `"journal:////shared/file.log"` for machines that share a disk. After three
            slashes stands a path from the working folder, after four one from the root.
        *args: As for the tuner's own `search`, that is for `model.fit`.
        patience: Seconds without a sign of life after which a process counts as dead, and
            for which this one waits for a database that does not answer.
        verbose: 0 to print nothing.
        **kwargs: As `args`.

    Returns:
        Whether the last trial that ended was this process' own: one of the processes is to
        train the best model. True, too, if all trials had ended before.

    Raises:
        ValueError: If the database holds another search of that name, or the address is not
            of these forms.
        ConnectionError: If the database has not answered for that time.
        RuntimeError: If the first ten trials all failed.
    """
    data = check_data(fit_arguments(tuner.hypermodel, args, kwargs), tuner)
    described = {name: describe_data(value) for name, value in data.items()}
    say, settings = printer(verbose), read(Path(tuner.folder, "search.json"))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        again = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=MOST_LOST - 1)

        def retry(study, trial):
            say(f"trial {trial.user_attrs.get('slot')}: no sign of life of its process")
            again(study, trial)

        storage, shown = open_storage(url, patience, retry, say)
        plan = _plan(tuner)
        study, fill = _claim(storage, shown, tuner, settings, described, patience)
        for note in notes(described):
            say(note)
        worker = Worker(study, tuner, plan, say, args, kwargs)
        if fill:
            worker.fill()
        with without_warnings(), with_less_to_collect():
            last = worker.work(min(5.0, patience / 6))
    say(tuner.oracle._display.summary())
    return last


def _plan(tuner):
    """Return the settings that a search starts: user attributes and values, None if not known."""
    plan, space = [], tuner.oracle.get_space().space
    known = getattr(tuner.oracle, "num_initial_points", None)  # of a Bayesian search
    for trial, _ in dry_run(tuner):
        values = trial.hyperparameters.values
        if parent(values):
            continue  # promoted: here a trial goes on by itself
        where, values = place(values), chosen(values)
        fixed = {
            p.name: values.get(p.name, p.default)
            for p in space
            if not is_fixed(p) and all(condition.is_active(values) for condition in p.conditions)
        }
        attributes = {"slot": len(plan)} | ({"bracket": where[0]} if where else {})
        plan.append((attributes, fixed if known is None or len(plan) < known else {}))
    return plan


class _Brackets(optuna.pruners.HyperbandPruner):
    """Optuna's Hyperband, whose brackets are those of the plan, and in which no trial is twice."""

    def _get_bracket_id(self, study, trial):
        if trial.state == TrialState.FAIL or "bracket" not in trial.user_attrs:
            return -1  # lost: another runs it
        return max(0, len(self._pruners) - 1 - trial.user_attrs["bracket"])


def _claim(storage, shown, tuner, settings, described, patience):
    """Return the study of a search, made if need be, and whether this process is to fill it.

    Raises:
        ValueError: If there is another one of that name.
    """
    name, goal = tuner.project_name, tuner.oracle.objective
    here = json.loads(json.dumps({"search": settings, "data": described}))
    direction = "maximize" if goal.direction == "max" else "minimize"
    try:
        optuna.create_study(study_name=name, storage=storage, direction=direction)
        ours = True
    except optuna.exceptions.DuplicatedStudyError:
        ours = False
    pruner = optuna.pruners.NopPruner()
    if settings["kind"] == "hyperband":
        pruner = _Brackets(1, tuner.max_epochs, settings["factor"])
    study = Study(name, storage, optuna.samplers.RandomSampler(tuner.seed), pruner)
    start, where = time.monotonic(), f"The study {name!r} in {shown}"
    while not ours and not here.keys() <= (there := study.user_attrs).keys():
        if study.get_trials(deepcopy=False):
            raise ValueError(f"{where} is none of this program. Give the search another name.")
        ours = time.monotonic() - start > patience  # whoever made it is dead
        time.sleep(0.2)
    grown = None
    if not ours:
        compare(where, there["data"], here["data"], WAYS_ON)
        grown = compare_settings(where, there["search"], here["search"], WAYS_ON)
        here["search"] = grown or here["search"]
    if ours or grown:
        for key, value in here.items():
            study.set_user_attr(key, value)
    return study, ours or bool(grown)
