"""Where and how trials are trained.

Read the modules in this order; open `rung` first:

    shared_data   the split data as files that workers map into memory
    rung          a stack trained from where it is to a given epoch
    executors     in this process, in processes of this machine, or on a Dask cluster
    stacks        many stacks on a pool, whatever happens to its workers
    estimate      how long a search would take
"""
