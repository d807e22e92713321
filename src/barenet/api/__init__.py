"""The Python functions behind the commands; `barenet` exports them.

Read the modules in this order; open `training` first:

    training         `train`, `resume`
    learning_rates   `find_learning_rate`
    searching        `search`
    members          the networks that are to become an ensemble
    agreement        whether they fit together
    ensembles        `ensemble`
    reporting        `report`
"""
