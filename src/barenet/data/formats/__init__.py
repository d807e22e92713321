"""The formats of files with images and labels.

Read the modules in this order; open `idx` first:

    idx            the format of MNIST and its relatives, and of the Fashion-MNIST that barenet carries
    emnist         what is special in EMNIST: transposed characters, and their names
    idx_folders    the four IDX files of a data set, in any folder or in barenet
    named_arrays   arrays by name: which are images, which labels, of which part
    npz            .npz files, of all arrays or of one each
    pickled        pickles such as mnist.pkl.gz
    part_files     a file for each part: train.npz and test.npz, train.p and test.p
    cifar          CIFAR-10 and CIFAR-100, binary and "python" batches
    refusals       messages for a path at which none of these is found
"""
