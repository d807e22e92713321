"""The sections of a document, as lists of blocks; a section without its input says what is missing, and what makes it.

Read the modules in this order; open `results` first:

    data         the data, and the layers of the network
    training     the settings, and the learning curves
    results      accuracy, figures of each class, the confusion matrix
    search       the ranking of a search, and its charts
    weights      the weights of each layer before and after training
    comparison   several networks side by side
    repeating    commands, versions, machine, seeds
"""
