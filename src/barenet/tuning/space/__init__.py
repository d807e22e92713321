"""What is searched: settings, their values, and which points come next.

Read the modules in this order; open `search_space` first:

    dimensions     one searched setting: its name, its values, its condition
    plan           strategy, rounds, rungs, and what counts as better
    search_space   which settings are searched, through which values, under which conditions
    listed         a space that is a list of points
    points         make the settings of a trial from a point of the space
    space_file     a space as a person writes it: a TOML file, or flags
    base_settings  settings that trials start from, as a person gives them
    earlier_formats  what study.json holds, now and in earlier formats
    sampling       which points come next
    request        what a search is asked for: read, stored and compared
    runnable       which values can be trained, checked before training begins
    prepared       a search whose data are loaded and split
"""
