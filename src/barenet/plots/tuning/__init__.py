"""Pictures of what is trained in order to choose settings.

Read the modules in this order; open `search` first:

    scales           axes and colours of a search's pictures
    curves           how the trials of a search learnt
    points           the scores of named points, a row each
    search           pictures of a search
    learning_rates   the loss over rising learning rates
"""
