"""A person's code: a function or an object, as `loss, gradients = f(parameters, x, labels)`.

Read the modules in this order; open `function` first:

    structure   parameters in dicts, lists and tuples of arrays, also nested
    names       the usual names of arguments, parameters and gradients
    failures    what is wrong, in one line
    signature   a function with its arguments in any order
    holders     the arrays in an object: parameters and gradients
    objects     an object with methods such as forward and backward
    layout      images in rows or columns; names for the arrays of a list
    function    calls the code, and checks what it returns
    plans       the ways of calling the code that are tried
    arguments   parameters and a batch: from the code, else made here
    notebook    the code cells of a notebook
"""
