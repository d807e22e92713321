"""All settings of a run, and where they come from.

Read the modules in this order; open `tables` first:

    tables     five frozen tables, validated once
    recipes/   settings files that come with barenet: quick, course
    sources    from a recipe, a settings file and flags to the tables
"""
