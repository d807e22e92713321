"""Pictures in a folder a class.

Read the modules in this order; open `folders` first:

    picture    one picture: decoded, upright, brought to a size
    folders    which pictures a data set has, and of which class each is
    decoding   many pictures at once, in threads
    cache      decoded once, mapped into memory after that
"""
