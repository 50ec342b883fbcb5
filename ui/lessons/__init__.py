"""Lessons: Markdown files that a teacher writes, shown beside the pages that they are about.

`reading` makes a `Lesson` of a file or says in a sentence what is wrong with it; `shelf` has all
that there are; `opened` knows which one is open; `column` shows it.
"""
