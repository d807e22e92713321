"""The file formats that images, labels and features come in.

Read the modules in this order; open `idx` first:

    idx           the format of MNIST and its relatives, and of the Fashion-MNIST that barenet carries
    idx_folders   the four IDX files of a data set, in any folder or in barenet
    npz           Keras's layout: x_train, y_train, x_test, y_test
    csv_files     one .csv file of numbers, with a header or without
    tables        features and labels that are no pictures: .csv tables, .npy or .csv pairs
"""
