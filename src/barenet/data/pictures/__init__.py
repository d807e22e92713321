"""Pictures in a folder a class, or beside a table of labels.

Read the modules in this order; open `layouts` first:

    deep       pictures with 16 bits a pixel: which of their values become 0 and 255
    picture    one picture: decoded, upright, brought to a size
    folders    the pictures in a folder and below it
    layouts    which folders are classes and which are parts
    classes    the pictures of the classes that folders are
    label_tables   tables of labels: which column holds names, which labels
    labelled   pictures whose labels a table beside them holds
    decoding   many pictures at once, in threads
    reports    what is odd or wrong with pictures
    cache      decoded once, mapped into memory after that
"""
