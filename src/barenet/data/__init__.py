"""From bytes to batches: read, check, split, shuffle and augment images.

| module | job |
|---|---|
| `idx` | the file format of MNIST and its relatives |
| `checks` | images and labels that fit together, or one line that says why not |
| `folders` | the carried Fashion-MNIST, and folders of IDX files |
| `npz` | Keras's layout |
| `datasets` | any of these, or arrays, into one checked `Dataset` |
| `randomness` | one generator for each (seed, purpose, epoch) |
| `splits` | seeded, stratified validation images |
| `batches` | mini-batches in reused buffers, scaled to float32 |
| `augmentation` | training images changed at random: mirrored |
"""
