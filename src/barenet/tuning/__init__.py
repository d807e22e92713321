"""Search for good settings: train many networks and compare them on validation images.

Read the packages in this order; open `study/search` first:

    space/     what is searched, and which points come next
    workers/   where and how trials are trained: stacks, processes, clusters
    study/     the search itself: its folder, its trials, its results
"""
