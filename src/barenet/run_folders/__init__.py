"""A run on disk: its settings, weights, records and results, and how it continues after an interruption.

Read the modules in this order; open `folder` first, then `run`:

    machine      the machine that a run was trained on
    finding      find a run, study or model file by its path or its name
    folder       a run's folder: its name, its files, its lock
    checkpoint   model and state files: safetensors with checksums
    scores       the results on the test images
    loading      load the trained networks of a path
    teaching     a teacher's probabilities for the training images
    results      the result of each network and of the whole run
    observer     the events of a run, for the command line and tests
    writing      which files of a run are written, and when
    run          a run from its settings to its test results, written during training
    going_on/    continue a run that was stopped
"""
