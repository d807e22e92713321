"""What a network is given: training data as the settings want them, and whatever comes in later brought to the same.

Read the modules in this order; open `preprocessing` first:

    input_range     how images that come in are brought to a network
    preprocessing   features standardised, and what a model remembers of its training images
    table_inputs    a table that comes to a trained model, by the names of its columns
"""
