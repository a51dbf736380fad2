"""What people read, in Albanian and English: gettext catalogues, and all that reads them.

`console.*.po` and `public.*.po` name their texts (`msgid` is a name such as `queue_empty`) and stand in each language.
`sentences.sq.po` says in Albanian what rules and steps say in English (`msgid` is the English sentence).
"""
