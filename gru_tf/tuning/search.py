"""The tuners of Keras Tuner, with what `gru_tf.tuning` adds to them.

Each trial is seeded from its hyperparameters, promotion goes on with the optimizer's
state, the data are checked, and one line a trial is printed. All of it through the
methods that Keras Tuner documents for being overridden.

Source: https://keras.io/keras_tuner/api/tuners/base_tuner/
"""

import contextlib
import inspect
import time
import warnings
from pathlib import Path

import keras
import keras_tuner as kt

from gru_tf.tuning import machines, oracles
from gru_tf.tuning.folder import claim_data, held
from gru_tf.tuning.memory import with_less_to_collect, without_leak, without_warnings
from gru_tf.tuning.pricing import dry_run
from gru_tf.tuning.progress import printer
from gru_tf.tuning.trials import describe, trial_seed


class _Search:
    """What is added to each of Keras Tuner's tuners, through the hooks that it documents."""

    def __init__(self, build, oracle, max_epochs, directory, name):
        # The constructors of Keras Tuner's kinds would make an oracle of their own.
        kt.Tuner.__init__(
            self, oracle=oracle, hypermodel=build, directory=directory, project_name=name
        )
        self.folder = Path(directory, name)
        self.max_epochs, self.seed = max_epochs, oracle.seed

    # The oracle is all that there is to save, in a file of the same name for every machine.

    def _get_tuner_fname(self):
        return str(Path(self.project_dir, "oracle.json"))

    def save(self):
        if machines.role() != "worker":
            self.oracle.save()

    def reload(self):
        if machines.role() != "worker":
            self.oracle.reload()

    def search(self, *args, verbose=1, **kwargs):
        """Run the trials that are left: Keras Tuner's `search`, with one line a trial."""
        given = inspect.signature(keras.Model.fit).bind_partial(None, *args, **kwargs).arguments
        data = _check_data(given, self)
        self._say = say = printer(verbose)
        role = machines.role()
        if role == "worker":
            with machines.working(self.folder):
                claim_data(self.folder, data, begun=True)
                say(f"{self.tuner_id} works for the chief")
                super().search(*args, verbose=0, **kwargs)
            self.oracle = self.oracle._oracle  # what the chief has written can be read here
            self.oracle.reload()
            return
        with held(self.folder):
            self._search_here(data, role, *args, **kwargs)

    def _search_here(self, data, role, *args, **kwargs):
        """Search in this process, or as the chief of others."""
        say, oracle, progress = self._say, self.oracle, self.oracle._display
        claim_data(self.folder, data, begun=bool(oracle.trials))
        oracle.check_not_all_failed()
        progress.start(say, [epochs for _, epochs in dry_run(self)])
        if not progress.epochs:
            say(f"Nothing left to run: this search is finished. {progress.summary()}")
            return
        elif oracle.end_order:
            done = f"{len(oracle.end_order)} of {progress.total} trials"
            say(f"Going on after {done}, {progress.best()}.")
        watch = machines.serving(oracle, self.folder, say) if role else contextlib.nullcontext()
        with watch, without_warnings(), with_less_to_collect():
            super().search(*args, verbose=0, **kwargs)  # 0, or it would clear the screen
        oracle.check_not_all_failed()
        say(progress.summary())

    def on_trial_begin(self, trial):
        super().on_trial_begin(trial)
        if machines.role() == "worker":
            self._say(f"{self.tuner_id} runs trial {trial.trial_id}: {describe(trial)}")

    def pre_create_trial(self):
        if machines.role() == "worker":
            time.sleep(0.2)  # or it would ask without pause while it waits for the others

    def run_trial(self, trial, *args, **kwargs):
        # The seed depends on nothing but what the trial is, so a search that was stopped and
        # resumed, or run on several machines, gives the scores of one that was not.
        keras.utils.set_random_seed(trial_seed(trial, self.seed))
        args = [data() if callable(data) else data for data in args]
        kwargs = {name: data() if callable(data) else data for name, data in kwargs.items()}
        start = time.monotonic()
        with without_leak():
            try:
                histories = super().run_trial(trial, *args, **{"epochs": self.max_epochs, **kwargs})
            except kt.errors.FatalError as error:  # such as a builder that returns no model
                raise kt.errors.FailedTrialError(str(error)) from error
        for history in histories:  # what lies beside the metrics is saved with them
            n = len(history.epoch)
            history.history["epochs_run"] = [n] * n
            history.history["seconds"] = [time.monotonic() - start] * n
            history.history["parameters"] = [history.model.count_params()] * n
        return histories

    def on_trial_end(self, trial):
        if machines.role() == "worker":
            if any(line.startswith("grpc.") for line in (trial.message or "").splitlines()):
                return  # the chief did not answer: ask it again
            if trial.message:
                Path(self.get_trial_dir(trial.trial_id), "error.txt").write_text(trial.message)
        super().on_trial_end(trial)


class Hyperband(_Search, kt.Hyperband):
    """Hyperband."""

    Oracle = oracles.HyperbandOracle

    def _build_hypermodel(self, hp):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
            model = super()._build_hypermodel(hp)
        if "tuner/trial_id" in hp.values:
            # Keras Tuner loads the checkpoint before the optimizer is there to take its state.
            model.optimizer.build(model.trainable_variables)
            model.load_weights(self._get_checkpoint_fname(hp.values["tuner/trial_id"]))
        return model


class RandomSearch(_Search, kt.RandomSearch):
    """Random search."""

    Oracle = oracles.RandomSearchOracle


class GridSearch(_Search, kt.GridSearch):
    """Grid search."""

    Oracle = oracles.GridSearchOracle


class BayesianOptimization(_Search, kt.BayesianOptimization):
    """Bayesian optimization."""

    Oracle = oracles.BayesianOptimizationOracle


def _check_data(given, tuner):
    """Return what is given to `fit` and identifies the data, by the names of its arguments."""
    if "epochs" in given:
        raise ValueError(
            f"search() takes no `epochs`. Received: epochs={given['epochs']}. The budget "
            f"of this search is max_epochs={tuner.max_epochs}, given to make_tuner()."
        )
    validation = {"validation_data", "validation_split"}
    if tuner.oracle.objective.name.startswith("val_") and not validation & given.keys():
        raise ValueError(
            f"The objective {tuner.oracle.objective.name!r} needs validation_data= or "
            f"validation_split=. Received only: {sorted(given.keys() - {'self'})}."
        )
    data = {name: value for name, value in given.items() if name not in ("self", "verbose")}
    for callback in data.pop("callbacks", []):
        if type(callback).__module__.startswith("keras."):  # one's own may hold anything
            data[type(callback).__name__] = callback
    return data


KINDS = {
    "hyperband": Hyperband,
    "random": RandomSearch,
    "grid": GridSearch,
    "bayesian": BayesianOptimization,
}
