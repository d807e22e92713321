"""Train the classifier of the course project with the dictionaries of the course. Edit them and run

    python examples/course/train.py

Each run writes a new folder in runs/ with settings, weights, history and learning curves. `test.py` tests it.
"""

import sys

from barenet import course, errors

nn_architecture = [
    {"input_dim": 784, "output_dim": 128, "activation": "relu"},
    {"input_dim": 128, "output_dim": 32, "activation": "relu"},
    {"input_dim": 32, "output_dim": 10, "activation": "softmax"},
]
dataloader_kwargs = {
    "path_dir": "data/fashion-mnist",  # if the folder is missing: the images that come with barenet
    "n_valid": 2000,  # held out from the 60,000; a fraction such as 0.1 is possible too
    "batch_size": 16,
}
optimizer_kwargs = {
    "lr": 0.05,
    "ld": 0.001,  # L2: W -= lr * (dW + ld * W)
    "decay_rate": 0.95,  # every decay_step steps lr *= decay_rate, while lr > 0.01
    "decay_step": 6000,
}
trainer_kwargs = {
    "n_epochs": 100,
    "eval_step": 10,  # epochs between validations
    "metric": "acc",  # what "best" means: "acc" or "loss"
    "n": 3,  # how many of the best weights to keep
}

if __name__ == "__main__":
    try:
        result = course.train(nn_architecture, dataloader_kwargs, optimizer_kwargs, trainer_kwargs)
        best = result.networks[0]
        print(f"{result.folder}: best epoch {best.best_epoch}, test accuracy {best.scores.accuracy:.4f}")
    except errors.BarenetError as error:
        sys.exit(f"error: {error}")
