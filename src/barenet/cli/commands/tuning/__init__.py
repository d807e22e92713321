"""Commands that train in order to choose settings, a module each.

Read the modules in this order; open `search` first:

    search    search for good settings
    lr_find   find a learning rate
"""
