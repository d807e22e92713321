"""The search itself: its folder, its trials and their comparison.

Read the modules in this order; open `search` first:

    rungs      what a rung of a trial gave, as its file holds it
    folder     one file for each finished rung of each trial
    trial      a trial, its rungs, and how trials compare
    observer   what a search tells whoever watches it
    databases  databases for Optuna's record, and what their errors mean
    ledger     Optuna's record of a study
    results    the ranking, how sure it is, and the files that say so
    record     what is known of the trials: files, then Optuna's record, then tables
    winner     the best trial as a run folder, and trained once more
    opening    a study opened: what is asked, written down, and Optuna's record
    rounds     the points that are trained together, chosen or read back
    search     the coordinator: it alone chooses, sends out, writes down and compares
"""
