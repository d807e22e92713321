"""Whether a trained network learned anything, why not if it did not, and how its validation loss changed.

Read the modules in this order; open `verdict` first:

    measurement   how much a network's outputs say about the labels, compared with answers that need no training
    activity      hidden units whose activation function is flat
    untrained     the network before training, for comparison
    remedies      what to try, as flags with their values
    reasons       measured reasons why a network learned nothing, and what to try
    trends        whether the validation loss rises, or still falls at the end
    verdict       all of these in one answer
"""
