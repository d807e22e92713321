"""Files from outside: opened, unpacked and checked before anything in them is used.

Read the modules in this order; open `borders` first:

    borders    any error of a parser becomes one line that names the file; only regular files are opened
    limits     how much a packed file may unpack to, and an array may take
    arrays     .npy files, and zip archives of them
"""
