"""PyYAML on the text that its standard input gives: C loader and Python loader, CPU time of one load."""
import sys
import time

import yaml


def load_us(loader, text, turns):
    yaml.load(text, Loader=loader)
    start = time.process_time()
    for _ in range(turns):
        yaml.load(text, Loader=loader)
    return (time.process_time() - start) / turns * 1e6


text = sys.stdin.read()
print("yaml_pyyaml_c_us", load_us(yaml.CSafeLoader, text, 20))
print("yaml_safe_load_us", load_us(yaml.SafeLoader, text, 3))
