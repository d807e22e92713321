"""Networks that train in worker processes: unlike threads, they do not wait for one interpreter.

Read the modules in this order:

    workers   starts and ends processes on this machine
    engine    the engine whose networks train in them
"""
