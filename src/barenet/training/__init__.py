"""Train networks in memory, from a data set and settings; `run_folders` reads and writes the files.

Read the modules in this order; open `trainer` first:

    metrics         accuracy, confusion, precision and recall
    records         the results of one epoch of one network
    inputs/         the inputs of a network, in training and later
    labels          class weights and soft labels
    evaluation      run a network over many images, in large batches
    lengths         the batch size, the number of epochs, and when training validates
    preparation     resolve every default and find every conflict before training
    divergence      in which step and layer a network diverged
    epochs          the plan and the results of an epoch: first weights, rates, the order of images, figures
    setting_notes   effects of settings that a person may not expect
    trainer         the training loop
    learning/       whether a trained network learned anything, why not, and how validation went
"""
