"""Files that stay whole in a crash and whose damage is noticed: they are replaced whole, each with a checksum.

Read the modules in this order; open `files` first:

    files      replaced whole, appended to; names and endings
    folders    new folders, complete or not there, and the lock of a folder
    arrays     safetensors with a checksum of each array
    described  what a model file says about its network, checked
    sealing    JSON with a checksum: history, test results, the records of a study
    history    the records of a run's epochs, a sealed line each
    ensembles  the members of an ensemble
"""
