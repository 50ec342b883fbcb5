from vae_core.command.main import main

raise SystemExit(main())
