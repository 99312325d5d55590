"""All benchmarks, each with its floor in the same run: machines differ, and so do their moods; ratios travel.

`python -m bench` from the root of the repository.
"""

from bench import frames, idle_connections, meter_values, profile_put, servers


def main() -> None:
    frames.run()
    for stack in servers.STACKS:
        meter_values.run(stack, sockets=50, seconds=8)
    for stack in servers.STACKS:
        profile_put.run(stack, sessions=40, per_second=20, seconds=20)
    idle_connections.run(count=500)


if __name__ == "__main__":
    main()
