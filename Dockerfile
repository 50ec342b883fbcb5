# The app with all pretrained models, for one machine or a Hugging Face Space: see docs/deploy.md.
FROM python:3.13-slim AS install

# uv takes PyTorch without CUDA, which pip would add: gigabytes that nothing here uses.
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY requirements.txt .
RUN uv venv /venv && \
    uv pip install --python /venv --no-cache --torch-backend cpu -r requirements.txt

FROM python:3.13-slim

# The user that a Space runs as.
RUN useradd --create-home --uid 1000 zscape
COPY --from=install /venv /venv
WORKDIR /app
COPY app.py pyproject.toml ./
COPY .streamlit .streamlit
COPY checkpoints checkpoints
COPY lessons lessons
COPY vae_core vae_core
COPY live live
COPY ui ui
COPY pages pages
COPY zscape zscape

ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ZSCAPE_CHECKPOINTS=checkpoints \
    ZSCAPE_DATA=/home/zscape/data \
    ZSCAPE_EMBED=https://huggingface.co \
    ZSCAPE_RUNS=/home/zscape/runs
RUN mkdir -p /home/zscape/data /home/zscape/runs && chown zscape: /home/zscape/data /home/zscape/runs
USER zscape
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD ["python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/_stcore/health', timeout=5)"]
CMD ["python", "-m", "zscape", "--host", "0.0.0.0", "--port", "7860", "--no-browser"]
