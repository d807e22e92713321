"""Features and labels that are not pictures: text tables, data frames, arrays of rows.

Read the modules in this order; open `columns` first:

    cells      one cell of a text table: a number, missing, or text
    table      `Table`: columns of numbers and of text with their names; from data frames and arrays
    labels     which column holds the labels, and labels as numbers of classes
    dialect    delimiter, decimal sign and header of a text table, found in its first lines
    lines      the lines of a text file, read in chunks
    reading    makes a `Table` from a text file
    columns    `Columns`: the columns that a model uses, and how they become numbers
    choosing   which columns are features; what a person says about them
    pixels     which rows of numbers are images
    files      which files of a folder are the tables of which part
    parts      one part of a data set, from its table or its pair of files
    loading    makes features and labels from the tables of a data set, by part
"""
