"""One page about a run, or one that compares several.

Read the modules in this order; open `report` first:

    drawings     panels as SVG, with captions and points to hover
    overlays     several networks' curves in one picture
    judgement    how the network did on its test images
    inside       its layers, neurons and weights
    untested     why there are no test results, and what to type
    contestants  what a run brings to a comparison
    rows         a run, or one of its networks, as a row of a table
    comparison   several runs side by side
    ensembles    the page about an ensemble
    report       the page about one run, and the function that chooses
"""
