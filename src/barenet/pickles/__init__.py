"""Read the few pickle files that people have, without running anything in them.

`pickle.load` would call whatever a file names. Here a small interpreter knows, by exact name, the few things that
NumPy writes. Read the modules in this order; open `reader` first:

    opening     open a file from someone else; a wrong file gives one message
    arguments   the opcodes of a pickle and their arguments, each within a limit
    arrays      what NumPy writes to make an array, recognised by exact names, types and values
    reader      the interpreter: returns plain values and NumPy arrays, runs nothing
"""
