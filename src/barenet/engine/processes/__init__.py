"""Networks that train in worker processes: they do not wait for one interpreter, as threads do.

Read the modules in this order:

    workers   processes of this machine, and how they end
    engine    the engine whose networks train in them
"""
