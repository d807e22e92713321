"""From bytes to batches: read, check, split, shuffle and augment images.

| module | job |
|---|---|
| `idx` | the file format of MNIST and its relatives |
| `datasets` | the carried Fashion-MNIST, folders, .npz files and arrays into one checked `Dataset` |
| `randomness` | one generator for each (seed, purpose, epoch) |
| `splits` | seeded, stratified validation images |
| `batches` | mini-batches in reused buffers, scaled to float32 |
| `augmentation` | training images changed at random: mirrored |
"""
