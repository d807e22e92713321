"""A run on disk: its settings, weights, records and results, and going on after an interruption.

Read the modules in this order; open `folder` first, then `run`:

    machine      the machine that a run was trained on
    finding      what a person names, by its path or by its name alone
    folder       a run's folder: its name, its files, its lock
    checkpoint   model and state files: safetensors with checksums
    scores       what the test images give
    loading      the trained networks behind a path
    teaching     the probabilities that a teacher gives the training images
    results      the result of a run, a network at a time and as a whole
    observer     what a run tells whoever watches it
    writing      what of a run is written, and when
    run          a run from its settings to its test results, written as training goes
    going_on/    go on with a run that was stopped
"""
