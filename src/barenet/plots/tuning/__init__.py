"""Plots of searches and of range tests of learning rates.

Read the modules in this order; open `search` first:

    scales           axes and colours of a search's plots
    curves           the learning curves of a search's trials
    points           the scores of named points, a row for each
    settings         the scores at each value of a setting, and how much each setting explains
    parallel         each trial as a line through its settings
    heat_map         the scores of a grid of two settings
    search           plots of a search
    learning_rates   the loss over rising learning rates
"""
