"""Numbers about a trained network, its test results and a study; `plots` and `pages` show them.

Read the modules in this order; open `saved_run` first:

    statistics    intervals, tests between two models, calibration, doubtful labels
    images        the data set of a model, and its validation and test images
    shared_time   which part of the time of its stack the best trial of a study took
    saved_run     all files of a run, read and checked
    saved_study   all records of a study, read and checked
    learning      whether a network learned anything
    activity      the activations of neurons: which are dead, saturated or useful
    verification  compare a run on disk with what training gives
"""
