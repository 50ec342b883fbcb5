"""Train live: the same training as a loop, and what it ends in as a checkpoint."""

from vae_core import TrainConfig, save_checkpoint, train

SETTINGS = {"dataset": "digits", "epochs": 2}

config = TrainConfig(**SETTINGS)
for progress in train(config):
    if progress.epoch_ended and progress.test is not None:
        print(f"epoch {progress.epoch:3}  loss {progress.test.loss:8.2f} nats on test images")
save_checkpoint("checkpoint", progress.model, config=config)
