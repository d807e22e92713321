"""The page about a search.

Read the modules in this order; open `study_page` first:

    trials      the trials as rows of tables, in their order
    plots       the plots of a search as SVG, and the means behind them as a table
    space       what was searched, and how
    words       how far a search is, who won, and what to try next
    study_page  the page
"""
