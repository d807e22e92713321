"""A function that a person wrote: `loss, gradients = function(parameters, x, labels)`.

Read the modules in this order; open `function` first:

    structure   parameters in dicts, lists and tuples of arrays, also nested
    function    calls the function, and checks what it returns
    arguments   parameters and a batch: from the code, else made here
"""
