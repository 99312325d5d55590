"""All benchmarks, each with its floor in the same run: machines differ, and so do their moods; ratios travel.

`python -m bench` from the root of the repository.
"""

from bench import frames, idle_connections, meter_values, profile_put, servers


def main() -> None:
    ratios = {"frame": frames.run()}
    for stack in servers.STACKS:
        ratios[f"meter values, {stack}"] = meter_values.run(stack, sockets=50, seconds=6)
    for stack in servers.STACKS:
        ratios[f"profile PUT to result, {stack}"] = profile_put.run(stack, sessions=80, per_second=20, seconds=15)
    idle_connections.run(count=500)
    print("\nratios to the floors")
    for name, figures in ratios.items():
        print(f"  {name}: " + ", ".join(f"{figure} {value:.2f}" for figure, value in figures.items()))


if __name__ == "__main__":
    main()
