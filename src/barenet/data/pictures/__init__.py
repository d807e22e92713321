"""Pictures in a folder for each class, or beside a table of labels.

Read the modules in this order; open `layouts` first:

    deep       pictures with 16 bits a pixel: which of their values become 0 and 255
    picture    one picture: decoded, turned upright, scaled to a size
    folders    the pictures in a folder and below it
    layouts    which folders are classes and which are parts
    classes    the pictures in folders of classes
    label_tables   tables of labels: which column holds names, which labels
    labelled   pictures whose labels are in a table beside them
    decoding   many pictures at once, in threads
    reports    what is unusual or wrong with pictures
    cache      decoded pictures, kept on disk and mapped into memory
"""
