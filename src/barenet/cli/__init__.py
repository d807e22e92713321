"""The command line: it parses, calls the functions that Python users call, and prints.

Read the modules in this order; open `main` first:

    flags       one flag for every setting
    own_file    load a person's Python file
    commands/   one module a command
    main        the list of commands, errors, signals, exit codes
"""
