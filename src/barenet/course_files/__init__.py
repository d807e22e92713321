"""The files of the course project: read, never written.

The one module, to open first:

    model   `model_epoch_100.pkl` with `model_epoch_100.json` beside it
"""
