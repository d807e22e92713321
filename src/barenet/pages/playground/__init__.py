"""A page on which a person draws an image and watches every neuron answer.

Read the modules in this order; open `page` first:

    network      a network as the page holds it: rows for its script, weights packed into text
    page         a trained network, its test images, styles and scripts in one file
    playground   the page of a run or a model file: which network, which images, where it is written
"""
