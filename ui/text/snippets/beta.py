"""KL and β: a training with this weight of the KL, and what both terms come to on test images."""

from vae_core import TrainConfig, evaluate, load_dataset, train

SETTINGS = {"dataset": "digits", "epochs": 2, "beta": 4.0}

config = TrainConfig(**SETTINGS)
for progress in train(config):
    if progress.epoch_ended and progress.epoch % 20 == 0:
        print(f"epoch {progress.epoch}")
metrics = evaluate(progress.model, load_dataset(config.dataset, "test"))
print(f"-reconstruction  {-metrics.reconstruction:8.2f} nats")
print(f"KL               {metrics.kl:8.2f} nats")
print(f"-ELBO            {-metrics.elbo:8.2f} nats")
print(f"active units     {metrics.active_units} of {config.latent_dim}")
