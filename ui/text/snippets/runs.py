"""Runs: the course of these trainings, as their folders hold it."""

from vae_core import Run

FOLDERS = ("runs/digits",)

for folder in FOLDERS:
    run = Run(folder)
    print(f"{folder}: {run.status().state}, {run.config()}")
    for report in run.events():
        if test := report["test"]:
            print(
                f"epoch {report['epoch']:4}  -reconstruction {-test['reconstruction']:9.2f}  "
                f"KL {test['kl']:7.2f}  loss {test['loss']:9.2f} nats on test images"
            )
