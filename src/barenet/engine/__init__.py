"""How training steps are computed: with NumPy, for one network or a stack of networks.

Read the modules in this order; open `numpy_engine` first:

    state          all that networks need to go on training as if they had never stopped
    threads        how many BLAS threads a run uses
    numpy_engine   one training step of a stack
    diagnosis      what decides speed on this machine
"""
