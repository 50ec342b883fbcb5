"""Compression: bits of rounded codes against what comes back, beside JPEG and PNG."""

from vae_core import checkpoint_images, load_checkpoint, load_latents
from vae_core.latent.decoded import decoded
from vae_core.measures.compression import coded, entropy_bits, jpeg, png_bits, prior_bits, quantise

CHECKPOINT = "checkpoints/digits-2d"
IMAGES = 500
STEP = 0.5
STEPS = [0.5, 2.0]
QUALITIES = (5, 95)

model = load_checkpoint(CHECKPOINT)
latents = load_latents(CHECKPOINT)
# when a data set:
test = checkpoint_images(CHECKPOINT)
# when own images:
test = checkpoint_images(CHECKPOINT, own="my-images.zip")
# end
images = test.floats(latents.indices[:IMAGES])

symbols = quantise(latents.mu, STEP)
print("bits by dimension", entropy_bits(symbols).round(decimals=2).tolist())
print(f"under the prior   {prior_bits(symbols, STEP).sum():.2f} bits")
results = {
    "step": [coded(latents.mu, lambda z: decoded(model, z), images, step) for step in STEPS],
    "JPEG": [jpeg(images, quality) for quality in QUALITIES],
}
for name, found in results.items():
    for r in found:
        print(f"{name} {r.setting:6g} {r.bits:9.2f} bits {r.psnr:6.2f} dB {r.ssim:6.3f}")
print(f"PNG         {png_bits(images):9.2f} bits")
