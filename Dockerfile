# One image for the harness, the load, the sidecar and the reference target. Needs no BuildKit.
#
# The verdict is made on a private Prometheus, of the very version that the stack runs.
FROM prom/prometheus:v3.13.3 AS prometheus

FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/harness
COPY requirements.runtime.lock ./
RUN /opt/harness/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.runtime.lock
COPY pyproject.toml README.md LICENSE ./
COPY harness harness
COPY exporters exporters
COPY target target
COPY prometheus prometheus
COPY plans plans
COPY dashboards dashboards
COPY docs/runbooks docs/runbooks
RUN /opt/harness/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation .
# The shipped plans stand where the stack mounts the checkout's, so that a name means the same file in both.
WORKDIR /harness
RUN shipped=$(/opt/harness/bin/python -c 'from harness.assets import data_path; print(data_path("plans"))') \
 && mv "$shipped" /harness/plans && ln -s /harness/plans "$shipped"

FROM python:3.12-slim-bookworm
COPY --from=prometheus /bin/prometheus /bin/promtool /usr/local/bin/
COPY --from=build /opt/harness /opt/harness
COPY --from=build /harness /harness
COPY deploy/__init__.py /opt/stack/deploy/__init__.py
COPY deploy/init /opt/stack/deploy/init
# /runs and /run/harness: a fresh volume is writable by whichever user runs.
RUN install -d -m 1777 /runs /run/harness
ENV PATH=/opt/harness/bin:$PATH PYTHONPATH=/opt/stack PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
WORKDIR /harness
USER 1000:1000
CMD ["harness", "--help"]
