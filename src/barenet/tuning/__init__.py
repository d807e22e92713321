"""Search for good settings: train many networks and compare them on validation images, or try many learning rates.

Read the packages in this order; open `study/search` first:

    space/        what is searched, and which points come next
    workers/      where and how trials are trained: stacks, processes, clusters
    study/        the search itself: its folder, its trials, its results
    range_test/   the loss at rising learning rates, and which of them it suggests
"""
