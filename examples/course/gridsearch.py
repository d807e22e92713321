"""Try all combinations of the course project's parameters, several at the same time. Edit the dictionaries and run

    python examples/course/gridsearch.py

A folder in studies/ gets the results: gridsearch_results.json in the format of the course project, results.csv, plots,
and the best network as a run folder. To continue a stopped search: barenet search --resume studies/course-search-1
"""

import sys

import barenet
from barenet import course, errors

hyper_param_defaults = {
    "input_dim": 784,
    "hidden_size_1": 128,
    "hidden_size_2": 32,
    "output_dim": 10,
    "activation_1": "relu",
    "activation_2": "relu",
    "activation_3": "softmax",
    "lr": 0.05,
    "ld": 0.001,
    "decay_rate": 0.95,
    "decay_step": 6000,
}
hyper_param_opts = {
    "hidden_size_1": [128, 256],
    "hidden_size_2": [64, 32],
    "lr": [0.05, 0.01],
    "ld": [0.001, 0.005],
}
dataloader_kwargs = {"path_dir": "data/fashion-mnist", "n_valid": 2000, "batch_size": 16}
trainer_kwargs = {"n_epochs": 10, "eval_step": 1}
metric = "loss"  # or "acc"

if __name__ == "__main__":
    base = course.course_settings(dataloader_kwargs=dataloader_kwargs, trainer_kwargs=trainer_kwargs)
    space = hyper_param_defaults | hyper_param_opts  # a single value is a setting that all trials share
    try:
        result = barenet.search(space, base, recipe="course", metric=metric)
        loss, accuracy = result.best.figures(result.plan)
        print(f"{result.folder}: best {result.best.point}")
        print(f"validation loss {loss:.4f}, validation accuracy {accuracy:.4f}; {result.verdict}")
    except errors.BarenetError as error:
        sys.exit(f"error: {error}")
