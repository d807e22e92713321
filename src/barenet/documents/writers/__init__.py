"""Writers of a document: each renders the same blocks, translated and numbered.

Read the modules in this order; open `html` first:

    texts      code in a text, names of figures, the mark of a file that barenet wrote
    html       one HTML file for the screen and for A4
    markdown   Markdown with figures beside it
    latex      LaTeX with figures beside it
    browser    HTML printed as PDF by the system's Chromium
    fonts      whether there is a font with Chinese letters
    writing    the file or the folder, and what must not be overwritten
"""
