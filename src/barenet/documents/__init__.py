"""Reports to hand in: documents about runs, studies and homework, in four forms and two languages.

A document is a list of blocks (`blocks`), which `parts/` makes from what `inputs/` reads, and `writers/` writes. All
texts are English until they are written; `words` translates them then.

Read the modules in this order; open `document` first:

    words      the texts of a document in its language
    blocks     headings, paragraphs, tables, figures, code
    inputs/    what a document is about: runs, studies, homework of other programs
    figures    the figures, with labels in the language
    parts/     the sections
    writers/   HTML, Markdown, LaTeX, PDF
    document   reads everything, puts the sections together, writes the document
"""
