"""The tuners: those of Keras Tuner, with what `gru_tf.tuning` adds to them.

Each trial is seeded from its hyperparameters, promotion goes on with the model of the last
epoch, the data are checked, and one line per trial is printed. Most of it goes through the
methods that Keras Tuner documents for being overridden; `internals.py` lists the rest.

Source: https://keras.io/keras_tuner/api/tuners/base_tuner/
"""

import time
from pathlib import Path

import keras
import keras_tuner as kt

from gru_tf.tuning import oracles
from gru_tf.tuning.folder import claim_data, compare, held, read, write
from gru_tf.tuning.memory import with_less_to_collect, without_leak, without_warnings
from gru_tf.tuning.pricing import dry_run
from gru_tf.tuning.progress import printer
from gru_tf.tuning.promotion import CURVES, Recorder, is_whole, skip_epochs
from gru_tf.tuning.space import (
    check_validated,
    fit_arguments,
    has_fit,
    list_callbacks,
    objective_names,
)
from gru_tf.tuning.trials import budget, cost, parent, place, trial_seed


class Search(kt.Tuner):
    """A tuner of any kind: what differs between kinds is the oracle.

    Args:
        hypermodel: The `keras_tuner.HyperModel`.
        oracle: An oracle from `gru_tf.tuning.oracles`.
        max_epochs: Largest number of epochs of one model.
        directory: Folder for the files of searches.
        name: Name of this search.
        settings: Dict of what identifies it, as in its search.json.
        **options: More arguments of `keras_tuner.Tuner`.
    """

    def __init__(self, hypermodel, oracle, max_epochs, directory, name, settings, **options):
        # The constructors of Keras Tuner's kinds would make an oracle of their own.
        kt.Tuner.__init__(
            self, oracle, hypermodel, directory=directory, project_name=name, **options
        )
        self.folder, self.settings = Path(directory, name), settings
        self.max_epochs, self.seed = max_epochs, oracle.seed

    # The oracle is all that there is to save.

    def _get_tuner_fname(self):
        return str(Path(self.project_dir, "oracle.json"))

    def save(self):
        self.oracle.save()

    def reload(self):
        self.oracle.reload()

    def search(self, *args, verbose=1, **kwargs):
        """Run the trials that are left: Keras Tuner's `search`, with one line per trial."""
        data = check_data(fit_arguments(self.hypermodel, args, kwargs), self)
        self._say = printer(verbose)
        with held(self.folder):
            self._search_here(data, *args, **kwargs)

    def _search_here(self, data, *args, **kwargs):
        """Search, once no other process does."""
        say, oracle, progress = self._say, self.oracle, self.oracle._display
        if not oracle.trials:  # another search may have taken the folder since this one was made
            there = read(self.folder / "search.json")
            compare(self.folder, {**there, "versions": self.settings["versions"]}, self.settings)
        for note in claim_data(self.folder, data, begun=bool(oracle.trials)):
            say(note)
        oracle.check_not_all_failed()
        progress.start(say, [epochs for _, epochs in dry_run(self)])
        if not progress.epochs:
            say(f"Nothing left to run: this search is finished. {progress.summary()}")
            return
        elif oracle.end_order:
            done = f"{len(oracle.end_order)} of {progress.total} trials"
            say(f"Going on after {done}, {progress.best()}.")
        with without_warnings(), with_less_to_collect():
            super().search(*args, verbose=0, **kwargs)  # 0, or it would clear the screen
        oracle.check_not_all_failed()
        say(progress.summary())

    def run_trial(self, trial, *args, **kwargs):
        # The seed depends on nothing but what the trial is, so a search that was stopped and
        # resumed, or run by several processes, gives the scores of one that was not.
        start, recorder = time.monotonic(), self._recorder(trial, *args, **kwargs)
        keras.utils.set_random_seed(trial_seed(trial, self.seed))

        def made(name, data):
            if not callable(data):
                return data
            data = data()
            if name in (0, "x"):
                skip_epochs(data, recorder.epochs_before)
            return data

        args = [made(i, data) for i, data in enumerate(args)]
        kwargs = {name: made(name, data) for name, data in kwargs.items()}
        given = list_callbacks(kwargs.pop("callbacks", None))
        callbacks = [recorder.begin(), *given, recorder]
        kwargs = {"epochs": self.max_epochs, **kwargs, "callbacks": callbacks}
        with without_leak():
            try:
                results = super().run_trial(trial, *args, **kwargs)
            except kt.errors.FatalError as error:  # such as a builder that returns no model
                raise kt.errors.FailedTrialError(str(error)) from error
            finally:
                file = self.oracle.file(trial.trial_id, CURVES)
                if file.parent.exists():
                    write(file, {"first": recorder.epochs_before, "fits": recorder.curves})
        values = trial.hyperparameters.values
        last = values.get("tuner/epochs", self.max_epochs)
        recorder.check(last - budget(values, self.max_epochs), last)
        costs = recorder.cost(time.monotonic() - start)
        return [self._with_cost(result, costs) for result in results]

    def _recorder(self, trial, *args, **kwargs):
        """Return what counts the epochs of a trial. Hyperband's also goes on where one ended."""
        return Recorder()

    def _with_cost(self, result, costs):
        """Return what a fit returned, with the cost beside its metrics, so that it is saved."""
        goal = self.oracle.objective
        if isinstance(result, keras.callbacks.History):
            missing = [name for name in objective_names(goal) if name not in result.history]
            if missing:
                raise kt.errors.FailedTrialError(
                    f"ValueError: no metric and no callback reports the objective {missing}. "
                    f"Received: {sorted(result.history)}."
                )
            n = len(result.epoch)
            result.history.update({name: [value] * n for name, value in costs.items()})
            return result
        return {**(result if isinstance(result, dict) else {goal.name: float(result)}), **costs}


