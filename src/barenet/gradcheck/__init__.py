"""Compare back-propagation with difference quotients, for networks of barenet and for a person's code.

Read the modules in this order; open `network` first, and `check` for a person's code:

    network       the check of a network of barenet
    functions/    code that a person wrote: its parameters, its arguments, calling it
    differences   the gradient of any function of arrays, by central differences
    mistakes/     the classic mistakes: computed, recognised, named
    report        the report of a check
    measure       the gradients that a function returns, and the difference quotients
    overflow      does the loss overflow for large logits?
    compare       the whole comparison of code with given parameters and a batch
    code          the same for a name in a file, perhaps without parameters and a batch
    check         the same from Python: `check_own_gradients`
"""
