"""All settings of a run, and where they come from.

Read the modules in this order; open `tables` first:

    fields     how the value of one setting is read, from a number or from text
    tables     five frozen tables, validated once
    recipes/   settings files that come with barenet: quick, course
    sources    from a recipe, a settings file and flags to the tables
"""
