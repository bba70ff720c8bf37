"""The names of Keras Tuner and Optuna that no documentation promises, and what each is used for.

A test looks each of them up, so that a release without one fails with a sentence and not
in the middle of a search. That is also why `pyproject.toml` caps Keras Tuner's version.
"""

ORACLE = {  # of each oracle
    "_display": "prints one line per trial in place of a screen that is cleared",
    "_duplicate": "finds a setting that was tried, so that Bayesian search tries none twice",
    "_get_oracle_fname": "the file of the oracle, which is written whole or not at all",
    "_max_collisions": "20 draws miss the last settings of a small space",
    "_project_dir": "the folder of the search",
    "_retry_queue": "trials of a search that was killed",
    "_save_trial": "the file of a trial, written whole or not at all",
    "_set_project_dir": "the folder of a search that is only read",
    "_seed_state": "lets Bayesian and random search start apart",
    "ongoing_trials": "trials that are running",
}
HYPERBAND = {
    "_brackets": "which trials may still be promoted; ties don't depend on who came first",
    "_get_num_brackets": "how many different settings a search starts",
    "_get_size": "how many different settings a search starts",
}
GRID = {
    "_ordered_ids": "how far the grid is, which Keras Tuner doesn't save",
    "_populate_next": "how far the grid is, which Keras Tuner doesn't save",
}
BAYESIAN = {
    "_random_populate_space": "draws where the model proposes a setting that was tried",
    "_random_state": "is not saved by Keras Tuner: a resumed search would draw other points",
}
TUNER = {
    "_try_run_and_update_trial": "a trial of a search in a database ends as one in a folder",
    "_build_hypermodel": "Hyperband would load the best epoch, not the last",
    "_get_tuner_fname": "one file for the oracle, which is all that there is to save",
}
MODULES = {  # "module:name"
    "keras_tuner.engine.hyperparameters:Boolean": "the values that a hyperparameter can have",
    "keras_tuner.engine.hyperparameters:Choice": "the values that a hyperparameter can have",
    "keras_tuner.engine.hyperparameters:Fixed": "the values that a hyperparameter can have",
    "keras_tuner.engine.hyperparameters:Int": "the values that a hyperparameter can have",
    "keras_tuner.engine.trial:Trial": "`from_state` reads a trial's file",
}
OPTUNA = {  # "module:name"
    "optuna.study:Study._pop_waiting_trial_id": "a study of a fixed number of trials",
    "optuna.pruners:HyperbandPruner._get_bracket_id": "the brackets of the plan, no trial twice",
    "optuna.storages._heartbeat:BaseHeartbeat": "signs of life for journals as for databases",
    "optuna.storages._heartbeat:BaseHeartbeat._get_stale_trial_ids": "whose process is dead",
    "optuna.storages:get_storage": "a cache before the database, which is then made patient",
}
OPTUNA_OBJECTS = {  # of a pruner or of a trial
    "_pruners": "how many brackets Hyperband's pruner has, once it has begun",
    "_trial_id": "by which the storage knows a trial whose process it watches",
}
