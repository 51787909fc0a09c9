"""The bridge for sectors that are not connected: a spreadsheet of ours, typed, signed, checked cell by cell, told.

`form` says what a sheet holds, `template` makes it, `package` opens what comes back without trusting it, `sign`,
`detached` and `authority` say who signed it, `check` reads its cells, `answer` writes what is wrong into a copy.
`sheet` is the way through all of them, the same for a dropped file and for an upload.
"""
