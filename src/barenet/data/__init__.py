"""From bytes to batches: read, check, split, shuffle and augment images.

Read the modules in this order; open `loading` first:

    files           what every reader of data files needs: what a wrong file is, and where data are to be found
    parts           what people call the parts of a data set, its images and its labels
    found           what a reader finds
    checks          images and labels that fit together, or one line that says why not
    tables/         features and labels that are no pictures: text tables, data frames, rows of numbers
    options         how a data set is to be read
    formats/        IDX and .npz files, and those of other data sets
    pictures/       pictures in folders: found, decoded in threads, kept in a cache
    datasets        arrays into one checked `Dataset`
    loading         a folder or a file, by the reader that it needs, into a `Dataset`
    randomness      one generator for each (seed, purpose, epoch)
    splits          seeded, stratified validation images
    augmentation    training images changed at random: mirrored, shifted, mixed
    standardising   features to mean 0 and deviation 1
    batches         mini-batches in reused buffers, scaled to float32
"""
