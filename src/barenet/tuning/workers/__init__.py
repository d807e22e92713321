"""Where and how trials are trained.

Read the modules in this order; open `rung` first:

    shared_data   the split data as files that workers map into memory
    rung          train a stack for one rung
    pool          what a search needs of workers; rungs in this process
    processes     rungs in processes of this machine
    cluster       rungs on a Dask cluster
    executors     choose one of these
    stacks        train many stacks on a pool, even if workers die
    estimate      how long a search would take
"""
