"""Normalisation of the result of a matrix product, and its backward pass.

Read the modules in this order; open `over_units` first:

    over_units   each image over its units
    over_images  each unit over the images of a ghost batch
"""
