"""From bytes to batches: read, check, split, shuffle and augment images.

| module | job |
|---|---|
| `idx` | the file format of MNIST and its relatives |
| `checks` | images and labels that fit together, or one line that says why not |
| `folders` | the carried Fashion-MNIST, and folders of IDX files |
| `npz` | Keras's layout |
| `pictures` | one picture, decoded, upright, brought to a size |
| `picture_folders` | which pictures a data set has: a folder a class |
| `picture_decoding` | many pictures at once, in threads |
| `picture_cache` | decoded once, memory-mapped after that |
| `csv_files`, `tables` | features and labels that are no pictures |
| `datasets` | any of these, or arrays, into one checked `Dataset` |
| `randomness` | one generator for each (seed, purpose, epoch) |
| `splits` | seeded, stratified validation images |
| `standardising` | features to mean 0 and deviation 1 |
| `batches` | mini-batches in reused buffers, scaled to float32 |
| `augmentation` | training images changed at random: mirrored, shifted |
"""
