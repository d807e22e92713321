"""The command line: it parses, calls the functions that Python users call, and prints.

Read the modules in this order; open `application` first:

    flags              one flag for every setting
    options            options that several commands share
    models             the model that a command is about
    settings_or_data   the argument that is a settings file or data
    python_file        load a person's Python file or notebook
    commands/          one module a command
    old_words          flags of earlier versions
    help_texts         the help of each command
    help_pages         the help in another language than English
    application        the list of commands, errors
    main               signals, streams, exit codes
"""
