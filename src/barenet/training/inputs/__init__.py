"""The inputs of a network: training data as the settings want them, and later data converted in the same way.

Read the modules in this order; open `preprocessing` first:

    input_range     how images for a saved model are scaled
    preprocessing   how features are standardised, and what a model remembers of its training images
    table_inputs    how a table for a trained model becomes features, by the names of its columns
"""
