"""What a terminal or a notebook shows: results on stdout, everything else on stderr.

Read the modules in this order; open `console` first:

    output        the console on stdout, tables, notes on stderr
    console       a run: layers before, a progress bar while it goes
    learning      whether networks learned anything, and how validation went
    results       the results of a run, and of a test
    gradients     gradient checks
    verification  which files are whole, which steps gave the same bits
    diagnosis     what decides speed on this machine
    search        a search: the best and the running trials, the ranking after
"""
