"""From a data set and settings to trained networks, in memory; files are left to `run_folders`.

Read the modules in this order; open `trainer` first:

    metrics         accuracy, confusion, precision and recall
    records         what one epoch of one network gave
    inputs/         what a network is given, in training and later
    labels          how much each class counts, and what counts as label
    evaluation      a network over many images, in large batches
    lengths         how many images a batch has, how many epochs a training, and when it validates
    preparation     every default resolved, every conflict found before training
    divergence      in which step and layer a network was lost
    epochs          what an epoch needs and gives: weights to start from, rates, the order of images, figures
    remarks         what settings do that a person may not expect
    trainer         the training loop
    learning/       whether a trained network learned anything, why not, and how validation went
"""
