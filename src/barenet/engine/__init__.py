"""How training steps are computed: with NumPy, for one network or a stack of networks.

Read the modules in this order; open `numpy_engine` first:

    state          all that networks need to go on training as if they had never stopped
    threads        how many BLAS threads a run uses
    products       a matrix product in parts that BLAS multiplies faster than the whole
    layers         dense layers with such products, whose weights may move early
    plain_sgd      SGD without momentum and clipping in fewer passes over the weights
    network        a network of such layers
    stacks         which networks train as one stack, and their hyper-parameters as columns
    numpy_engine   one training step of a stack
    diagnosis      what decides speed on this machine
"""
