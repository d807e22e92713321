"""The search itself: its folder, its trials and their comparison.

Read the modules in this order; open `search` first:

    rungs      the result of a rung of a trial, as its file holds it
    folder     one file for each finished rung of each trial
    trial      a trial, its rungs, and how trials compare
    observer   what a search reports to its observer
    databases  databases for Optuna's record, and what their errors mean
    ledger     Optuna's record of a study
    results    the ranking, how sure it is, and its files
    record     the record of the trials: files, then Optuna's record, then tables
    winner     the best trial as a run folder, and trained once more
    opening    open a study: write what is asked for, and open Optuna's record
    rounds     the points that are trained together, chosen or read back
    search     the coordinator, which chooses points, sends tasks, writes results and compares them
"""
