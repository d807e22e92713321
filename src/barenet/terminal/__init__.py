"""What a terminal or a notebook shows: results on stdout, everything else on stderr.

Read the modules in this order; open `console` first:

    console          a run: layers before, a progress bar while, results after
    code_gradients   the check of someone's code
    search           a search: the best and the running trials, the ranking after
"""
