"""The assignment kit: a folder in which a student writes a network, the check of each step, and the grading of a class.

A student's code runs in separate processes with limits on time and memory. Read the modules in this order; open `steps`
first, and `check` for what happens to a student's folder:

    steps       the steps: names, files, usual points
    findings    what the check of a step finds
    folder      make a kit, and read its kit.toml; the files are in templates/
    form        how many hidden layers, which activations and metrics other homework has
    homework    a student's code: import it, call it, explain its errors
    checks/     one function a step
    stand_ins   right code in place of wrong steps
    isolation   a process with limits
    worker      the process that checks one step
    check       all steps of a folder
    points      the points of the steps
    grade       a class: a table, and results for Gradescope
"""
