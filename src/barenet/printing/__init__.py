"""All that barenet prints: in the chosen language, and escaped, so no text from outside controls the terminal.

Failed output ends no run.

Read the modules in this order; open `lines` first:

    encodings  what a stream can show, and in which language
    streams    stdout and stderr, which may have no reader
    lines      lines, notes, JSON and CSV
    consoles   tables, colours and progress bars, by rich
    handlers   the notes of the logger, printed
    shown      how results print, and what a notebook shows of them
"""
