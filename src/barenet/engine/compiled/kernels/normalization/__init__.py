"""Normalisation of what a product gives, and its way back.

Read the modules in this order; open `over_units` first:

    over_units   of each image over its units
    over_images  of each unit over the images of a ghost batch
"""
