"""How good the defaults are on real data, and how they were chosen. `make accuracy` goes on with it.

`sets` are the data; `contestants` what is tried on them; `study` does the jobs and keeps every score in results.jsonl;
`page` chooses a rule by the validation scores of one half of the sets, judges it on the other, and writes
docs/accuracy.md. Test parts are looked at by the judged contestants alone.
"""
