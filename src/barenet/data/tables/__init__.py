"""Features and labels that are no pictures, as people keep them: text tables, data frames, arrays of rows.

Read the modules in this order; open `columns` first:

    cells      one cell of a text table: a number, missing, or text
    table      `Table`: columns of numbers and of text with their names; from data frames and arrays
    labels     which column holds the labels, and labels as numbers of classes
    dialect    delimiter, decimal sign and header of a text table, told from its first lines
    lines      the lines of a text file, a part at a time
    reading    a text file into a `Table`
    columns    `Columns`: what a model takes of a table, and how it becomes numbers
    choosing   which columns are learnt from; what a person says about them
    pixels     which rows of numbers are images
    files      which files of a folder are the tables of which part
    parts      one part of a data set, from its table or its pair of files
    loading    the tables of a data set, by part, into features and labels
"""
