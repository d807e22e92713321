"""The output in a terminal or a notebook: results on stdout, everything else on stderr.

Read the modules in this order; open `console` first:

    output        the console on stdout, tables, notes on stderr
    console       a run: its layers at the start, and a progress bar
    learning      whether networks learned anything, and how their validation loss changed
    results       the results of a run, and of a test
    gradients     gradient checks
    verification  which files are undamaged, and which steps gave the same bits
    diagnosis     what decides the speed on this machine
    search        a search: the best and the running trials, and the ranking at the end
"""
