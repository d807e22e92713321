"""Plots, as PNG files or in pages: weights, neurons, learning curves, searches.

Read the modules in this order; open `appearance` first:

    letters           letters that are not in the font of the plots
    appearance        colours, fonts and file formats of all plots
    rasters           weights and images as PNG files of pixels
    ranges            limits of axes that a few outliers do not change
    learning_curves   loss, accuracy, learning rate and updates over the epochs
    weights           weights before and after training
    neurons           activations of each layer, and details of one neuron
    inspection        `inspect`: all plots of a trained network
    live              plots during training
    tuning/           plots of searches, and of the loss over learning rates
"""
