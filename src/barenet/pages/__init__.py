"""HTML pages that hold all they need: reports of runs, and the playground.

Read the modules in this order; open `page` first:

    page             fill a template, write a page
    settings_table   settings as a page shows them
    reports/         one page about a run, or one that compares several
    playground/      a page on which a person draws and watches every neuron answer
    cells            what a cell of a notebook shows of a result
"""
