"""Rows of a table as an exported file takes them.

Read the modules in this order; to follow a table through an exported file, open `rows` first:

    rows        convert rows to features; an exported Python file holds these functions
    text        read rows from a text file; an exported Python file holds these functions
    source      the text about tables in such a file, and the source of these functions
    numbers     rows of numbers only, as an ONNX graph takes them
"""
