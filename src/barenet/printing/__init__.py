"""All that barenet prints: escaped, so that no name from outside steers a terminal, and never a reason to end a run.

Read the modules in this order; open `lines` first:

    streams    stdout and stderr that nobody may read
    lines      lines, notes, JSON and CSV
    consoles   tables, colours and progress bars, by rich
"""