class Hyperband(Search, kt.Hyperband):
    """Hyperband, which alone promotes trials."""

    def _build_hypermodel(self, hp):
        return kt.Tuner._build_hypermodel(self, hp)  # without the weights of the best epoch

    def _recorder(self, trial, *args, **kwargs):
        values = trial.hyperparameters.values
        if place(values) is None:  # of a search in a database, which goes on by itself
            return super()._recorder(trial)
        bracket, rung = place(values)
        end = self._last_epoch(trial.trial_id) if rung < bracket else None
        if not (first := parent(values)):
            return Recorder(end=end)
        if not is_whole(self._last_epoch(first)):
            self._say(f"The last epoch of trial {first} is damaged or missing: it is run again.")
            self.run_trial(self.oracle.get_trial(first), *args, **kwargs)
        if not is_whole(self._last_epoch(first)):
            raise kt.errors.FailedTrialError(
                "ValueError: HyperModel.fit() must give its callbacks to model.fit(), or a "
                "promoted trial can't go on. Received: a fit() that does not."
            )
        epochs = int(cost(self.oracle.get_trial(first), "epochs"))
        return Recorder(self._last_epoch(first), end, epochs)

    def _last_epoch(self, trial_id):
        return Path(self.get_trial_dir(trial_id), oracles.LAST_EPOCH)


def check_data(given, tuner):
    """Return what is given to `fit` and identifies the data, by the names of its arguments."""
    if "epochs" in given:
        raise ValueError(
            f"search() takes no `epochs`. Received: epochs={given['epochs']}. The budget "
            f"of this search is max_epochs={tuner.max_epochs}, given to make_tuner()."
        )
    if not has_fit(tuner.hypermodel):
        validation = given.get("validation_data"), given.get("validation_split", 0.0)
        check_validated(tuner.oracle.objective, *validation)
    data = {name: value for name, value in given.items() if name != "verbose"}
    for callback in list_callbacks(data.pop("callbacks", None)):
        # One's own may hold anything; what TensorBoard writes changes no score.
        if type(callback).__module__.startswith("keras.") and not isinstance(
            callback, keras.callbacks.TensorBoard
        ):
            data[type(callback).__name__] = callback
    return data


KINDS = {
    "hyperband": (Hyperband, oracles.HyperbandOracle),
    "random": (Search, oracles.RandomSearchOracle),
    "grid": (Search, oracles.GridSearchOracle),
    "bayesian": (Search, oracles.BayesianOptimizationOracle),
}
