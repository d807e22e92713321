"""Numbers about a trained network and its test results; drawing them is left to `plots` and `pages`.

Read the modules in this order; open `evidence` first:

    statistics    intervals, tests between two models, calibration, doubtful labels
    images        the images that a model was trained beside
    shared_time   how much of its stack's time the best trial of a study took
    evidence      everything that a run left behind, read and checked
    learning      whether a network learned anything
    activity      what neurons do with images: dead, saturated, useful
    verification  is a run on disk what training gives?
"""
