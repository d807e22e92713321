"""HTML pages that contain everything they need: reports of runs, and the playground.

Read the modules in this order; open `page` first:

    scripts          scripts in another language
    languages        templates and drawings in another language
    page             fill a template, write a page
    settings_table   settings as text for a page
    reports/         pages about one run, and pages that compare several
    playground/      a page on which a person draws an image and sees the activation of every neuron
    cells            HTML for a result in a cell of a notebook
"""
