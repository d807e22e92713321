"""Pages about one run or one search, and pages that compare several runs.

Read the modules in this order; open `report` first:

    page_plots         plots as SVG, with captions and points to hover over
    overlays           the curves of several networks in one plot
    held_out_results   the results of a network on test or validation images
    inside             the layers, neurons and weights of a network
    untested           why there are no test results, and the command for them
    run_summaries      the networks and results of a run or an ensemble, for a comparison
    rows               a run, or one of its networks, as a row of a table
    comparison         the page that compares runs
    ensembles          the page about an ensemble
    studies/           the page about a search
    report             the page about one run, and the function that chooses the page
"""
