"""Where and how trials are trained.

Read the modules in this order; open `rung` first:

    shared_data   the split data as files that workers map into memory
    rung          a stack trained from where it is to a given epoch
    pool          what a search asks of whatever trains its rungs; rungs in this process
    processes     rungs in processes of this machine
    cluster       rungs on a Dask cluster
    executors     one of these, as it is asked for
    stacks        many stacks on a pool, whatever happens to its workers
    estimate      how long a search would take
"""
