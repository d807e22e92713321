"""How training steps are computed: by NumPy or compiled kernels, for one network or a stack, on one core or several.

Read the modules in this order; open `protocol` first:

    state          all that networks need to continue training exactly as without a break
    protocol       what every engine does
    threads        the threads of BLAS
    parts          into which parts a step is cut
    team           threads that work on the tasks of a phase
    choice         how many threads compute the next steps
    products       a matrix product in parts that BLAS multiplies faster than the whole
    network        a network of dense layers with such products
    plain_sgd      SGD without momentum and clipping in fewer passes over the weights
    stacks         which networks train as one stack; makes its network and optimizer
    numpy_engine   the engine that computes with NumPy
    compiled       the engine that computes with compiled kernels
    processes      an engine whose networks train in worker processes
    making         chooses one of these engines
    diagnosis      what decides speed on this machine
"""
