"""The files of the course project: read, never written.

Read the modules in this order; open `model` first:

    plain_weights   weights that people saved by themselves: W1, b1, W2, b2, ...
    model           `model_epoch_100.pkl` with `model_epoch_100.json` beside it
"""
