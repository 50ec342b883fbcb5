"""The command `zscape`, and `python -m zscape`. Older Pythons read this file, to say no."""

import sys


def main() -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 — pip refuses it, but whoever runs a checkout is told
        running = ".".join(map(str, sys.version_info[:2]))
        print(f"zscape: this is Python {running}; Zscape needs 3.11 or later.", file=sys.stderr)
        return 1
    from zscape.command import main

    return main()


if __name__ == "__main__":
    raise SystemExit(main())
