"""The classic mistakes in back-propagation.

Read the modules in this order; open `reference` first:

    reference    the same network as someone's, with mistakes on demand
    hypotheses   which mistake explains the measured numbers
    wording      what a mistake is called, and how to correct it
"""
