"""Renders a notebook to a standalone page in a warm Python process, again and again.

usage: warm.py FILE RUNS RESULT; prints one JSON object and writes the page to RESULT.
"""

import json
import resource
import sys
import time

from nbconvert import HTMLExporter

path, runs, result = sys.argv[1], int(sys.argv[2]), sys.argv[3]
exporter = HTMLExporter()
samples = []
for run in range(runs + 2):
    begun = time.perf_counter()
    page, _ = exporter.from_filename(path)
    elapsed = time.perf_counter() - begun
    if run >= 2:
        samples.append(elapsed * 1000)
with open(result, "w", encoding="utf-8") as file:
    file.write(page)
peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"ms": samples, "peak_kib": peak_kib}))
