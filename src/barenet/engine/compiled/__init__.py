"""The engine that computes with kernels compiled by Numba: the extra `fast`.

Read the modules in this order; open `steps` first:

    kernels         matrix products, functions, losses, learning rules
    tables          the arrays that the compiled functions get
    references      how compiled functions pass these to each other
    images_phase    the first phase of a step
    weights_phase   the second
    steps           the steps of an epoch
    layout          the arrangement of a network in memory while it trains
    translation     from settings, states and plans to arrays
    norms           how much the last step of an epoch changed
    engine          the engine
    available       whether it can be used here
"""
