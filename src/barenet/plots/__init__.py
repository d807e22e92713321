"""Pictures, as PNG files or panels of a page: weights, neurons, learning curves, searches.

Read the modules in this order; open `canvas` first:

    letters           letters that the font of the pictures lacks
    canvas            one look for all pictures
    rasters           weights and images as small pictures
    ranges            axes that a few outliers do not set
    learning_curves   how a run went: loss, accuracy, learning rate, updates
    weights           weights before and after training
    neurons           activations of each layer, and one neuron closely
    inspection        `inspect`: every picture of what a network learnt
    live              pictures while a run goes on
    tuning/           pictures of searches, and of the loss over learning rates
"""
