"""python -m vae_core."""

from vae_core.command.main import main

if __name__ == "__main__":
    raise SystemExit(main())
