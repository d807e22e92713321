"""Continue a run that was stopped, also for more epochs than it was started with.

Read the modules in this order; open `resuming` first:

    extending   more epochs than a run was started with
    resuming    continue a run that was stopped
"""
