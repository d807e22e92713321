"""Rows of a table as an exported file takes them.

Read the modules in this order; to follow a table through an exported file, open `rows` first:

    rows        rows as people have them into features: functions that an exported Python file holds
    text        lines of a text file as such rows: likewise
    source      what such a file says about tables, and the source of these functions
    numbers     rows as numbers alone, as an ONNX graph takes them
"""
