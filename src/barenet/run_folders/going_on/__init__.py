"""Going on with a run that was stopped, and for longer than it was started for.

Read the modules in this order; open `resuming` first:

    extending   more epochs than a run was started for
    resuming    go on with a run that was stopped
"""
