"""Bad files of our own, made by a script: each with its fault, the outcome wanted and the words to be named.

make_corpus.py   the entries, all of them
elements.py      faults of elements and tables in a GeoPackage that is whole
files.py         faults of files: cut, without members, in other encodings, of every format
hostile.py       files made to do something
town.py          the sound network they all are spoilt copies of
"""
