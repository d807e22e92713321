"""From a data set and settings to trained networks, in memory; files are left to `run_folders`.

Read the modules in this order; open `trainer` first:

    metrics         accuracy, confusion, precision and recall
    records         what one epoch of one network gave
    input_range     how images that come in are brought to a network
    preprocessing   features standardised, and what a model remembers of its training images
    table_inputs    a table that comes to a trained model, by the names of its columns
    labels          how much each class counts, and what counts as label
    evaluation      a network over many images, in large batches, and after how many epochs
    preparation     every default resolved, every conflict found before training
    divergence      in which step and layer a network was lost
    epochs          what an epoch needs and gives: weights to start from, rates, the order of images, figures
    remarks         what settings do that a person may not expect
    trainer         the training loop
    learning/       whether a trained network learned anything, why not, and how validation went
"""
