"""All benchmarks, each with its floor in the same run: machines differ, and so do their moods; ratios travel.

`python -m bench` from the root of the repository; `python -m bench lists ...` only that of lists, at any size.
"""

import sys

from bench import frames, idle_connections, lists, meter_values, profile_put, servers

SESSIONS = 20_000
"""Of the lists, with ten times as many meter values: more is asked for by hand."""


def main() -> None:
    ratios = {"frame": frames.run()}
    for stack in servers.STACKS:
        ratios[f"meter values, {stack}"] = meter_values.run(stack, sockets=50, seconds=6)
    for stack in servers.STACKS:
        ratios[f"profile PUT to result, {stack}"] = profile_put.run(stack, sessions=80, per_second=20, seconds=15)
    idle_connections.run(count=500)
    ratios["lists, postgres"] = lists.run("postgres", sessions=SESSIONS)
    print("\nratios to the floors")
    for name, figures in ratios.items():
        print(f"  {name}: " + ", ".join(f"{figure} {value:.2f}" for figure, value in figures.items()))


if __name__ == "__main__":
    lists.main(sys.argv[2:]) if sys.argv[1:2] == ["lists"] else main()
