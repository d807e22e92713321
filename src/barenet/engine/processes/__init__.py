"""Networks that train in worker processes: for small batches, where threads do not help.

Read the modules in this order:

    workers   processes of this machine, and how they end
    engine    the engine whose networks train in them
"""
