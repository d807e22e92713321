"""Training steps computed with NumPy, in parts for any number of threads.

Read the modules in this order; open `engine` first:

    feed             the batches of an epoch
    images_phase     for some images: forward, loss, and back to the first layer
    weights_phase    for some weights: their gradient and their update
    batch_tasks      the parts of a step for one size of batches
    group            one step of a network, or of a stack of several
    engine           several steps, on as many threads as are fastest
"""
