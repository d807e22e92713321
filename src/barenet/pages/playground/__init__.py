"""A page on which a person draws an image and sees the activation of every neuron.

Read the modules in this order; open `page` first:

    network      the form of a network in the page: rows for its script, and packed weights
    images       the form of its images, and the test images that the page offers
    page         one file with a trained network, its test images, styles and scripts
    playground   the page of a run or a model file: choose the network, the images and the path
"""
