"""From bytes to batches: read, check, split, shuffle and augment images.

Read the modules in this order; open `loading` first:

    files           what every reader of data files needs: names for wrong files, and a search for data
    parts           what people call the parts of a data set, its images and its labels
    found           what a reader finds
    checks          checks that images and labels fit together
    tables/         features and labels that are not pictures: text tables, data frames, rows of numbers
    options         how to read a data set
    formats/        IDX and .npz files, and those of other data sets
    pictures/       pictures in folders: found, decoded in threads, kept in a cache
    datasets        makes one checked `Dataset` from arrays
    loading         makes one from a folder or a file, with the reader that it needs
    randomness      one generator for each (seed, purpose, epoch)
    splits          seeded, stratified validation images
    augmentation    training images changed at random: mirrored, shifted, mixed
    standardising   features with mean 0 and deviation 1
    batches         mini-batches in reused buffers, scaled to float32
"""
