"""Files that a person hands in: what is done before anything in them is believed, whatever they hold.

Read the modules in this order; open `borders` first:

    borders    whatever a parser raises becomes one line that names the file; only regular files are opened
    limits     how much a packed file may unpack to, and an array may take
    arrays     .npy files, and zip archives of them
"""
