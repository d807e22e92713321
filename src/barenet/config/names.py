"""The names by which a setting goes: its dotted path, a short name, the course project's word, other libraries' words.

The words of other libraries are understood only far enough to say what the setting is called here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from barenet.config.tables import TABLES
from barenet.errors import ConfigError, closest

__all__ = [
    "NO_GPU",
    "OTHER_WORDS",
    "SHORT_NAMES",
    "all_paths",
    "describe_settings",
    "likely_setting",
    "setting_hint",
    "setting_path",
]

SHORT_NAMES = {
    "epochs": "trainer.epochs",
    "lr": "optimizer.learning_rate",
    "batch_size": "data.batch_size",
    "hidden": "model.hidden_sizes",
    "activation": "model.activation",
    "l2": "optimizer.l2",
    "patience": "trainer.patience",
    "seed": "trainer.seed",
    "n_seeds": "trainer.n_seeds",
    "data": "data.path",
    "image_size": "data.image_size",
    "color": "data.color",
    "skip_broken": "data.skip_broken",
    "label": "data.label",
    "drop": "data.drop",
    "keep": "data.keep",
    "optimizer": "optimizer.name",
    "schedule": "schedule.name",
    # the course project's words
    "path_dir": "data.path",
    "ld": "optimizer.l2",
    "n_epochs": "trainer.epochs",
    "eval_step": "trainer.eval_every",
}

# Words of other libraries, and our name of what they mean.
OTHER_WORDS = {
    **dict.fromkeys(("early_stopping", "early_stop", "n_iter_no_change", "stopping_rounds"), "patience"),
    **dict.fromkeys(("max_iter", "num_epochs", "max_epochs", "nb_epoch", "num_train_epochs", "iterations"), "epochs"),
    **dict.fromkeys(("learning_rate_init", "eta", "eta0", "step_size", "rate"), "learning_rate"),
    **dict.fromkeys(("hidden_layer_sizes", "hidden_units", "units", "neurons", "hidden_dims"), "hidden_sizes"),
    **dict.fromkeys(("alpha", "reg", "regularization", "weight_penalty", "lambda", "reg_lambda"), "l2"),
    **dict.fromkeys(("wd", "decay"), "weight_decay"),
    **dict.fromkeys(
        ("val_split", "validation_split", "validation_fraction", "val_size", "valid_size", "val_fraction"), "n_valid"
    ),
    **dict.fromkeys(("random_state", "random_seed", "rng", "manual_seed"), "seed"),
    **dict.fromkeys(("bs", "minibatch", "mini_batch_size", "batch", "train_batch_size"), "batch_size"),
    **dict.fromkeys(("solver", "optim", "optimiser", "algorithm"), "optimizer"),
    **dict.fromkeys(("nonlinearity", "act", "act_fn", "activation_function"), "activation"),
    **dict.fromkeys(("dropout_rate", "p_dropout", "drop_rate"), "dropout"),
    **dict.fromkeys(("kernel_initializer", "weight_init", "weight_initialization"), "initializer"),
    **dict.fromkeys(("lr_scheduler", "scheduler", "lr_schedule", "lr_decay"), "schedule"),
    **dict.fromkeys(("grad_clip", "clip", "clipnorm", "max_grad_norm", "gradient_clip_val"), "clip_norm"),
    **dict.fromkeys(("criterion", "loss_fn", "loss_function", "objective"), "loss"),
    **dict.fromkeys(("n_jobs", "num_threads", "n_threads", "num_workers", "jobs"), "threads"),
    **dict.fromkeys(("dataset", "data_dir", "data_path", "root", "input"), "data"),
    **dict.fromkeys(("hflip", "horizontal_flip", "flip"), "mirror"),
    **dict.fromkeys(("ema", "ema_decay", "swa"), "average_decay"),
    **dict.fromkeys(("beta_1", "b1"), "beta1"),
    **dict.fromkeys(("beta_2", "b2"), "beta2"),
    "eps": "epsilon",
    "nesterovs_momentum": "nesterov",
    "warmup": "warmup_epochs",
}
NO_GPU = ("device", "gpu", "cuda", "gpus", "use_gpu", "accelerator")


def describe_settings() -> Iterator[tuple[str, str, Any]]:
    """Yield (table, name, field) for every setting."""
    for table, model in TABLES.items():
        for name, field in model.model_fields.items():
            yield table, name, field


def setting_path(name: str) -> str:
    """Return the dotted path of a setting from its path, short name, or name alone.

    >>> setting_path("lr"), setting_path("batch-size"), setting_path("optimizer.beta1")
    ('optimizer.learning_rate', 'data.batch_size', 'optimizer.beta1')
    """
    wanted = name.replace("-", "_")
    paths = all_paths()
    if wanted in paths:
        return wanted
    if wanted in SHORT_NAMES:
        return SHORT_NAMES[wanted]
    table, _, short = wanted.partition(".")
    if SHORT_NAMES.get(short, "").startswith(f"{table}."):
        return SHORT_NAMES[short]  # optimizer.lr
    by_leaf = [path for path in paths if path.endswith(f".{wanted}") and wanted != "name"]
    if len(by_leaf) == 1:
        return by_leaf[0]
    raise ConfigError(f"unknown setting {name!r}; {setting_hint(name)}")


def all_paths() -> list[str]:
    """Return the dotted paths of all settings."""
    return [f"{table}.{field}" for table, field, _ in describe_settings()]


def known_names(name: str) -> list[str]:
    """Return the names among which an unknown one may be meant: paths for one with a dot, else single words."""
    if "." in name:
        return all_paths()
    return list(dict.fromkeys([*(field for _, field, _ in describe_settings() if field != "name"), *SHORT_NAMES]))


def likely_setting(name: str, known: Iterable[str] = ()) -> str | None:
    """Return what a person may have meant by an unknown setting, None for no idea: another library's word or the
    closest one known.

    >>> likely_setting("early-stopping"), likely_setting("patiense"), likely_setting("colour_of_the_sky")
    ('patience', 'patience', None)
    """
    wanted = name.lower().replace("-", "_")
    word = wanted.rpartition(".")[2]
    return OTHER_WORDS.get(word) or closest(wanted, known or known_names(wanted))


def setting_hint(name: str, known: Iterable[str] = ()) -> str:
    """Return the same as the end of a message; without an idea, all that are known."""
    if name.lower().rpartition(".")[2] in NO_GPU:
        return "barenet trains on the CPU alone; trainer.threads says how many cores it may use"
    known = list(known) or known_names(name)
    likely = likely_setting(name, known)
    return f"known: {', '.join(known)}" if likely is None else f"did you mean {likely!r}?"
