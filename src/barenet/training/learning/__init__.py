"""Whether a trained network learned anything, why not where it did not, and how validation went.

Read the modules in this order; open `verdict` first:

    measurement   what a network's outputs say of the labels, against answers that need no training
    activity      hidden units whose activation function is flat
    untrained     the network before training, to compare with
    remedies      what to try, as flags with their values
    reasons       why a network learned nothing, as measured, and what to try
    trends        whether the validation loss rises, or still falls at the end
    verdict       all of it in one answer
"""
