"""A page on which a person draws an image and watches every neuron answer.

The one module, to open first:

    page   a trained network, its test images, styles and scripts in one file
"""
