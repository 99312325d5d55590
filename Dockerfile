# One image for every part: web, workers, beat and the set-up commands.
FROM python:3.11-slim AS build
RUN python -m venv /opt/venv
COPY requirements.txt .
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data HOST=0.0.0.0
# Written to only without DATABASE_URL or SECRET_KEY: the embedded database and key. Mount a volume there to keep them.
RUN useradd --system --uid 10001 --home-dir /data --create-home cpo
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY manage.py LICENSE ./
COPY cpo_backoffice cpo_backoffice
COPY ocpi ocpi
COPY chargepoints chargepoints
COPY templates templates
USER cpo
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + (os.environ.get('PORT') or '8000') + '/healthz', timeout=3)"]
CMD ["python", "manage.py", "run"]
