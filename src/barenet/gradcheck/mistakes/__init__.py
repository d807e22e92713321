"""The classic mistakes in back-propagation.

Read the modules in this order; open `reference` first:

    reference    a person's network, with chosen mistakes
    hypotheses   which mistake explains the measured numbers
    wording      the words for each mistake, and how to correct it
"""
