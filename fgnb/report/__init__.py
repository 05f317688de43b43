"""The grammar of a page: records of rows, numbers that follow from them, readings, tables.

`records` and `archive` keep answers with their provenance; `kinds`, `sheet` and `readings` make
numbers of them; `layout`, `render` and `folds` show them; `page` is what a notebook asks. It knows
no paper: what one chapter alone counts or draws is in `fgnb.pages`.
"""
